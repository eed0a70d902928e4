"""Gmail's notifications, pulled from Pub/Sub or heard of the gateway, become runs."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from random import uniform

from libs.common.errors import Outage
from libs.common.events import MailboxNotified
from libs.common.google.oauth import Misconfigured
from libs.common.google.pubsub import Malformed, Received, Subscription, read_hint
from libs.common.log import get_logger
from services.sync.runs.run import Sync
from services.sync.store import freshness, runs
from services.sync.store.runs import RunRequest

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


async def hear_hints(sync: Sync, events: Sequence[MailboxNotified]) -> None:
    """Look at the history, unless it was read that far already: late and repeated hints cost no request to Google.

    Mailboxes that are nobody's, or that were disconnected, are passed over.
    """
    newest: dict[str, int] = {}
    for event in events:
        newest[event.address] = max(event.history_id, newest.get(event.address, 0))
    async with sync.db.acquire() as connection:  # no transaction: a run locks its own row and then the account's
        behind = await freshness.list_behind(connection, newest)
        if behind:
            await runs.insert_requests(
                connection, [RunRequest(account_id, "mail", "push") for account_id in sorted(behind)]
            )
            sync.wake.set()
        await freshness.note_pushed(connection, newest)


async def keep_pulling(sync: Sync, subscription: Subscription | None) -> None:
    """Pull notifications until cancelled; returns where none is configured. Several replicas may: each message goes to one."""
    if subscription is None:
        return
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            await _pull(sync, subscription)
        except Misconfigured as error:
            get_logger().error("pull_refused", error=str(error))
        except Outage as outage:
            get_logger().warning("background_unavailable", error=str(outage))
        except Exception:
            get_logger().exception("background_failed")  # the loop has to outlive it
        else:
            pause = FIRST_PAUSE_SECONDS
            continue
        await asyncio.sleep(pause * uniform(0.8, 1.2))
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def _pull(sync: Sync, subscription: Subscription) -> None:
    """One pull. Acknowledged once the bus has what was told: a crash in between tells it twice."""
    await sync.bus.ping()  # not connected any more: what was pulled could not be told
    received = await subscription.pull()
    await sync.bus.publish(*(event for one in received if (event := _told(one))))
    await subscription.acknowledge([one.ack_id for one in received])


def _told(received: Received) -> MailboxNotified | None:
    """None: no notification of Gmail's. It would never become one, so it is acknowledged too."""
    try:
        hint = read_hint(received.message, datetime.now(UTC))
    except Malformed as error:
        get_logger().warning("hint_malformed", error=str(error))
        return None
    return MailboxNotified(address=hint.address, history_id=hint.history_id, notified_at=hint.published_at)
