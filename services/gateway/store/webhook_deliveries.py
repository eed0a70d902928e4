"""The SQL of the webhook calls that are still to be made."""

from datetime import datetime, timedelta
from typing import NamedTuple

from libs.common.ids import UserId
from services.gateway.domain.notifications import Notification
from services.gateway.store import Database
from services.gateway.store.notifications import NOTIFICATION_COLUMNS, notification_from


class DueDelivery(NamedTuple):
    """A webhook call to make now; `attempts` counts this one.

    `leased_until` is the fence: the lease of another sender ends at another time. `trace`: that of the event that it reports.
    """

    notification: Notification
    user_id: UserId
    attempts: int
    leased_until: datetime
    trace: str


async def lease_due_deliveries(connection: Database, lease: timedelta, limit: int = 20) -> list[DueDelivery]:
    """Lease calls that are due: for that time no other replica gets them. After a crash they are due again."""
    rows = await connection.fetch(
        f"""
        WITH leased AS (
            UPDATE webhook_deliveries SET attempts = attempts + 1, due_at = now() + $1
            WHERE notification_id IN (
                SELECT notification_id FROM webhook_deliveries
                WHERE due_at <= now() ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            RETURNING notification_id, attempts, due_at, trace
        )
        SELECT {NOTIFICATION_COLUMNS}, user_id, attempts, due_at, trace
        FROM leased JOIN notifications ON id = notification_id ORDER BY id
        """,  # noqa: S608
        lease,
        limit,
    )
    return [
        DueDelivery(notification_from(row), UserId(row["user_id"]), row["attempts"], row["due_at"], row["trace"])
        for row in rows
    ]


async def delete_delivery(connection: Database, delivery: DueDelivery) -> None:
    """The call was made, or given up. Where its notification has grown meanwhile, it is due once more, as a new one."""
    notification = delivery.notification
    deleted = await connection.fetchval(
        "DELETE FROM webhook_deliveries WHERE notification_id = $1 AND revision <= $2 RETURNING true",
        notification.id,
        notification.revision,
    )
    if not deleted:
        await connection.execute(
            "UPDATE webhook_deliveries SET due_at = now(), attempts = 0 WHERE notification_id = $1 AND due_at = $2",
            notification.id,
            delivery.leased_until,
        )


async def postpone_delivery(connection: Database, delivery: DueDelivery, delay: timedelta) -> None:
    """Try it again after `delay`. Does nothing where another sender has leased the call since: it is that one's."""
    await connection.execute(
        "UPDATE webhook_deliveries SET due_at = now() + $3 WHERE notification_id = $1 AND due_at = $2",
        delivery.notification.id,
        delivery.leased_until,
        delay,
    )


async def return_delivery(connection: Database, delivery: DueDelivery, delay: timedelta) -> None:
    """As `postpone_delivery`, for a call that was not made: it uses up no attempt."""
    await connection.execute(
        """
        UPDATE webhook_deliveries SET due_at = now() + $3, attempts = attempts - 1
        WHERE notification_id = $1 AND due_at = $2
        """,
        delivery.notification.id,
        delivery.leased_until,
        delay,
    )
