"""What users asked not to record, and what was left out because of it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.ids import AccountId, UserId
from services.contacts.domain.exclusions import ExclusionRules, LeftOut, Wanted
from services.contacts.domain.observations import ObservationKey
from services.contacts.store.own_addresses import list_own_addresses_by_user

CARD = "card"
"""The platform under which cards are marked; the source is their account, the reference their resource name."""


@dataclass(frozen=True)
class StoredExclusion:
    """A rule. `applied_at`: since when nothing from before is left; `ended_at`: when it was taken back."""

    id: UUID
    user_id: UserId
    kind: str
    value: str
    shown: str
    added_at: datetime
    applied_at: datetime | None
    ended_at: datetime | None
    left_out: int = 0


async def list_in_force(connection: Connection, user_ids: Collection[UserId]) -> dict[UserId, ExclusionRules]:
    """The rules of those of these users who have any."""
    rows = await connection.fetch(
        "SELECT id, user_id, kind, value FROM exclusions WHERE user_id = ANY($1::uuid[]) AND ended_at IS NULL",
        list(user_ids),
    )
    if not rows:
        return {}
    rules: dict[UserId, dict[tuple[str, str], UUID]] = {}
    for row in rows:
        rules.setdefault(row["user_id"], {})[row["kind"], row["value"]] = row["id"]
    own = await list_own_addresses_by_user(connection, rules.keys())
    return {user_id: ExclusionRules(theirs, own[user_id]) for user_id, theirs in rules.items()}


async def list_exclusions(connection: Connection, user_id: UserId) -> list[StoredExclusion]:
    """Newest first, those that were taken back and still have something to forget not among them; with how much each left out."""
    rows = await connection.fetch(
        """SELECT e.*, (SELECT count(*) FROM left_out l WHERE l.exclusion_id = e.id) AS left_out
           FROM exclusions e WHERE user_id = $1 AND ended_at IS NULL ORDER BY added_at DESC, id DESC""",
        user_id,
    )
    return [_exclusion(row) for row in rows]


async def get_exclusion(connection: Connection, user_id: UserId, exclusion_id: UUID) -> StoredExclusion | None:
    """A rule in force, or one that was taken back and still has something to forget."""
    row = await connection.fetchrow("SELECT * FROM exclusions WHERE user_id = $1 AND id = $2", user_id, exclusion_id)
    return _exclusion(row) if row else None


async def count_in_force(connection: Connection, user_id: UserId) -> int:
    return int(
        await connection.fetchval("SELECT count(*) FROM exclusions WHERE user_id = $1 AND ended_at IS NULL", user_id)
    )


async def insert_exclusion(
    connection: Connection, user_id: UserId, exclusion_id: UUID, wanted: Wanted
) -> StoredExclusion:
    """The new rule, or the one about the same that is in force already."""
    await connection.execute(
        """INSERT INTO exclusions (id, user_id, kind, value, shown) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT DO NOTHING""",
        exclusion_id,
        user_id,
        wanted.kind,
        wanted.value,
        wanted.shown,
    )
    row = await connection.fetchrow(
        "SELECT * FROM exclusions WHERE user_id = $1 AND kind = $2 AND value = $3 AND ended_at IS NULL",
        user_id,
        wanted.kind,
        wanted.value,
    )
    assert row is not None, "the user's lock is held"
    return _exclusion(row)


async def mark_ended(connection: Connection, exclusion_id: UUID) -> None:
    await connection.execute("UPDATE exclusions SET ended_at = now() WHERE id = $1 AND ended_at IS NULL", exclusion_id)


async def mark_applied(connection: Connection, exclusion_id: UUID) -> None:
    await connection.execute("UPDATE exclusions SET applied_at = now() WHERE id = $1", exclusion_id)


async def delete_exclusion(connection: Connection, exclusion_id: UUID) -> None:
    await connection.execute("DELETE FROM exclusions WHERE id = $1", exclusion_id)


async def list_due(connection: Connection) -> list[tuple[UserId, UUID]]:
    """Rules for which something is still to be done, and whose they are, oldest first."""
    rows = await connection.fetch(
        "SELECT user_id, id FROM exclusions WHERE applied_at IS NULL OR ended_at IS NOT NULL ORDER BY added_at, id"
    )
    return [(row["user_id"], row["id"]) for row in rows]


async def replace_marks(connection: Connection, marks: Iterable[tuple[UserId, ObservationKey, LeftOut]]) -> None:
    """What was left out of each of these items, in the place of what was before."""
    found = list(marks)
    keys = [key for _, key, _ in found]
    await delete_marks(connection, keys)
    rows = [(*key, rule, user_id, left.whole) for user_id, key, left in found for rule in left.rules]
    if rows:
        await connection.execute(
            """INSERT INTO left_out (source_id, platform, ref, exclusion_id, user_id, whole)
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::bool[])
               ON CONFLICT DO NOTHING""",
            *map(list, zip(*rows, strict=True)),
        )


async def delete_marks(connection: Connection, keys: Sequence[ObservationKey]) -> None:
    """Nothing was left out of these items."""
    columns = [list(column) for column in zip(*keys, strict=True)] if keys else [[], [], []]
    await connection.execute(
        """DELETE FROM left_out l USING unnest($1::uuid[], $2::text[], $3::text[]) AS k(source_id, platform, ref)
           WHERE (l.source_id, l.platform, l.ref) = (k.source_id, k.platform, k.ref)""",
        *columns,
    )


async def delete_marks_of_source(connection: Connection, account_id: AccountId) -> None:
    """The account was purged."""
    await connection.execute("DELETE FROM left_out WHERE source_id = $1", account_id)


# What the parameters name and no rule leaves anything out of. These statements come after the marks themselves were deleted.
_FREE = """WITH free AS (
    SELECT k.* FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bool[]) AS k(source_id, platform, ref, whole)
    WHERE NOT EXISTS (SELECT FROM left_out l WHERE (l.source_id, l.platform, l.ref) = (k.source_id, k.platform, k.ref)))"""
_SIGHTING = "(s.source_id, s.platform, s.ref) = (f.source_id, f.platform, f.ref)"
_CARD = "f.platform = 'card' AND (k.account_id, k.resource_name) = (f.source_id, f.ref)"
_FORGET = (
    f"{_FREE} DELETE FROM sightings s USING free f WHERE {_SIGHTING} AND f.whole",  # noqa: S608  (conditions above)
    f"{_FREE} UPDATE sightings s SET revision = 0 FROM free f WHERE {_SIGHTING} AND NOT f.whole",  # noqa: S608  (conditions above)
    f"{_FREE} DELETE FROM cards k USING free f WHERE {_CARD} AND f.whole",  # noqa: S608  (conditions above)
    f"{_FREE} UPDATE cards k SET revision = 0 FROM free f WHERE {_CARD} AND NOT f.whole",  # noqa: S608  (conditions above)
)


async def forget_marks(connection: Connection, exclusion_id: UUID, limit: int) -> int:
    """Some of what a rule left out that was taken back; how many items that was.

    What no other rule leaves out is as if it had never arrived, or not as it is: the audits find it missing, and it is published again.
    """
    rows = await connection.fetch(
        """DELETE FROM left_out WHERE exclusion_id = $1 AND (source_id, platform, ref) IN (
               SELECT source_id, platform, ref FROM left_out WHERE exclusion_id = $1 LIMIT $2)
           RETURNING source_id, platform, ref, whole""",
        exclusion_id,
        limit,
    )
    columns = [[row[name] for row in rows] for name in ("source_id", "platform", "ref", "whole")]
    for statement in _FORGET:
        await connection.execute(statement, *columns)
    return len(rows)


async def get_left_out_by(connection: Connection, user_id: UserId, key: ObservationKey) -> str:
    """The rule, as it was typed, because of which nothing is kept of this item; empty where something is, or it was never seen."""
    shown: str | None = await connection.fetchval(
        """SELECT e.shown FROM left_out l JOIN exclusions e ON e.id = l.exclusion_id
           WHERE (l.source_id, l.platform, l.ref) = ($2, $3, $4) AND l.user_id = $1 AND l.whole ORDER BY e.added_at LIMIT 1""",
        user_id,
        *key,
    )
    return shown or ""


def _exclusion(row: Record) -> StoredExclusion:
    return StoredExclusion(**dict(row))
