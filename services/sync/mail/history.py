"""Following the history of a mailbox from the cursor on."""

from collections.abc import Sequence
from dataclasses import replace

from libs.common.events import MessageRemoved
from libs.common.fault_points import reached
from libs.common.google.errors import PageExpired
from services.sync.domain.cursors import MailCursor
from services.sync.domain.history import Touched, touched
from services.sync.domain.ledger import Removal
from services.sync.domain.runs import Tally
from services.sync.mail.fetching import fetch_pending
from services.sync.runs.run import Run
from services.sync.store import cursors, ledger


async def follow(run: Run, cursor: MailCursor) -> None:
    """Apply what happened since the cursor, fetch what is pending, and move the cursor once all of that is published and stored.

    HistoryExpired: Gmail does not remember that far back.
    """
    page, newest = None, cursor.history_id
    while True:
        try:
            found = await run.gmail().history(cursor.history_id, page)
        except PageExpired as expired:
            run.begin_again(expired)
            page = None
            continue
        await reached("sync.history.fetched")
        if changes := touched(found.changes):
            await _apply(run, changes)
        newest = max(newest, found.history_id or 0)
        page = found.next_page
        if page is None:
            break
    await fetch_pending(run)
    await reached("sync.history.applied")
    if newest != cursor.history_id:
        await save_cursor(run, replace(cursor, history_id=newest))


async def _apply(run: Run, changes: Sequence[Touched]) -> None:
    to_fetch = [change for change in changes if change.action == "fetch"]
    ended = [change for change in changes if change.action != "fetch"]
    async with run.writing() as connection:
        await ledger.add_touched(connection, run.lease.account_id, to_fetch)
        removals = await ledger.list_to_remove(connection, run.lease.account_id, ended)
    await reached("sync.history.stored")
    if ended:
        await remove_messages(run, removals, ended)


async def remove_messages(run: Run, removals: Sequence[Removal], hidden: Sequence[Touched]) -> None:
    """Publish that messages are gone or hidden, then write it down."""
    await publish_removals(run, removals)
    async with run.step() as step:
        removed = await ledger.remove(step.connection, run.lease.account_id, removals)
        await ledger.add_hidden(step.connection, run.lease.account_id, hidden)
        step.count(Tally(removed=removed))


async def publish_removals(run: Run, removals: Sequence[Removal]) -> None:
    """Publish that messages are gone or hidden; the caller writes it down."""
    await reached("sync.removals.found")
    await run.engine.bus.publish(
        *(
            MessageRemoved(
                user_id=run.lease.user_id,
                account_id=run.lease.account_id,
                gmail_id=removal.gmail_id,
                revision=removal.revision,
                reason=removal.reason,
            )
            for removal in removals
        )
    )
    await reached("sync.removals.published")


async def save_cursor(run: Run, cursor: MailCursor) -> MailCursor:
    """Move the cursor; the same one."""
    async with run.writing() as connection:
        await cursors.upsert_cursor(connection, run.lease.account_id, "mail", cursor.to_json())
    return cursor
