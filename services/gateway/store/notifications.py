"""The SQL of notifications."""

from datetime import timedelta
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.fault_points import reached
from libs.common.ids import AccountId, UserId, new_id
from libs.common.log import current_trace
from services.gateway.domain.notifications import (
    THIS_IS_ME,
    Action,
    Answer,
    NewNotification,
    Notification,
    RequestGroup,
)
from services.gateway.store import Database
from services.gateway.store.locks import lock_user_shared

# Runs that were requested so close to each other were requested together, also by a busy server.
TOGETHER = timedelta(seconds=30)

NOTIFICATION_COLUMNS = "id, kind, level, title, body, link, account_id, created_at, read_at, offer, answer, revision"


def notification_from(row: Record) -> Notification:
    has_offer = row["offer"] is not None
    action = Action(label=THIS_IS_ME, address=row["offer"], answer=row["answer"]) if has_offer else None
    return Notification.model_validate({**row, "action": action})


async def insert_notification(connection: Connection, new: NewNotification) -> UUID | None:
    """Store a notification with the webhook call that it may need, or add to the earlier one with its key. The id of either.

    One that has grown and is news again is called again; one whose numbers grow quietly is not.
    None: the user is deleted, or the account purged. In a transaction of the caller's.
    """
    await lock_user_shared(connection, new.user_id)
    if new.group and (earlier := await _find_requested_together(connection, new.user_id, new.group)):
        return await _add(connection, earlier, new, unread=True)
    if inserted := await _insert(connection, new):
        await reached("gateway.notification.inserted")
        await _require_call(connection, inserted, 1)
        return inserted
    return await _add_to_earlier(connection, new)


async def _require_call(connection: Connection, notification_id: UUID, revision: int) -> None:
    """One that waits for its next try, or is being made, is made with what the notification is then; it may have to be made again."""
    await connection.execute(
        """
        INSERT INTO webhook_deliveries (notification_id, trace, revision) VALUES ($1, $2, $3)
        ON CONFLICT (notification_id) DO UPDATE SET trace = excluded.trace, revision = excluded.revision
        """,
        notification_id,
        current_trace(),
        revision,
    )


async def _insert(connection: Connection, new: NewNotification) -> UUID | None:
    """None: there is an earlier one with its key, or nobody to notify any more."""
    group_name, requested_at = (new.group.name, new.group.requested_at) if new.group else (None, None)
    inserted: UUID | None = await connection.fetchval(
        """
        INSERT INTO notifications (id, user_id, account_id, kind, level, title, body, link, event_key, offer, counted, request_group,
                                   requested_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
        WHERE NOT EXISTS (SELECT FROM deleted_users WHERE user_id = $2)
          AND NOT EXISTS (SELECT FROM accounts WHERE account_id = $3 AND purged)
        ON CONFLICT (user_id, event_key) DO NOTHING
        RETURNING id
        """,
        new_id(),
        new.user_id,
        new.account_id,
        new.kind,
        new.level,
        new.title,
        new.body,
        new.link,
        new.event_key,
        new.offer,
        new.counted,
        group_name,
        requested_at,
    )
    return inserted


async def _add_to_earlier(connection: Connection, new: NewNotification) -> UUID | None:
    """Add the counts to the stored notification with the same key. None: there is none."""
    earlier = await connection.fetchrow(
        "SELECT id, counted, body FROM notifications WHERE user_id = $1 AND event_key = $2 FOR UPDATE",
        new.user_id,
        new.event_key,
    )
    return await _add(connection, earlier, new) if earlier else None


