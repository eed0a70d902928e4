"""Following the history of a mailbox from the cursor on."""

from collections.abc import Sequence
from dataclasses import replace

from libs.common.events import MessageRemoved
from libs.common.google.errors import PageExpired
from services.sync.domain.cursors import MailCursor
from services.sync.domain.history import Touched, touched
from services.sync.mail.fetching import fetch_pending
from services.sync.runs.run import Run
from services.sync.store import cursors, ledger
from services.sync.store.ledger import Removal
from services.sync.store.runs import Tally


async def follow(run: Run, cursor: MailCursor) -> None:
    """Apply what happened since the cursor, fetch what is pending, and move the cursor once all of that is said and stored."""
    page, newest = None, cursor.history_id
    run.google.priority = "live"
    while True:
        try:
            found = await run.google.gmail.history(cursor.history_id, page)
        except PageExpired as expired:
            run.begin_again(expired)
            page = None
            continue
        if changes := touched(found.changes):
            await _apply(run, changes)
        newest = max(newest, found.history_id or 0)
        page = found.next_page
        if page is None:
            break
    await fetch_pending(run)
    if newest != cursor.history_id:
        await save(run, replace(cursor, history_id=newest))


async def _apply(run: Run, changes: Sequence[Touched]) -> None:
    looks = [one for one in changes if one.action == "look"]
    ends = [one for one in changes if one.action != "look"]
    async with run.writing() as connection:
        await ledger.add_touched(connection, run.lease.account_id, looks)
        removals = await ledger.list_to_remove(connection, run.lease.account_id, ends)
    if ends:
        await remove(run, removals, ends)


async def remove(run: Run, removals: Sequence[Removal], hidden: Sequence[Touched]) -> None:
    """Say that messages are gone or hidden, then write it down."""
    await run.sync.bus.publish(
        *(
            MessageRemoved(
                user_id=run.lease.user_id,
                account_id=run.lease.account_id,
                gmail_id=one.gmail_id,
                revision=one.revision,
                reason=one.reason,
            )
            for one in removals
        )
    )
    async with run.writing() as connection:
        removed = await ledger.remove(connection, run.lease.account_id, removals)
        await ledger.add_hidden(connection, run.lease.account_id, hidden)
        await run.count(connection, Tally(removed=removed))


async def save(run: Run, cursor: MailCursor) -> MailCursor:
    async with run.writing() as connection:
        await cursors.upsert_cursor(connection, run.lease.account_id, "mail", cursor.to_json())
    return cursor
