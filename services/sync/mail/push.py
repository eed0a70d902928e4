"""Gmail's notifications, pulled from Pub/Sub or received by the gateway, become runs."""

from collections.abc import Sequence
from datetime import UTC, datetime

from libs.common.bus import Bus
from libs.common.db import Pool
from libs.common.events import MailboxNotified
from libs.common.fault_points import reached
from libs.common.google.pubsub import Malformed, Received, Subscription, read_hint
from libs.common.log import get_logger
from services.sync.domain.runs import RunRequest
from services.sync.runs.queue import RunQueue
from services.sync.store import freshness


async def enqueue_notified(db: Pool, queue: RunQueue, events: Sequence[MailboxNotified]) -> None:
    """Look at the history, unless it was read that far already: late and repeated hints cost no request to Google.

    Mailboxes that nobody has connected, or that were disconnected, are passed over.
    """
    newest: dict[str, int] = {}
    for event in events:
        newest[event.address] = max(event.history_id, newest.get(event.address, 0))
    async with db.acquire() as connection:  # no transaction: a run locks its own row and then the account's
        behind = await freshness.list_behind(connection, newest)
        await queue.enqueue(connection, [RunRequest(account_id, "mail", "push") for account_id in sorted(behind)])
        await freshness.note_pushed(connection, newest)


async def pull_notifications(bus: Bus, subscription: Subscription) -> int:
    """One pull; how many messages it brought. They are acknowledged once the bus has stored them: a crash in between publishes them twice.

    Misconfigured: Google refuses the subscription or our credentials. Outage: Google or the bus is away.
    """
    await bus.ping()  # not connected any more: what was pulled could not be published
    received = await subscription.pull()
    await reached("sync.pubsub.pulled")
    await bus.publish(*(event for notification in received if (event := _event(notification))))
    await reached("sync.pubsub.published")
    await subscription.acknowledge([notification.ack_id for notification in received])
    return len(received)


def _event(notification: Received) -> MailboxNotified | None:
    """None: it is no notification of Gmail's. It would never become one, so it is acknowledged too."""
    try:
        hint = read_hint(notification.message, datetime.now(UTC))
    except Malformed as error:
        get_logger().warning("hint_malformed", error=str(error))
        return None
    return MailboxNotified(address=hint.address, history_id=hint.history_id, notified_at=hint.published_at)
