"""Wires sync: handlers to the bus, and the tasks that run beside them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from libs.common import events, outbox, requests
from libs.common.db import Pool, open_pool
from libs.common.google.api import Google
from libs.common.google.pubsub import Subscription
from libs.common.service import Resources, run
from services.sync import answers, auditing, background, handlers, push
from services.sync.job import Sync
from services.sync.runner import keep_running

CROWD = 100  # accounts that are connected at the same time: what is quick shall not wait for runs that have begun


@asynccontextmanager
async def wire(r: Resources) -> AsyncIterator[None]:
    async with await open_pool(r.settings) as run_db, _wired(r, run_db):
        yield


@asynccontextmanager
async def _wired(r: Resources, run_db: Pool) -> AsyncIterator[None]:
    sync = Sync(r.settings, r.db, run_db, r.cache, r.bus, Google(r.settings, r.http, r.cache))

    r.bus.subscribe(events.AccountConnected, partial(handlers.connect, sync), at_once=CROWD)
    r.bus.subscribe(events.AccountReauthRequired, partial(handlers.stop_until_reauthorized, sync))
    r.bus.subscribe(events.AccountDisconnected, partial(handlers.disconnect, sync))
    r.bus.subscribe(events.UserDeleted, partial(handlers.forget_user, sync))
    r.bus.subscribe(events.SettingsChanged, partial(handlers.change_settings, sync))
    r.bus.subscribe(events.SyncRequested, partial(handlers.request_run, sync))
    r.bus.subscribe(events.MailDue, partial(handlers.sync_all_mail, sync))
    r.bus.subscribe(events.ContactsDue, partial(handlers.sync_all_contacts, sync))
    r.bus.subscribe(events.CalendarDue, partial(handlers.sync_all_calendars, sync))
    r.bus.subscribe(events.PrepDue, partial(handlers.look_ahead, sync))
    r.bus.subscribe(events.WatchDue, partial(handlers.renew, sync))
    r.bus.subscribe(events.AuditDue, partial(auditing.audit_all, sync))
    r.bus.subscribe_batch(events.MailboxNotified, partial(push.hear_hints, sync))

    r.bus.respond(requests.ListRuns, partial(answers.show_runs, sync))
    r.bus.respond(requests.GetSyncStatus, partial(answers.show_status, sync))
    r.bus.respond(requests.ListMeetings, partial(answers.show_meetings, sync))
    r.bus.respond(requests.GetMeeting, partial(answers.show_meeting, sync))
    r.bus.respond(requests.ExplainMessage, partial(answers.explain_message, sync))
    r.bus.respond(requests.AuditAccount, partial(answers.audit, sync))
    r.bus.respond(requests.StartAudit, partial(answers.start_audit, sync))
    r.bus.respond(requests.RetryMessages, partial(answers.retry_messages, sync))

    tasks = [
        asyncio.create_task(work, name=name)
        for name, work in (
            ("runner", keep_running(sync)),
            ("outbox", outbox.keep_relaying(r.db, r.bus, pending=sync.outbox_pending)),
            ("poller", background.keep_polling(sync)),
            ("puller", push.keep_pulling(sync, Subscription.of(r.settings, r.http))),
            ("scanner", background.keep_scanning(sync)),
            ("auditor", auditing.keep_auditing(sync)),
        )
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    run("sync", wire)
