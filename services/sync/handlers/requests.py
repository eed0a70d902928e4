"""Who wants a run: a user or another service (sync.requested), or Gmail, which notifies of changes through Pub/Sub."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from random import uniform

from libs.common import outbox
from libs.common.db import Connection
from libs.common.errors import Outage
from libs.common.events import Kind, MailboxNotified, SyncRequested
from libs.common.fault_points import reached
from libs.common.google.oauth import Misconfigured
from libs.common.google.pubsub import Subscription
from libs.common.log import get_logger
from libs.common.scopes import FEATURES, NEEDED_BY_KIND
from services.sync.context import Context
from services.sync.domain.runs import RunRequest, obstacle
from services.sync.handlers.account_states import compare_account
from services.sync.mail.push import enqueue_notified, pull_notifications
from services.sync.store import accounts, freshness, runs
from services.sync.store.accounts import Account

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
FIRST_IDLE_SECONDS, LONGEST_IDLE_SECONDS = 1.0, 5.0  # from one pull that brings nothing to the next


async def request_run(context: Context, event: SyncRequested) -> None:
    """Queue the run, or report why there can't be one. An account that stands in the way may be so here alone: `auth` knows."""
    request = RunRequest(event.account_id, event.kind, event.reason)
    async with context.db.acquire() as connection:
        account = await accounts.get_account(connection, event.account_id)
    if account is None or obstacle(event.kind, account.state, account.scopes):
        await compare_account(context, event.account_id)
    async with context.db.acquire() as connection, connection.transaction():
        account = await accounts.get_account(connection, event.account_id)
        if account is None or account.user_id != event.user_id or account.state == "disconnected":
            return
        failure = _failure(account, event.kind)
        if failure and event.reason == "user":
            await _report_failure(connection, request, account, failure)
    if event.kind == "mail" and event.reason == "user":  # a user who requests a sync expects something
        every = timedelta(seconds=context.settings.mail_poll_seconds)
        async with context.db.acquire() as connection:
            await freshness.note_activity(connection, event.account_id, every)
    await outbox.relay(context.db, context.bus)
    await reached("sync.request.checked")
    if failure is None:
        async with context.db.acquire() as connection:
            await context.queue.enqueue(connection, [request])


def _failure(account: Account, kind: Kind) -> tuple[str, str] | None:
    """Why a run can't begin: code and sentence."""
    match obstacle(kind, account.state, account.scopes):
        case None:
            return None
        case "missing_scope":
            feature = FEATURES[NEEDED_BY_KIND[kind]]
            return (
                "missing_scope",
                f"You have not given the permission that is needed for {feature}. Grant it and sync again.",
            )
        case code:
            return code, "Google asks you to connect this account again before anything can be read."


async def _report_failure(
    connection: Connection, request: RunRequest, account: Account, failure: tuple[str, str]
) -> None:
    failed = await runs.insert_failed(connection, request, account.user_id, failure)
    await outbox.add(connection, failed.event(account.address))


# --- Gmail's notifications ----------------------------------------------------------------------------------------------


async def sync_notified_mailboxes(context: Context, events: Sequence[MailboxNotified]) -> None:
    """Request a run of each mailbox that has changed since it was read."""
    await enqueue_notified(context.db, context.queue, events)


async def keep_pulling(context: Context, subscription: Subscription | None) -> None:
    """Pull notifications until cancelled; returns where none is configured. Several replicas may: each message goes to one.

    Google may hold an empty pull open until something comes, and may reply at once: then the next one waits.
    """
    if subscription is None:
        return
    pause, idle, loop = FIRST_PAUSE_SECONDS, FIRST_IDLE_SECONDS, asyncio.get_running_loop()
    while True:
        begun = loop.time()
        try:
            received = await pull_notifications(context.bus, subscription)
        except Misconfigured as error:
            get_logger().error("pull_refused", error=str(error))
        except Outage as outage:
            get_logger().warning("background_unavailable", error=str(outage))
        except Exception:
            get_logger().exception("background_failed")  # the loop has to outlive it
        else:
            pause = FIRST_PAUSE_SECONDS
            if received:
                idle = FIRST_IDLE_SECONDS
            else:
                await asyncio.sleep(begun + idle - loop.time())
                idle = min(2 * idle, LONGEST_IDLE_SECONDS)
            continue
        await asyncio.sleep(pause * uniform(0.8, 1.2))
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
