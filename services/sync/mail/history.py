"""Following the history of a mailbox from the cursor on."""

from collections.abc import Sequence
from dataclasses import replace

from libs.common.events import MessageRemoved
from libs.common.google.errors import PageExpired
from services.sync.domain.cursors import MailCursor
from services.sync.domain.history import Touched, touched
from services.sync.mail.fetching import fetch_pending
from services.sync.runs.run import Job
from services.sync.store import cursors, ledger
from services.sync.store.ledger import Removal
from services.sync.store.runs import Tally


async def follow(job: Job, cursor: MailCursor) -> None:
    """Apply what happened since the cursor, fetch what is pending, and move the cursor once all of that is said and stored."""
    page, newest = None, cursor.history_id
    job.google.priority = "live"
    while True:
        try:
            found = await job.google.gmail.history(cursor.history_id, page)
        except PageExpired as expired:
            job.begin_again(expired)
            page = None
            continue
        if changes := touched(found.changes):
            await _apply(job, changes)
        newest = max(newest, found.history_id or 0)
        page = found.next_page
        if page is None:
            break
    await fetch_pending(job)
    if newest != cursor.history_id:
        await save(job, replace(cursor, history_id=newest))


async def _apply(job: Job, changes: Sequence[Touched]) -> None:
    looks = [one for one in changes if one.verdict == "look"]
    ends = [one for one in changes if one.verdict != "look"]
    async with job.writing() as connection:
        await ledger.add_touched(connection, job.claim.account_id, looks)
        removals = await ledger.list_to_remove(connection, job.claim.account_id, ends)
    if ends:
        await remove(job, removals, ends)


async def remove(job: Job, removals: Sequence[Removal], hidden: Sequence[Touched]) -> None:
    """Say that messages are gone or hidden, then write it down."""
    await job.sync.bus.publish(
        *(
            MessageRemoved(
                user_id=job.claim.user_id,
                account_id=job.claim.account_id,
                gmail_id=one.gmail_id,
                revision=one.revision,
                reason=one.reason,
            )
            for one in removals
        )
    )
    async with job.writing() as connection:
        removed = await ledger.remove(connection, job.claim.account_id, removals)
        await ledger.add_hidden(connection, job.claim.account_id, hidden)
        await job.count(connection, Tally(removed=removed))


async def save(job: Job, cursor: MailCursor) -> MailCursor:
    async with job.writing() as connection:
        await cursors.upsert_cursor(connection, job.claim.account_id, "mail", cursor.to_json())
    return cursor
