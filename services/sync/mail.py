"""Reading a mailbox: list what is not known, fetch what is pending, follow the history."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import assert_never

from libs.common.errors import Outage
from libs.common.events import AccountIdentified, MessageIngested, MessageRemoved
from libs.common.google.errors import Forbidden, Gone, HistoryExpired, NotReady, PageExpired, Rejected
from libs.common.google.gmail import GmailMessage
from libs.common.log import get_logger
from services.sync.domain import mail as rules
from services.sync.domain.cursors import Listing, MailCursor
from services.sync.domain.history import Touched, touched
from services.sync.domain.plan import Fetch, Wanted, fetches
from services.sync.job import Job
from services.sync.store import accounts, cursors, ledger
from services.sync.store.ledger import Final, Removal, Settled
from services.sync.store.runs import Tally

GROUP = 150  # messages fetched, said and settled together
SWEEP = 500
# Drafts and chats are left out by their labels; not listing them saves their fetch.
_NOT_LISTED = "-in:draft -in:chat"


async def sync_mail(job: Job) -> None:
    """Bring the ledger of one mailbox up to date, from wherever the last run got to."""
    if job.account.aliases_due:
        await identify(job)
    lookback = job.account.gmail.mail_lookback_days
    async with job.sync.db.acquire() as connection:
        token = await cursors.get_cursor(connection, job.claim.account_id, "mail")
    if token is None:
        cursor = await _begin(job, lookback)
    else:
        cursor = MailCursor.from_json(token)
        if not cursor.reaches(lookback):
            cursor = await _widen(job, cursor, lookback)
    if cursor.listing:
        cursor = await _list(job, cursor, cursor.listing)
    await _fetch_pending(job)
    try:
        await _follow(job, cursor)
    except HistoryExpired:
        cursor = await _reconcile(job, cursor, lookback)
        try:
            await _follow(job, cursor)
        except HistoryExpired as error:
            raise Outage("Gmail forgets its history as fast as it is read.") from error


async def identify(job: Job) -> None:
    """Learn the aliases of the account, and tell all its addresses before they are relied on."""
    try:
        found = await job.google.gmail.send_as()
    except (Forbidden, NotReady, Rejected) as error:
        get_logger().warning("aliases_unknown", code=error.code)  # some administrators hide them; mail goes on without
        found = ()
    aliases = [address for address in found if address.lower() != job.account.address.lower()]
    await job.sync.bus.say(
        AccountIdentified(
            user_id=job.claim.user_id,
            account_id=job.claim.account_id,
            addresses=tuple(dict.fromkeys((job.account.address, *aliases))),
        )
    )
    async with job.writing() as connection:
        await accounts.set_aliases(connection, job.claim.account_id, aliases)
        renewed = await accounts.get_account(connection, job.claim.account_id)
    job.account = renewed or job.account


# --- listing ------------------------------------------------------------------------------------------------------------


async def _begin(job: Job, lookback: int) -> MailCursor:
    """The first listing. The history id is taken before it, so that nothing falls in between."""
    history_id = (await job.google.gmail.profile()).history_id
    return await _save(job, MailCursor(history_id, lookback, listing=Listing(_since_s(job, lookback), history_id)))


async def _widen(job: Job, cursor: MailCursor, lookback: int) -> MailCursor:
    """List again, further back: what is known already is only counted."""
    sweep = cursor.listing is not None and cursor.listing.sweep
    listing = Listing(_since_s(job, lookback), cursor.history_id, sweep=sweep)
    return await _save(job, replace(cursor, lookback_days=lookback, generation=cursor.generation + 1, listing=listing))


async def _reconcile(job: Job, cursor: MailCursor, lookback: int) -> MailCursor:
    """The history is lost: compare the whole listing with the ledger, in both directions."""
    get_logger().info("history_expired")
    history_id = (await job.google.gmail.profile()).history_id
    listing = Listing(_since_s(job, lookback), history_id, sweep=True)
    cursor = MailCursor(history_id, lookback, cursor.generation + 1, listing)
    cursor = await _list(job, await _save(job, cursor), listing)
    await _fetch_pending(job)
    return cursor


def _since_s(job: Job, lookback: int) -> int:
    earliest = rules.since(job.now, lookback)
    return max(int(earliest.timestamp()), 1) if earliest else 0


async def _save(job: Job, cursor: MailCursor) -> MailCursor:
    async with job.writing() as connection:
        await cursors.upsert_cursor(connection, job.claim.account_id, "mail", cursor.to_json())
    return cursor


async def _list(job: Job, cursor: MailCursor, listing: Listing) -> MailCursor:
    """Page through the mailbox; each page and the place where it ends are stored together, so a crash repeats one page."""
    query = f"after:{listing.since_s} {_NOT_LISTED}" if listing.since_s else _NOT_LISTED
    while True:
        try:
            page = await job.google.gmail.list_messages(query, listing.page)
        except PageExpired:
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
    return await _save(job, replace(cursor, listing=None))


async def _sweep(job: Job, cursor: MailCursor, listing: Listing) -> None:
    """What a complete listing did not meet is gone."""
    since = datetime.fromtimestamp(listing.since_s, UTC) if listing.since_s else None
    while True:
        async with job.writing() as connection:
            unlisted = await ledger.list_unlisted(
                connection, job.claim.account_id, cursor.generation, since, listing.history_id, SWEEP
            )
        if not unlisted:
            return
        await _remove(job, unlisted, ())


# --- fetching -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Looked:
    """A wanted message and what Gmail gave for it; None: it is gone. `refusal`: why Gmail will never give it."""

    wanted: Wanted
    message: GmailMessage | None
    refusal: str = ""


async def _fetch_pending(job: Job) -> None:
    """Fetch, say and settle what is pending, newest first; while one group is said, the next one is fetched."""
    account_id = job.claim.account_id
    async with job.sync.db.acquire() as connection:
        left = await ledger.count_pending(connection, account_id)
    if not left:
        return
    me = rules.Me(job.claim.user_id, account_id, job.account.mine)
    earliest = rules.since(job.now, job.account.gmail.mail_lookback_days)
    after: int | None = None
    in_hand: tuple[str, ...] = ()
    recording: asyncio.Task[None] | None = None
    failure: BaseException | None = None
    try:
        while failure is None:
            async with job.sync.db.acquire() as connection:
                wanted, after = await ledger.list_pending(connection, account_id, after, GROUP, in_hand)
            if not wanted:
                break
            looked, failure = await _look(job, wanted)
            if recording:
                await recording
            left = max(left - len(looked), 0)
            recording = asyncio.create_task(_record(job, looked, me, earliest, left))
            in_hand = tuple({one.thread_id for one in wanted})
        if recording:
            await recording
    finally:
        if recording and not recording.done():
            recording.cancel()
            await asyncio.gather(recording, return_exceptions=True)
    if failure:
        raise failure


async def _look(job: Job, wanted: Sequence[Wanted]) -> tuple[list[_Looked], BaseException | None]:
    """Fetch messages the cheapest way. What came is kept, even where the first failure ends the run."""
    results = await asyncio.gather(*(_fetch(job, one) for one in fetches(wanted)), return_exceptions=True)
    looked = [one for result in results if not isinstance(result, BaseException) for one in result]
    return looked, next((result for result in results if isinstance(result, BaseException)), None)


async def _fetch(job: Job, fetch: Fetch) -> list[_Looked]:
    found: dict[str, _Looked] = {}
    if fetch.whole_thread:
        try:
            thread = {message.gmail_id: message for message in await job.google.gmail.get_thread(fetch.wanted[0].thread_id)}
        except (Gone, Rejected, NotReady):
            thread = {}  # look at each of its messages: they say more exactly what is wrong
        found = {one.gmail_id: _Looked(one, thread[one.gmail_id]) for one in fetch.wanted if one.gmail_id in thread}
    for one in fetch.wanted:
        if one.gmail_id not in found:
            found[one.gmail_id] = await _fetch_one(job, one)
    return list(found.values())


async def _fetch_one(job: Job, wanted: Wanted) -> _Looked:
    try:
        return _Looked(wanted, await job.google.gmail.get_message(wanted.gmail_id))
    except Gone:
        return _Looked(wanted, None)
    except (Rejected, NotReady) as error:
        return _Looked(wanted, None, f"Gmail does not give this message out: {error}")


async def _record(job: Job, looked: Sequence[_Looked], me: rules.Me, earliest: datetime | None, left: int) -> None:
    """Say what is eligible, then settle all of it. A crash in between says the same again, with the same revision."""
    if not looked:
        return
    tally = Tally(done=len(looked))
    facts: list[MessageIngested] = []
    settled = [_outcome(one, me, earliest, facts, tally) for one in looked]
    await job.sync.bus.say(*facts)
    async with job.writing() as connection:
        await ledger.settle(connection, job.claim.account_id, settled)
        await job.count(connection, tally, left)
    await job.show(job.done, job.done + left)


def _outcome(
    looked: _Looked, me: rules.Me, earliest: datetime | None, facts: list[MessageIngested], tally: Tally
) -> Settled:
    """What becomes of one message; its fact, if there is one, joins `facts`."""
    wanted, message = looked.wanted, looked.message
    if message is None:
        state: Final = "set_aside" if looked.refusal else "gone"
        tally.skip(state)
        reason = looked.refusal or "deleted in Gmail before it was read"
        return Settled(wanted.gmail_id, state, wanted.revision, reason=reason)
    # Gmail's history id grows with whatever happens to a message: the same content is said with the same revision.
    revision = max(message.history_id or 1, wanted.revision + 1)
    outcome = rules.read(message, me, earliest, revision)
    match outcome:
        case rules.Recorded(fact):
            facts.append(fact)
            if wanted.revision:
                tally.updated += 1
            else:
                tally.new += 1
            return Settled(
                wanted.gmail_id, "recorded", revision, rfc_message_id=fact.rfc_message_id, occurred_at=fact.occurred_at
            )
        case rules.Filtered(rule, rfc_message_id, occurred_at):
            tally.skip(rule)
            return Settled(
                wanted.gmail_id, "filtered", wanted.revision, rule, rfc_message_id=rfc_message_id, occurred_at=occurred_at
            )
        case rules.SetAside(reason):
            tally.skip("set_aside")
            get_logger().warning("message_set_aside", gmail_id=wanted.gmail_id, reason=reason)
            return Settled(wanted.gmail_id, "set_aside", wanted.revision, reason=reason)
        case _:
            assert_never(outcome)


# --- history ------------------------------------------------------------------------------------------------------------


async def _follow(job: Job, cursor: MailCursor) -> None:
    """Apply what happened since the cursor, and move it once all of that is said and stored."""
    page, newest = None, cursor.history_id
    while True:
        try:
            found = await job.google.gmail.history(cursor.history_id, page)
        except PageExpired:
            page = None
            continue
        if changes := touched(found.changes):
            await _apply(job, changes)
        newest = max(newest, found.history_id or 0)
        page = found.next_page
        if page is None:
            break
    await _fetch_pending(job)
    if newest != cursor.history_id:
        await _save(job, replace(cursor, history_id=newest))


async def _apply(job: Job, changes: Sequence[Touched]) -> None:
    looks = [one for one in changes if one.verdict == "look"]
    ends = [one for one in changes if one.verdict != "look"]
    async with job.writing() as connection:
        await ledger.add_touched(connection, job.claim.account_id, looks)
        removals = await ledger.list_to_remove(connection, job.claim.account_id, ends)
    if ends:
        await _remove(job, removals, ends)


async def _remove(job: Job, removals: Sequence[Removal], hidden: Sequence[Touched]) -> None:
    """Say that messages are gone or hidden, then write it down."""
    await job.sync.bus.say(
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
