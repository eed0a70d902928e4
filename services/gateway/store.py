"""The SQL of notifications and of the webhook calls that are still to be made."""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

from pydantic import BaseModel, Field

from libs.common.db import Connection, Pool, Record
from libs.common.ids import AccountId, UserId, new_id
from services.gateway.wording import THIS_IS_ME, Counts, Level, Notice

Database: TypeAlias = "Connection | Pool"


Answer = Literal["accepted", "dismissed"]


class Action(BaseModel):
    """Something that a notification offers: `POST …/accept` adds `address` to the user's own ones, `POST …/dismiss` refuses.

    `answer` is null while the question is open.
    """

    label: str = Field(examples=[THIS_IS_ME])
    address: str
    answer: Answer | None


class Notification(BaseModel):
    """What a user was told. `link` is a path on this server; `read_at` is null while it is unread."""

    id: UUID
    kind: str
    level: Level
    title: str
    body: str
    link: str
    account_id: AccountId | None
    created_at: datetime
    read_at: datetime | None
    action: Action | None = Field(description="What one click does about it; null where there is nothing to decide.")


COLUMNS = "id, kind, level, title, body, link, account_id, created_at, read_at, offer, answer"


def _notification(row: Record) -> Notification:
    offered = row["offer"] is not None
    action = Action(label=THIS_IS_ME, address=row["offer"], answer=row["answer"]) if offered else None
    return Notification.model_validate({**row, "action": action})


async def create_notification(connection: Connection, notice: Notice) -> UUID | None:
    """Store a notice and the webhook call that it may need. The id, the earlier one where it was stored before.

    None: the user is deleted. In a transaction of the caller's.
    """
    await connection.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))", str(notice.user_id))
    created: UUID | None = await connection.fetchval(
        """
        INSERT INTO notifications (id, user_id, account_id, kind, level, title, body, link, event_key, offer, counted)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
        WHERE NOT EXISTS (SELECT FROM deleted_users WHERE user_id = $2)
        ON CONFLICT (user_id, event_key) DO NOTHING
        RETURNING id
        """,
        new_id(),
        notice.user_id,
        notice.account_id,
        notice.kind,
        notice.level,
        notice.title,
        notice.body,
        notice.link,
        notice.event_key,
        notice.offer,
        _counted(notice),
    )
    if created:
        await connection.execute("INSERT INTO webhook_deliveries (notification_id) VALUES ($1)", created)
        return created
    earlier = await connection.fetchrow(
        "SELECT id, counted FROM notifications WHERE user_id = $1 AND event_key = $2 FOR UPDATE",
        notice.user_id,
        notice.event_key,
    )
    if earlier and notice.adds:
        counted = {**earlier["counted"], **_counted(notice)}
        total = Counts(*map(sum, zip(*counted.values(), strict=True)))
        await connection.execute(
            "UPDATE notifications SET counted = $2, body = $3 WHERE id = $1",
            earlier["id"],
            counted,
            notice.body_of(total),
        )
    return earlier["id"] if earlier else None


def _counted(notice: Notice) -> dict[str, list[int]]:
    """Numbers by run: a run that is told twice counts once."""
    return {str(notice.run_id): list(notice.adds)} if notice.adds else {}


async def get_notification(db: Database, user_id: UserId, notification_id: UUID) -> Notification | None:
    row = await db.fetchrow(
        f"SELECT {COLUMNS} FROM notifications WHERE user_id = $1 AND id = $2",  # noqa: S608
        user_id,
        notification_id,
    )
    return _notification(row) if row else None


async def list_notifications(
    db: Database, user_id: UserId, *, unread: bool = False, before: UUID | None = None, limit: int = 50
) -> list[Notification]:
    """Newest first; `before` is the last id of the page before."""
    rows = await db.fetch(
        f"""
        SELECT {COLUMNS} FROM notifications
        WHERE user_id = $1 AND (NOT $2 OR read_at IS NULL) AND ($3::uuid IS NULL OR id < $3)
        ORDER BY id DESC LIMIT $4
        """,  # noqa: S608
        user_id,
        unread,
        before,
        limit,
    )
    return [_notification(row) for row in rows]


