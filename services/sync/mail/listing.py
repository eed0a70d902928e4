"""Listing a mailbox into the ledger, page by page, and finding what is gone."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from libs.common.db import Connection
from libs.common.fault_points import reached
from libs.common.google.errors import PageExpired
from libs.common.log import get_logger
from services.sync.domain import mail as rules
from services.sync.domain.cursors import Listing, MailCursor
from services.sync.domain.estimate import mailbox_estimate
from services.sync.domain.listing import EDGE, query, since_s
from services.sync.mail.backlog import ListingFrontier
from services.sync.mail.fetching import fetch_pending
from services.sync.mail.history import remove_messages, save_cursor
from services.sync.runs.run import Run
from services.sync.store import cursors, ledger

SWEEP = 500
# So many messages are listed ahead of those that are fetched: a thread is fetched once, with all that is wanted of it.
AHEAD = 400


async def begin(run: Run, lookback: int) -> MailCursor:
    """The first listing. The history id is taken before it, so that nothing falls in between."""
    profile = await run.gmail().profile()
    cursor = MailCursor(profile.history_id, lookback, listing=Listing(_since_s(run, lookback), profile.history_id))
    async with run.writing() as connection:
        await cursors.upsert_cursor(connection, run.lease.account_id, "mail", cursor.to_json())
        page_units = run.engine.settings.gmail_units["messages.list"]
        await run.set_estimate(
            connection, mailbox_estimate(profile.messages, profile.threads, run.engine.prices, page_units)
        )
    return cursor


async def widen(run: Run, cursor: MailCursor, lookback: int) -> MailCursor:
    """List further back: only what is older than all that was listed before. Where that is not complete yet, everything again."""
    sweep = cursor.listing is not None and cursor.listing.sweep
    reached = None if cursor.listing else rules.since(run.now, cursor.lookback_days)
    until_s = since_s(reached + EDGE) if reached else 0
    listing = Listing(_since_s(run, lookback), cursor.history_id, sweep=sweep, until_s=until_s)
    return await save_cursor(
        run, replace(cursor, lookback_days=lookback, generation=cursor.generation + 1, listing=listing)
    )


async def begin_reconciliation(run: Run, cursor: MailCursor, lookback: int) -> MailCursor:
    """The history is lost: compare the whole listing with the ledger, in both directions."""
    get_logger().info("history_expired")
    history_id = (await run.gmail().profile()).history_id
    reach = cursor.lookback_days if cursor.reaches(lookback) else lookback  # as far back as anything was recorded
    listing = Listing(_since_s(run, reach), history_id, sweep=True)
    return await save_cursor(run, MailCursor(history_id, reach, cursor.generation + 1, listing))


def _since_s(run: Run, lookback: int) -> int:
    return since_s(rules.since(run.now, lookback))


async def list_and_fetch(run: Run, cursor: MailCursor, listing: Listing) -> MailCursor:
    """List the mailbox, and fetch what was listed meanwhile: the newest messages are there before the oldest are listed.

    What a failure of either leaves undone stays where it is, listed or not; what was listed is fetched all the same.
    """
    frontier = ListingFrontier(is_open=True, reach=max(listing.listed - AHEAD, 0))
    if listing.listed:
        async with run.db.acquire() as connection:
            estimate = await ledger.get_estimate(connection, run.lease.account_id, run.engine.prices)
        frontier.total = run.done + estimate.messages
    listed = asyncio.create_task(_list_mailbox(run, cursor, listing, frontier))
    fetched = asyncio.create_task(fetch_pending(run, frontier))
    try:
        await asyncio.wait({listed, fetched}, return_when=asyncio.FIRST_EXCEPTION)
        await fetched
        return await listed
    finally:
        for task in (listed, fetched):
            task.cancel()
        await asyncio.gather(listed, fetched, return_exceptions=True)


async def list_to_compare(run: Run, cursor: MailCursor, listing: Listing) -> MailCursor:
    """List the whole mailbox first: only then is it known what of all that is pending is gone."""
    return await _list_mailbox(run, cursor, listing, ListingFrontier())


async def _list_mailbox(run: Run, cursor: MailCursor, listing: Listing, frontier: ListingFrontier) -> MailCursor:
    """Page through the mailbox, moving the frontier; each page and where it ends are stored together, so a crash repeats one page."""
    account_id = run.lease.account_id
    try:
        while True:
            try:
                gmail = run.gmail(frontier.priority)
                page = await gmail.list_messages(query(listing.since_s, listing.until_s), listing.page)
            except PageExpired as expired:
                run.begin_again(expired)
                listing = replace(listing, page=None, listed=0)
                frontier.rewind()
                continue
            await reached("sync.listing.fetched")
            position, listed = listing.listed, listing.listed + len(page.messages)
            listing = replace(listing, page=page.next_page, listed=listed)
            is_done = page.next_page is None and not listing.sweep
            cursor = replace(cursor, listing=None if is_done else listing)
            async with run.writing() as connection:
                new = await ledger.add_listed(connection, account_id, page.messages, position, cursor.generation)
                await reached("sync.listing.added")
                await _save_listed(run, connection, cursor, frontier)
            await reached("sync.listing.stored")
            frontier.move(max(listed - AHEAD, 0), 0 if is_done else new)
            if page.next_page is None:
                break
        if listing.sweep:
            await _sweep(run, cursor, listing)
            await reached("sync.listing.swept")
            cursor = replace(cursor, listing=None)
            async with run.writing() as connection:
                await _save_listed(run, connection, cursor, frontier)
        return cursor
    finally:
        frontier.close()


async def _save_listed(run: Run, connection: Connection, cursor: MailCursor, frontier: ListingFrontier) -> None:
    """How far the listing is. Once it is complete, what is still to do is known exactly."""
    await cursors.upsert_cursor(connection, run.lease.account_id, "mail", cursor.to_json())
    if cursor.listing is None:
        estimate = await ledger.get_estimate(connection, run.lease.account_id, run.engine.prices)
        frontier.total = await run.set_estimate(connection, estimate)


async def _sweep(run: Run, cursor: MailCursor, listing: Listing) -> None:
    """What a complete listing did not meet is gone."""
    since = datetime.fromtimestamp(listing.since_s, UTC) + EDGE if listing.since_s else None
    while True:
        async with run.writing() as connection:
            unlisted = await ledger.list_unlisted(
                connection, run.lease.account_id, cursor.generation, since, listing.history_id, SWEEP
            )
        if not unlisted:
            return
        await remove_messages(run, unlisted, ())
