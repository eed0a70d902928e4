"""Wires sync: handlers to the bus, the work of runs to the engine, and the loops that run beside them."""

from functools import partial

from libs.common import events, outbox, requests
from libs.common.db import open_pool
from libs.common.google.api import Google
from libs.common.google.pubsub import Subscription
from libs.common.google.quota import QuotaLimiter
from libs.common.google.tokens import KeptTokens
from libs.common.service import Resources, run
from services.sync.calendar.prep_scan import scan_if_due
from services.sync.calendar.sync import sync_calendar
from services.sync.context import Context, GoogleAccounts
from services.sync.handlers import (
    account_states,
    accounts,
    audits,
    calendars,
    channels,
    meetings,
    messages,
    operations,
    runs,
    schedules,
)
from services.sync.handlers import requests as run_requests
from services.sync.mail.polling import poll_at_full_rate
from services.sync.mail.sync import sync_mail
from services.sync.people import sync_people
from services.sync.runs.queue import RunQueue
from services.sync.runs.run import Engine
from services.sync.runs.worker import Worker

CONNECTED_AT_ONCE = 100  # accounts: what is quick shall not wait for runs that have begun


async def wire(r: Resources) -> None:
    context = Context(r.settings, r.db, r.bus, RunQueue())
    google = GoogleAccounts(Google(r.settings, r.http, r.cache), KeptTokens(r.bus))
    worker = Worker(
        context,
        Engine(r.settings, await r.enter(await open_pool(r.settings)), r.bus, google),
        work={"mail": sync_mail, "contacts": sync_people, "calendar": sync_calendar},
        after_work={"calendar": scan_if_due},
        after_change={"mail": poll_at_full_rate},
    )

    r.bus.subscribe(events.AccountConnected, partial(accounts.connect, context), at_once=CONNECTED_AT_ONCE)
    r.bus.subscribe(events.AccountReauthRequired, partial(accounts.stop_until_reauthorized, context))
    r.bus.subscribe(events.AccountDisconnected, partial(accounts.disconnect, context))
    r.bus.subscribe(events.UserDeleted, partial(accounts.forget_user, context))
    r.bus.subscribe(events.SettingsChanged, partial(accounts.change_settings, context))
    r.bus.subscribe(events.MailDue, partial(schedules.sync_all_mail, context))
    r.bus.subscribe(events.ContactsDue, partial(schedules.sync_all_contacts, context))
    r.bus.subscribe(events.CalendarDue, partial(schedules.sync_all_calendars, context))
    r.bus.subscribe(events.PrepDue, partial(schedules.scan_all_calendars, context))
    r.bus.subscribe(events.WatchDue, partial(schedules.renew_watches, context))
    r.bus.subscribe(events.AuditDue, partial(audits.audit_all, context))
    r.bus.subscribe(events.SyncRequested, partial(run_requests.request_run, context))
    r.bus.subscribe_batch(events.MailboxNotified, partial(run_requests.sync_notified_mailboxes, context))

    r.bus.respond(requests.ListRuns, partial(runs.show_runs, context))
    r.bus.respond(requests.GetSyncStatus, partial(runs.show_status, context))
    r.bus.respond(requests.ListMeetings, partial(meetings.show_meetings, context))
    r.bus.respond(requests.GetMeeting, partial(meetings.show_meeting, context))
    r.bus.respond(requests.ListCalendars, partial(calendars.list_calendars, context, google))
    r.bus.respond(requests.NotifyCalendar, partial(channels.sync_notified_calendar, context))
    r.bus.respond(requests.ExplainMessage, partial(messages.explain_message, context, google))
    r.bus.respond(requests.RetryMessages, partial(messages.retry_messages, context))
    r.bus.respond(requests.AuditAccount, partial(audits.show_audit, context))
    r.bus.respond(requests.StartAudit, partial(audits.start_audit, context))

    r.bus.respond(requests.MeasureSync, partial(operations.get_measurements, r.measuring))
    r.bus.respond(requests.HandleAgainInSync, partial(operations.handle_again, r.bus))
    r.measuring.add("state", partial(operations.measure, context))
    limiters = (QuotaLimiter.of(r.settings, r.cache), QuotaLimiter.of_calendar(r.settings, r.cache))
    r.measuring.add("quota", partial(operations.measure_quotas, limiters))
    r.measuring.add("outbox", partial(outbox.measure, r.db))

    r.run_in_background("worker", worker.keep_running)
    r.run_in_background("outbox", partial(outbox.keep_relaying, r.db, r.bus, pending=worker.outbox_pending))
    r.run_in_background("poller", partial(schedules.keep_polling, context))
    r.run_in_background("puller", partial(run_requests.keep_pulling, context, Subscription.of(r.settings, r.http)))
    r.run_in_background("scanner", partial(meetings.keep_scanning, context))
    r.run_in_background("auditor", partial(audits.keep_auditing, context))
    r.run_in_background("deleter", partial(runs.keep_deleting_old, context))
    r.run_in_background("accounts", partial(account_states.keep_comparing, context))


if __name__ == "__main__":
    run("sync", wire)
