"""How single messages, meetings and cards are held here, beside what was published of them."""

from collections.abc import Collection

from libs.common.db import Connection
from libs.common.ids import AccountId, UserId
from libs.common.requests import HeldItem, HeldMessage, PublishedItem, PublishedMessage
from services.contacts.domain.text import key


async def list_differing(
    connection: Connection, user_id: UserId, account_id: AccountId, published: Collection[PublishedMessage]
) -> list[HeldMessage]:
    """Those that are not held as published, with the revision of what is held (0: nothing ever arrived).

    One that is there must be held at least at its revision, alive with its interaction, or left out because the user asked for that;
    one that was removed must not be alive as of an earlier one.
    """
    rows = await connection.fetch(
        """SELECT t.gmail_id, coalesce(s.revision, 0) AS revision
           FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bool[]) AS t(gmail_id, ref, revision, removed)
           LEFT JOIN sightings s ON s.user_id = $6 AND s.source_id = $1 AND s.platform = 'email' AND s.ref = t.ref
           WHERE CASE WHEN t.removed THEN s.fact IS NOT NULL AND s.revision < t.revision
                 ELSE s.revision IS NULL OR s.revision < t.revision
                      OR (NOT EXISTS (SELECT FROM interactions i WHERE i.id = s.interaction_id) AND NOT EXISTS (
                          SELECT FROM left_out l WHERE l.source_id = $1 AND l.platform = 'email' AND l.ref = t.ref AND l.whole)) END""",
        account_id,
        [message.gmail_id for message in published],
        [key(message.gmail_id) for message in published],
        [message.revision for message in published],
        [message.removed for message in published],
        user_id,
    )
    return [HeldMessage(gmail_id=row["gmail_id"], revision=row["revision"]) for row in rows]


async def count_left_out(
    connection: Connection, user_id: UserId, account_id: AccountId, published: Collection[PublishedMessage]
) -> int:
    """Of how many of these messages nothing is kept because the user asked for that."""
    return int(
        await connection.fetchval(
            """SELECT count(DISTINCT l.ref) FROM left_out l
               WHERE l.source_id = $1 AND l.platform = 'email' AND l.ref = ANY($2::text[]) AND l.user_id = $3 AND l.whole""",
            account_id,
            [key(message.gmail_id) for message in published if not message.removed],
            user_id,
        )
    )


async def list_differing_meetings(
    connection: Connection, user_id: UserId, account_id: AccountId, published: Collection[PublishedItem]
) -> list[HeldItem]:
    """Those that are not held as published, with the revision of what is held (0: nothing ever arrived).

    A meeting is held at its very revision, with an interaction where anybody attends it. One that holds a later revision than was
    published would not take the next one either. One that was removed must not be there.
    """
    rows = await connection.fetch(
        """SELECT t.id, coalesce(s.revision, 0) AS revision
           FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bool[]) AS t(id, ref, revision, removed)
           LEFT JOIN sightings s ON s.user_id = $6 AND s.source_id = $1 AND s.platform = 'calendar' AND s.ref = t.ref
           WHERE CASE WHEN t.removed THEN s.fact IS NOT NULL
                 ELSE s.revision IS DISTINCT FROM t.revision
                      OR (s.fact IS NOT NULL AND NOT EXISTS (SELECT FROM interactions i WHERE i.id = s.interaction_id)) END""",
        account_id,
        *_columns(published),
        user_id,
    )
    return [HeldItem(id=row["id"], revision=row["revision"]) for row in rows]


async def list_differing_cards(
    connection: Connection, user_id: UserId, account_id: AccountId, published: Collection[PublishedItem]
) -> list[HeldItem]:
    """Those that are not held as published, with the revision of what is held (0: nothing ever arrived)."""
    rows = await connection.fetch(
        """SELECT t.id, coalesce(c.revision, 0) AS revision
           FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bool[]) AS t(id, ref, revision, removed)
           LEFT JOIN cards c ON c.user_id = $6 AND c.account_id = $1 AND c.resource_name = t.ref
           WHERE CASE WHEN t.removed THEN c.live ELSE c.revision IS DISTINCT FROM t.revision END""",
        account_id,
        *_columns(published),
        user_id,
    )
    return [HeldItem(id=row["id"], revision=row["revision"]) for row in rows]


def _columns(published: Collection[PublishedItem]) -> tuple[list[str], list[str], list[int], list[bool]]:
    return (
        [item.id for item in published],
        [key(item.id) for item in published],
        [item.revision for item in published],
        [item.removed for item in published],
    )
