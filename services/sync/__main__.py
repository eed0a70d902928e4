"""Wires sync: handlers to the bus, and the tasks that run beside them."""

from functools import partial

from libs.common import events, outbox, requests
from libs.common.db import open_pool
from libs.common.google.api import Google
from libs.common.google.pubsub import Subscription
from libs.common.service import Resources, run
from services.sync.handlers import accounts as handlers
from services.sync.handlers import audits as auditing
from services.sync.handlers import messages as answers
from services.sync.mail import polling as background
from services.sync.mail import push
from services.sync.runs.run import Sync
from services.sync.runs.worker import keep_running

CROWD = 100  # accounts that are connected at the same time: what is quick shall not wait for runs that have begun


async def wire(r: Resources) -> None:
    run_db = await r.enter(await open_pool(r.settings))
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

    r.run_in_background("runner", partial(keep_running, sync))
    r.run_in_background("outbox", partial(outbox.keep_relaying, r.db, r.bus, pending=sync.outbox_pending))
    r.run_in_background("poller", partial(background.keep_polling, sync))
    r.run_in_background("puller", partial(push.keep_pulling, sync, Subscription.of(r.settings, r.http)))
    r.run_in_background("scanner", partial(background.keep_scanning, sync))
    r.run_in_background("auditor", partial(auditing.keep_auditing, sync))


if __name__ == "__main__":
    run("sync", wire)
