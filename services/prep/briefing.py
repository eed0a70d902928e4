"""The automatic brief: from `meeting.upcoming` to an email, once per meeting, account and start.

Who may work on it:
1. Redis: `meeting_prep:{account}:{event}:{start}` is set where nobody has (24 h). Its value is when the claim can be doubted.
2. The row in `preps` decides: it is taken with a lease of 90 s and an attempt number that fences off whoever lost it. A claim in
   Redis without a row stops everybody until it can be doubted; where there is a row, its state and lease say who goes on. So a
   Redis that forgot everything, or one that remembers a holder who died, changes nothing.
3. While somebody else holds the lease, the delivery comes back when it ends: if its holder died, this was the last one.
4. An attempt that fails gives the lease back and raises, so that the delivery comes again; when it is too late, it has failed.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from libs.common import cache as cache_module
from libs.common.errors import Outage, Throttled
from libs.common.events import Meeting, MeetingUpcoming
from libs.common.google.errors import GoogleError
from libs.common.log import get_logger
from libs.common.requests import Account
from services.prep import sending, settling, store
from services.prep.context import Context, meeting_now, owner_of, people_of
from services.prep.domain.dossier import collect
from services.prep.domain.rules import SkipReason, is_useful, skip_reason
from services.prep.sending import Unconfirmed, deliver
from services.prep.store import Row
from services.prep.writing import write

CLAIM_TTL = timedelta(hours=24)
AFTER_SILENCE = timedelta(seconds=15)
"""Between a lost answer and the search in Sent: Gmail takes a moment to index what it sent."""
PAUSES = (timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=60))


async def brief(context: Context, event: MeetingUpcoming) -> None:
    """Brief the meeting as it stands now. A moved one is settled for its old time and briefed for its new one when that is due."""
    told = event.meeting
    current = await meeting_now(context.bus, told.user_id, told.meeting_id)
    if current is None:
        await _brief_once(context, told, "cancelled")
    elif current.starts_at != told.starts_at:
        await _brief_once(context, told, "moved")
        if _is_due(context, current, datetime.now(UTC)):
            await _brief_once(context, current, None)
    else:
        await _brief_once(context, current, None)


def _is_due(context: Context, meeting: Meeting, now: datetime) -> bool:
    """Whether a scan at `now` would tell of it: the moved meeting must not wait for a scan that has just been."""
    window = timedelta(minutes=context.settings.prep_window_to_minutes)
    return is_useful(meeting.starts_at, now) and meeting.starts_at - now < window


async def _brief_once(context: Context, meeting: Meeting, obstacle: SkipReason | None) -> None:
    row = await _take(context, meeting, datetime.now(UTC))
    if row is None:
        return
    try:
        await _attempt(context, meeting, row, obstacle)
    except Exception as error:
        async with context.db.acquire() as connection:
            await store.give_back(connection, row, _in_words(error), datetime.now(UTC))
        if isinstance(error, Outage):
            raise Throttled(str(error), _pause(error, row)) from error
        raise


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, Outage) else "Something went wrong here. It is in the log."


def _pause(error: Outage, row: Row) -> timedelta:
    """How long to wait for the next attempt: what was asked for, or longer with each attempt."""
    if isinstance(error, Throttled) and error.retry_after is not None:
        return error.retry_after
    return AFTER_SILENCE if isinstance(error, Unconfirmed) else PAUSES[min(row.attempt, len(PAUSES)) - 1]


async def _attempt(context: Context, meeting: Meeting, row: Row, obstacle: SkipReason | None) -> None:
    """One attempt under the lease: settle the brief, or raise what stood in the way for now."""
    owner = await owner_of(context.bus, meeting.user_id)
    account = owner.account(meeting.account_id) if owner else None
    if owner is None or account is None:
        async with context.db.acquire() as connection:
            await store.forget(connection, row)  # purged meanwhile: no trace
        return
    if row.handed_over and await _arrived_earlier(context, row, account):
        return
    now = datetime.now(UTC)
    people = () if obstacle else await people_of(context.bus, meeting, owner, now)
    reason = obstacle or skip_reason(meeting, account, owner.preferences, [known for _, known in people], now)
    if reason == "too_late" and row.resumed:
        await settling.failed(context, row, settling.late(row))
    elif reason:
        await settling.skipped(context, row, reason)
    else:
        written = await write(context.claude, collect(meeting, people), context.settings.base_url, row.token, now)
        await deliver(context, account, row, written)


async def _arrived_earlier(context: Context, row: Row, account: Account) -> bool:
    """Whether the brief of an attempt whose answer was lost is in Sent; then it is settled here.

    Where nobody can look, sending again could be sending twice: then the brief ends, and the user is told.
    """
    try:
        gmail_id = await sending.find_sent(context.gmail(account.id), row.token)
    except GoogleError:
        await settling.failed(context, row, settling.UNCONFIRMED)
        return True
    if gmail_id is None:
        return False
    await settling.sent(context, row, gmail_id)
    return True


async def _take(context: Context, meeting: Meeting, now: datetime) -> Row | None:
    """The lease, or None where there is nothing left to do. Throttled: somebody else is at it; come back when their lease ends."""
    doubted_from = await _claim(context, meeting, now)
    async with context.db.acquire() as connection:
        standing = await store.get_automatic(connection, meeting)
        if standing is None and doubted_from is not None and doubted_from > now:
            raise Throttled("Another replica has claimed this brief.", doubted_from - now)
        if standing is not None and standing.state in ("sent", "failed"):
            return None
        if row := await store.take(connection, meeting, sending.new_token(), now):
            return row
        standing = await store.get_automatic(connection, meeting)
    if standing is None or standing.state != "sending":
        return None  # settled, or purged, in the moment between
    raise Throttled("Another replica is writing this brief.", max(standing.leased_until - now, PAUSES[0]))


async def _claim(context: Context, meeting: Meeting, now: datetime) -> datetime | None:
    """Claim the meeting in Redis. None: it is ours, or Redis is away; else the moment from which the other claim can be doubted."""
    key = f"meeting_prep:{meeting.account_id}:{meeting.event_id}:{meeting.starts_at.astimezone(UTC).isoformat()}"
    try:
        if await context.cache.acquire(key, (now + store.LEASE).isoformat(), CLAIM_TTL):
            return None
        held = await context.cache.get(key)
    except cache_module.OUTAGES as error:
        get_logger().warning("claim_unavailable", meeting=str(meeting.meeting_id), error=type(error).__name__)
        return None  # the row alone keeps the promise of one brief
    with suppress(ValueError):
        return datetime.fromisoformat(held.decode()) if held else None
    return now + CLAIM_TTL  # not in our hand: honoured as long as it stands
