"""Events that a user is notified of, and the end of old notifications."""

import asyncio
from datetime import UTC, datetime, timedelta

from libs.common.events import AccountEvent, NotificationCreated, PrepFailed, PrepSent
from libs.common.fault_points import reached
from libs.common.log import get_logger
from services.gateway.context import Context
from services.gateway.domain.moments import UTC_ZONE
from services.gateway.domain.notification_texts import NotifiedEvent, new_notification
from services.gateway.store import accounts
from services.gateway.store import notifications as store
from services.gateway.user_zones import user_zone

KEPT = timedelta(days=365)
DELETE_EVERY_SECONDS = 3_600.0
DELETED_AT_ONCE = 1_000


async def notify(context: Context, event: NotifiedEvent) -> None:
    """Store the notification, then push it, then have the webhook called.

    An event that is delivered again is stored once and pushed again, which shows once. One about an account that comes after a later
    one is out of date: nobody is notified of it.
    """
    zone = await user_zone(context, event.user_id) if isinstance(event, PrepSent | PrepFailed) else UTC_ZONE
    new = new_notification(event, zone)
    async with context.db.acquire() as connection, connection.transaction():
        if isinstance(event, AccountEvent) and not await accounts.note_event(connection, event):
            return
        if new is None:
            return
        notification_id = await store.insert_notification(connection, new)
    if notification_id is None:
        return
    get_logger().info("notified", user=str(new.user_id), account=str(new.account_id), kind=new.kind, severity=new.level)
    await reached("gateway.notified")
    await context.bus.publish(NotificationCreated(user_id=new.user_id, notification_id=notification_id))
    context.webhooks.wake()


async def keep_deleting_old(context: Context) -> None:
    """Delete notifications of more than a year ago. Runs until cancelled."""
    while True:
        await context.bus.run_guarded(lambda: delete_old(context))
        await asyncio.sleep(DELETE_EVERY_SECONDS)


async def delete_old(context: Context) -> None:
    """In committed chunks: nobody waits for them."""
    moment, deleted = datetime.now(UTC) - KEPT, DELETED_AT_ONCE
    while deleted == DELETED_AT_ONCE:
        async with context.db.acquire() as connection:
            deleted = await store.delete_before(connection, moment, DELETED_AT_ONCE)