async def _find_requested_together(connection: Connection, user_id: UserId, group: RequestGroup) -> Record | None:
    """The notification of the runs that were requested together with this one. Two that end at once wait for each other here."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('gateway.requested:' || $1, 0))", group.name
    )
    return await connection.fetchrow(
        """
        SELECT id, counted, body FROM notifications
        WHERE user_id = $1 AND request_group = $2 AND requested_at BETWEEN $3::timestamptz - $4::interval AND $3::timestamptz + $4::interval
        ORDER BY requested_at LIMIT 1 FOR UPDATE
        """,
        user_id,
        group.name,
        group.requested_at,
        TOGETHER,
    )


async def _add(connection: Connection, earlier: Record, new: NewNotification, *, unread: bool = False) -> UUID:
    """Count what is not counted yet. `unread`: it is news to whoever has read what was there, and to the webhook.

    A run that found nothing is counted, too, but it is no news where the sentence stays as it was.
    """
    notification_id: UUID = earlier["id"]
    counted = {**earlier["counted"], **new.counted}
    if counted == earlier["counted"]:
        return notification_id
    body = new.body_with(counted)
    grown = body != earlier["body"]
    revision = await connection.fetchval(
        """
        UPDATE notifications SET counted = $2, body = $3, read_at = CASE WHEN $4 THEN NULL ELSE read_at END, revision = revision + $5::int
        WHERE id = $1 RETURNING revision
        """,
        notification_id,
        counted,
        body,
        unread and grown,
        int(grown),
    )
    if unread and grown:
        await _require_call(connection, notification_id, revision)
    return notification_id


async def get_notification(connection: Database, user_id: UserId, notification_id: UUID) -> Notification | None:
    row = await connection.fetchrow(
        f"SELECT {NOTIFICATION_COLUMNS} FROM notifications WHERE user_id = $1 AND id = $2",  # noqa: S608
        user_id,
        notification_id,
    )
    return notification_from(row) if row else None


async def list_notifications(
    connection: Database, user_id: UserId, *, unread: bool = False, before: UUID | None = None, limit: int = 50
) -> list[Notification]:
    """Newest first; `before` is the last id of the page before."""
    rows = await connection.fetch(
        f"""
        SELECT {NOTIFICATION_COLUMNS} FROM notifications
        WHERE user_id = $1 AND (NOT $2 OR read_at IS NULL) AND ($3::uuid IS NULL OR id < $3)
        ORDER BY id DESC LIMIT $4
        """,  # noqa: S608
        user_id,
        unread,
        before,
        limit,
    )
    return [notification_from(row) for row in rows]


async def count_unread(connection: Database, user_id: UserId) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM notifications WHERE user_id = $1 AND read_at IS NULL", user_id
    )
    return count


async def has_notification(connection: Database, user_id: UserId, kind: str) -> bool:
    """Whether the user was ever notified of something of this kind."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM notifications WHERE user_id = $1 AND kind = $2)", user_id, kind
    )
    return found


async def mark_notification_read(connection: Database, user_id: UserId, notification_id: UUID) -> Notification | None:
    """Marking twice keeps the first time. None: there is no such notification."""
    row = await connection.fetchrow(
        f"""
        UPDATE notifications SET read_at = coalesce(read_at, now()) WHERE user_id = $1 AND id = $2
        RETURNING {NOTIFICATION_COLUMNS}
        """,  # noqa: S608
        user_id,
        notification_id,
    )
    return notification_from(row) if row else None


async def record_answer(
    connection: Database, user_id: UserId, notification_id: UUID, answer: Answer
) -> Notification | None:
    """Record the answer to an open offer; what is answered counts as read. The answer given first stays.

    None: there is no such notification, or it offers nothing.
    """
    row = await connection.fetchrow(
        f"""
        UPDATE notifications SET answer = coalesce(answer, $3), read_at = coalesce(read_at, now())
        WHERE user_id = $1 AND id = $2 AND offer IS NOT NULL
        RETURNING {NOTIFICATION_COLUMNS}
        """,  # noqa: S608
        user_id,
        notification_id,
        answer,
    )
    return notification_from(row) if row else None


async def mark_all_notifications_read(connection: Database, user_id: UserId) -> int:
    """How many were unread."""
    count: int = await connection.fetchval(
        """
        WITH done AS (UPDATE notifications SET read_at = now() WHERE user_id = $1 AND read_at IS NULL RETURNING id)
        SELECT count(*) FROM done
        """,
        user_id,
    )
    return count


async def delete_account_notifications(connection: Database, user_id: UserId, account_id: AccountId) -> None:
    await connection.execute("DELETE FROM notifications WHERE user_id = $1 AND account_id = $2", user_id, account_id)
