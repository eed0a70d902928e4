"""Google contacts by fingerprint. A changed row is published (`said` in the table) only once its event is on the bus."""

from collections.abc import Mapping, Sequence

from libs.common.db import Connection
from libs.common.ids import AccountId
from libs.common.requests import HeldItem, PublishedItem
from services.sync.domain.audit import MAX_RETRIES


async def upsert_people(
    connection: Connection, account_id: AccountId, fingerprints: Mapping[str, str], generation: int
) -> dict[str, tuple[int, bool]]:
    """Cards as they are now; those that are to be published: name → (revision, is new)."""
    rows = await connection.fetch(
        """
        INSERT INTO people (account_id, resource_name, fingerprint, generation)
        SELECT $1, resource_name, fingerprint, $4
        FROM unnest($2::text[], $3::text[]) AS card (resource_name, fingerprint)
        ON CONFLICT (account_id, resource_name) DO UPDATE SET
            generation = $4, fingerprint = excluded.fingerprint, deleted = false,
            revision = people.revision + (people.deleted OR people.fingerprint <> excluded.fingerprint)::int,
            said = people.said AND NOT people.deleted AND people.fingerprint = excluded.fingerprint
        RETURNING resource_name, revision, said
        """,
        account_id, list(fingerprints), list(fingerprints.values()), generation,
    )  # fmt: skip
    return {row["resource_name"]: (row["revision"], row["revision"] == 1) for row in rows if not row["said"]}


async def delete_people(connection: Connection, account_id: AccountId, names: Sequence[str]) -> None:
    """Cards that are gone, by name."""
    await connection.execute(
        """
        UPDATE people SET deleted = true, said = false, revision = revision + 1
        WHERE account_id = $1 AND resource_name = ANY ($2::text[]) AND NOT deleted
        """,
        account_id, list(names),
    )  # fmt: skip


async def delete_older_people(connection: Connection, account_id: AccountId, generation: int) -> None:
    """Cards that a complete listing did not meet."""
    await connection.execute(
        """
        UPDATE people SET deleted = true, said = false, revision = revision + 1
        WHERE account_id = $1 AND generation < $2 AND NOT deleted
        """,
        account_id, generation,
    )  # fmt: skip


async def list_unpublished_deletions(connection: Connection, account_id: AccountId) -> dict[str, int]:
    """Deleted cards whose end was not published yet: name → revision."""
    rows = await connection.fetch(
        "SELECT resource_name, revision FROM people WHERE account_id = $1 AND deleted AND NOT said", account_id
    )
    return {row["resource_name"]: row["revision"] for row in rows}


async def mark_people_published(connection: Connection, account_id: AccountId, revisions: Mapping[str, int]) -> None:
    await connection.execute(
        """
        UPDATE people SET said = true
        FROM unnest($2::text[], $3::bigint[]) AS published (resource_name, revision)
        WHERE account_id = $1 AND people.resource_name = published.resource_name AND people.revision = published.revision
        """,
        account_id, list(revisions), list(revisions.values()),
    )  # fmt: skip


async def has_unpublished_cards(connection: Connection, account_id: AccountId) -> bool:
    """Whether a card is to be published of which only its fingerprint is here."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM people WHERE account_id = $1 AND NOT said AND NOT deleted)", account_id
        )
    )


async def list_published(
    connection: Connection, account_id: AccountId, after: PublishedItem | None, limit: int
) -> list[PublishedItem]:
    """What was published of each card, deleted ones too, by name. What is to be published is not among it."""
    rows = await connection.fetch(
        """
        SELECT resource_name AS id, revision, deleted AS removed FROM people
        WHERE account_id = $1 AND said AND ($2::text IS NULL OR resource_name > $2) ORDER BY resource_name LIMIT $3
        """,
        account_id, after.id if after else None, limit,
    )  # fmt: skip
    return [PublishedItem(**dict(row)) for row in rows]


async def mark_lost(
    connection: Connection, account_id: AccountId, lost: Sequence[tuple[PublishedItem, HeldItem]]
) -> tuple[int, int]:
    """Cards that contacts do not hold as published are to be published again, with a revision above both. How many are, and how many
    were so too often. What has changed meanwhile is left alone.
    """
    row = await connection.fetchrow(
        """
        WITH lost (id, revision, held) AS (SELECT * FROM unnest($2::text[], $3::bigint[], $4::bigint[])),
        found AS (SELECT p.resource_name, p.retries < $5 AS may_retry, lost.held FROM people p
                  JOIN lost ON p.resource_name = lost.id AND p.revision = lost.revision
                  WHERE p.account_id = $1 AND p.said),
        retried AS (UPDATE people p SET said = false, retries = p.retries + 1, revision = GREATEST(p.revision, found.held) + 1
                    FROM found WHERE p.account_id = $1 AND p.resource_name = found.resource_name AND found.may_retry)
        SELECT count(*) FILTER (WHERE may_retry) AS again, count(*) FILTER (WHERE NOT may_retry) AS given_up FROM found
        """,
        account_id, [item.id for item, _ in lost], [item.revision for item, _ in lost], [held.revision for _, held in lost],
        MAX_RETRIES,
    )  # fmt: skip
    return (row["again"], row["given_up"]) if row else (0, 0)