async def count_unread(db: Database, user_id: UserId) -> int:
    count: int = await db.fetchval("SELECT count(*) FROM notifications WHERE user_id = $1 AND read_at IS NULL", user_id)
    return count


async def mark_read(db: Database, user_id: UserId, notification_id: UUID) -> Notification | None:
    """Reading twice keeps the first time. None: there is no such notification."""
    row = await db.fetchrow(
        f"""
        UPDATE notifications SET read_at = coalesce(read_at, now()) WHERE user_id = $1 AND id = $2
        RETURNING {COLUMNS}
        """,  # noqa: S608
        user_id,
        notification_id,
    )
    return _notification(row) if row else None


async def put_answer(db: Database, user_id: UserId, notification_id: UUID, answer: Answer) -> Notification | None:
    """Answer an open offer; what is answered counts as read. The answer given first stays. None: there is no such notification."""
    row = await db.fetchrow(
        f"""
        UPDATE notifications SET answer = coalesce(answer, $3), read_at = coalesce(read_at, now())
        WHERE user_id = $1 AND id = $2 AND offer IS NOT NULL
        RETURNING {COLUMNS}
        """,  # noqa: S608
        user_id,
        notification_id,
        answer,
    )
    return _notification(row) if row else None


async def mark_all_read(db: Database, user_id: UserId) -> int:
    """How many were unread."""
    count: int = await db.fetchval(
        """
        WITH done AS (UPDATE notifications SET read_at = now() WHERE user_id = $1 AND read_at IS NULL RETURNING id)
        SELECT count(*) FROM done
        """,
        user_id,
    )
    return count


async def delete_account_notifications(db: Database, user_id: UserId, account_id: AccountId) -> None:
    await db.execute("DELETE FROM notifications WHERE user_id = $1 AND account_id = $2", user_id, account_id)


async def delete_user(connection: Connection, user_id: UserId) -> None:
    """Everything of a user, for good. In a transaction of the caller's: the lock keeps out what is being stored just now."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", str(user_id))
    await connection.execute("INSERT INTO deleted_users (user_id) VALUES ($1) ON CONFLICT DO NOTHING", user_id)
    await connection.execute("DELETE FROM notifications WHERE user_id = $1", user_id)


class Due(NamedTuple):
    """A webhook call to make now; `attempts` counts this one."""

    notification: Notification
    user_id: UserId
    attempts: int


async def claim_due_deliveries(db: Database, lease: timedelta, limit: int = 20) -> list[Due]:
    """Take calls that are due. For the time of the lease no other replica takes them; after a crash they come again."""
    rows = await db.fetch(
        f"""
        WITH claimed AS (
            UPDATE webhook_deliveries SET attempts = attempts + 1, due_at = now() + $1
            WHERE notification_id IN (
                SELECT notification_id FROM webhook_deliveries
                WHERE due_at <= now() ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            RETURNING notification_id, attempts
        )
        SELECT {COLUMNS}, user_id, attempts FROM claimed JOIN notifications ON id = notification_id ORDER BY id
        """,  # noqa: S608
        lease,
        limit,
    )
    return [Due(_notification(row), UserId(row["user_id"]), row["attempts"]) for row in rows]


async def delete_delivery(db: Database, notification_id: UUID) -> None:
    await db.execute("DELETE FROM webhook_deliveries WHERE notification_id = $1", notification_id)


async def postpone_delivery(db: Database, notification_id: UUID, delay: timedelta) -> None:
    await db.execute(
        "UPDATE webhook_deliveries SET due_at = now() + $2 WHERE notification_id = $1", notification_id, delay
    )
