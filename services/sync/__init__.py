"""Sync: mail, contacts and calendars out of Google, on schedule and at once, and which meetings are due for a brief.

Owns its copy of accounts and settings, runs, cursors, the ledger of Gmail messages, fingerprints of cards, meetings, channels,
audits.
Consumes account.connected, account.reauth_required, account.disconnected, user.deleted, settings.changed, sync.requested,
mailbox.notified, clock.mail, clock.contacts, clock.calendar, clock.prep, clock.watch, clock.audit.
Publishes account.identified, sync.requested, mailbox.notified, sync.progressed, sync.completed, sync.failed, message.ingested,
message.removed, person.imported, person.removed, meeting.ingested, meeting.cancelled, meeting.upcoming.
Serves sync.runs, sync.status, sync.meetings, sync.meeting, sync.calendars, sync.notify_calendar, sync.why, sync.audit,
sync.start_audit, sync.retry.
Requests auth.accounts, auth.account_states, auth.token, auth.settings, contacts.compare, contacts.compare_meetings,
    contacts.compare_cards, contacts.of_message, prep.brief_tokens.

Handlers store what has changed and request runs. The engine (runs/) acquires the runs and carries them out; what they do is in
mail/, people.py and calendar/, registered in `__main__`. The order is always the same: store what is seen, publish it, write down
that it was published, move the cursor. A crash repeats work, and loses nothing.

handlers/  every entry point
runs/      the engine: queue, leases, fairness between runs, how a run ends
mail/      a mailbox: listing, fetching, history, audit, watch, polling, push, and why a message is (not) here
calendar/  calendars, Google's notifications of them, and the prep scan that follows their runs
people.py  Google contacts
item_audit.py  whether contacts holds the meetings and cards that were published
domain/    the decisions
store/     the SQL
"""
