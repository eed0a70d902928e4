"""Wires the gateway and runs it."""

from functools import partial

from libs.common.events import (
    AccountDisconnected,
    ContactChanged,
    NotificationCreated,
    PrepSkipped,
    SyncProgressed,
    UserDeleted,
)
from libs.common.requests import HandleAgainInGateway
from libs.common.service import Resources, run
from services.gateway.app import serve_app
from services.gateway.context import Context
from services.gateway.domain.notification_texts import NOTIFIED_EVENTS
from services.gateway.handlers import contact_changes, deletions, exports, live_updates, notifications, operations
from services.gateway.webhook_delivery.sender import open_webhook_sender


async def wire(r: Resources) -> None:
    webhooks = await r.enter(open_webhook_sender(r))
    context = Context.of(r, webhooks)

    for event in NOTIFIED_EVENTS:
        r.bus.subscribe(event, partial(notifications.notify, context))
    r.bus.subscribe(AccountDisconnected, partial(deletions.purge_account, context))
    r.bus.subscribe(UserDeleted, partial(deletions.delete_user, context))
    r.bus.subscribe_batch(ContactChanged, partial(contact_changes.gather_for_webhooks, context))

    r.bus.subscribe_broadcast(SyncProgressed, partial(live_updates.push, context))
    r.bus.subscribe_broadcast(ContactChanged, partial(live_updates.push, context))
    r.bus.subscribe_broadcast(PrepSkipped, partial(live_updates.push, context))
    r.bus.subscribe_broadcast(NotificationCreated, partial(live_updates.push_notification, context))

    r.bus.on_missed_broadcasts(context.hub.require_resync)

    r.bus.respond(HandleAgainInGateway, partial(operations.handle_again, r.bus))
    r.measuring.add("state", partial(operations.measure, context))

    r.run_in_background("webhooks", webhooks.keep_sending)
    r.run_in_background("exports", partial(exports.keep_making_exports, context))
    r.run_in_background("old_notifications", partial(notifications.keep_deleting_old, context))
    await r.enter(serve_app(context))


if __name__ == "__main__":
    run("gateway", wire)
