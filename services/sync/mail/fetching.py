"""Fetching what is pending in the ledger, newest first, and saying what is eligible."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from libs.common.events import MessageIngested
from libs.common.google.errors import Gone, NotReady, Rejected
from libs.common.log import get_logger
from libs.common.resources.gmail import GmailMessage
from services.sync.domain import mail as rules
from services.sync.domain.plan import Fetch, Wanted, fetches
from services.sync.job import Job
from services.sync.store import ledger
from services.sync.store.ledger import Final, Settled
from services.sync.store.runs import Tally

GROUP = 150  # messages fetched, said and settled together


@dataclass(frozen=True, slots=True)
class _Looked:
    """A wanted message and what Gmail gave for it; None: it is gone. `refusal`: why Gmail will never give it."""

    wanted: Wanted
    message: GmailMessage | None
    refusal: str = ""


async def fetch_pending(job: Job) -> None:
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
            thread = {
                message.gmail_id: message for message in await job.google.gmail.get_thread(fetch.wanted[0].thread_id)
            }
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
                wanted.gmail_id,
                "filtered",
                wanted.revision,
                rule,
                rfc_message_id=rfc_message_id,
                occurred_at=occurred_at,
            )
        case rules.SetAside(reason):
            tally.skip("set_aside")
            get_logger().warning("message_set_aside", gmail_id=wanted.gmail_id, reason=reason)
            return Settled(wanted.gmail_id, "set_aside", wanted.revision, reason=reason)
        case _:
            assert_never(outcome)
