"""Listing a mailbox into the ledger, page by page, and finding what is gone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from libs.common.google.errors import PageExpired
from libs.common.log import get_logger
from services.sync.domain import mail as rules
from services.sync.domain.cursors import Listing, MailCursor
from services.sync.job import Job
from services.sync.mail.history import remove, save
from services.sync.store import cursors, ledger

SWEEP = 500
_EDGE = timedelta(hours=1)  # how sharply `after:` cuts is not documented: what lies close to it is left alone
# Drafts and chats are left out by their labels; not listing them saves their fetch.
_NOT_LISTED = "-in:draft -in:chat"


async def begin(job: Job, lookback: int) -> MailCursor:
    """The first listing. The history id is taken before it, so that nothing falls in between."""
    history_id = (await job.google.gmail.profile()).history_id
    return await save(job, MailCursor(history_id, lookback, listing=Listing(_since_s(job, lookback), history_id)))


async def widen(job: Job, cursor: MailCursor, lookback: int) -> MailCursor:
    """List again, further back: what is known already is only counted."""
    sweep = cursor.listing is not None and cursor.listing.sweep
    listing = Listing(_since_s(job, lookback), cursor.history_id, sweep=sweep)
    return await save(job, replace(cursor, lookback_days=lookback, generation=cursor.generation + 1, listing=listing))


async def begin_reconciliation(job: Job, cursor: MailCursor, lookback: int) -> MailCursor:
    """The history is lost: compare the whole listing with the ledger, in both directions."""
    get_logger().info("history_expired")
    history_id = (await job.google.gmail.profile()).history_id
    reach = cursor.lookback_days if cursor.reaches(lookback) else lookback  # as far back as anything was recorded
    listing = Listing(_since_s(job, reach), history_id, sweep=True)
    return await save(job, MailCursor(history_id, reach, cursor.generation + 1, listing))


def _since_s(job: Job, lookback: int) -> int:
    earliest = rules.since(job.now, lookback)
    return max(int(earliest.timestamp()), 1) if earliest else 0


async def list_mailbox(job: Job, cursor: MailCursor, listing: Listing) -> MailCursor:
    """Page through the mailbox; each page and the place where it ends are stored together, so a crash repeats one page."""
    query = f"after:{listing.since_s} {_NOT_LISTED}" if listing.since_s else _NOT_LISTED
    while True:
        try:
            page = await job.google.gmail.list_messages(query, listing.page)
        except PageExpired as expired:
            job.begin_again(expired)
            listing = replace(listing, page=None, listed=0)
            continue
        position, listed = listing.listed, listing.listed + len(page.messages)
        listing = replace(listing, page=page.next_page, listed=listed)
        cursor = replace(cursor, listing=listing)
        async with job.writing() as connection:
            await ledger.add_listed(connection, job.claim.account_id, page.messages, position, cursor.generation)
            await cursors.upsert_cursor(connection, job.claim.account_id, "mail", cursor.to_json())
        await job.show(0, listed, "listing")
        if page.next_page is None:
            break
    if listing.sweep:
        await _sweep(job, cursor, listing)
    return await save(job, replace(cursor, listing=None))


async def _sweep(job: Job, cursor: MailCursor, listing: Listing) -> None:
    """What a complete listing did not meet is gone."""
    since = datetime.fromtimestamp(listing.since_s, UTC) + _EDGE if listing.since_s else None
    while True:
        async with job.writing() as connection:
            unlisted = await ledger.list_unlisted(
                connection, job.claim.account_id, cursor.generation, since, listing.history_id, SWEEP
            )
        if not unlisted:
            return
        await remove(job, unlisted, ())
