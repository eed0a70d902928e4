"""What the gateway does with what it hears: notify, push to browsers, forget."""

from libs.common.events import (
    AccountDisconnected,
    ContactChanged,
    NotificationCreated,
    PrepSkipped,
    SyncProgressed,
    UserDeleted,
)
from libs.common.log import get_logger
from services.gateway import store
from services.gateway.context import Context
from services.gateway.live import LiveEvent
from services.gateway.wording import Told, notice_of


async def notify(context: Context, event: Told) -> None:
    """Store the notification, then push it. A fact that comes again is stored once and pushed again, which shows once."""
    notice = notice_of(event)
    if notice is None:
        return
    async with context.db.acquire() as connection, connection.transaction():
        notification_id = await store.create_notification(connection, notice)
    if notification_id is None:
        return
    get_logger().info(
        "notified", user=str(notice.user_id), account=str(notice.account_id), kind=notice.kind, level=notice.level
    )
    await context.bus.publish(NotificationCreated(user_id=notice.user_id, notification_id=notification_id))


async def note_skip(_: Context, event: PrepSkipped) -> None:
    """A skipped brief is shown with its meeting; it is no reason to disturb anybody."""
    get_logger().debug("prep_skipped", user=str(event.user_id), account=str(event.account_id), reason=event.reason)


async def forget_account(context: Context, event: AccountDisconnected) -> None:
    if event.purge:
        await store.delete_account_notifications(context.db, event.user_id, event.account_id)


async def forget_user(context: Context, event: UserDeleted) -> None:
    async with context.db.acquire() as connection, connection.transaction():
        await store.delete_user(connection, event.user_id)
    context.hub.close_user(event.user_id)
    get_logger().info("user_forgotten", user=str(event.user_id))


async def push_progress(context: Context, event: SyncProgressed) -> None:
    context.hub.tell(event.user_id, LiveEvent(event.subject, event.model_dump_json(exclude={"user_id"})))


async def push_contacts(context: Context, event: ContactChanged) -> None:
    context.hub.tell(event.user_id, LiveEvent(event.subject, event.model_dump_json(exclude={"user_id"})))


async def push_notification(context: Context, event: NotificationCreated) -> None:
    """Every replica hears it; those on which the user hangs load it."""
    if context.hub.has(event.user_id) and (
        notification := await store.get_notification(context.db, event.user_id, event.notification_id)
    ):
        context.hub.tell(event.user_id, LiveEvent(event.subject, notification.model_dump_json()))
