"""Sync: mail, contacts and calendar out of Google; schedules; which meetings are upcoming.

Owns the copy of accounts and settings that it needs, runs, cursors, the ledger of Gmail messages, fingerprints of cards, meetings.
Hears account.* settings.changed user.deleted clock.* sync.requested mailbox.notified, and Gmail through Pub/Sub.
Says account.identified mailbox.notified message.* person.* meeting.* sync.*.

Handlers only queue runs; runner.py claims and carries them out, mail.py, people.py and calendar.py do the reading. The order is
always the same: store what is seen, say it, write down that it was said, move the cursor. A crash repeats, and loses nothing.
"""
