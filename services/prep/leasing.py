"""Who may work on a meeting's automatic brief: one replica at a time, once per meeting, account and start.

Times are those of the database's clock: replicas whose own clocks differ agree on whose lease is over.

1. Redis: `meeting_prep:{account}:{event}:{start}` is set where nobody has (24 h). Its value is the time from which it can be doubted.
2. The row in `preps` decides: it is acquired with a lease of 90 s and an attempt number that fences off whoever lost it. A key in
   Redis without a row stops everybody until it can be doubted; where there is a row, its state and lease decide who goes on. So a
   Redis that forgot everything, or one that remembers a holder who died, changes nothing.
3. While somebody else holds the lease, the delivery comes back when it ends: if its holder died, this was the last one.
4. An attempt that fails releases the lease and raises, so that the delivery comes again; when it is too late, it has failed.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from libs.common import cache as cache_module
from libs.common.db import get_time
from libs.common.errors import Throttled
from libs.common.events import Meeting
from libs.common.fault_points import reached
from libs.common.ids import AccountId, UserId
from libs.common.log import get_logger
from services.prep.context import Context
from services.prep.sending import new_token
from services.prep.store import preps
from services.prep.store.preps import Moment, StoredPrep

DEDUP_TTL = timedelta(hours=24)
RETRY_PAUSES = (timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=60))


async def acquire_lease(context: Context, meeting: Meeting) -> StoredPrep | None:
    """The lease; None where there is nothing left to do. Throttled: somebody else is at it; come back when their lease ends."""
    async with context.db.acquire() as connection:
        now = await get_time(connection)
    doubted_from = await _set_dedup_key(context, meeting, now)
    await reached("prep.key.set")
    async with context.db.acquire() as connection:
        current = await preps.get_automatic(connection, meeting)
        if current is None and doubted_from is not None and doubted_from > now:
            raise Throttled("Another replica has claimed this brief.", doubted_from - now)
        if current is not None and current.state in ("sent", "failed"):
            return None
        if stored := await preps.acquire(connection, meeting, new_token()):
            return stored
        current = await preps.get_automatic(connection, meeting)
    if current is None or current.state != "sending":
        return None  # settled, or purged, in the moment between
    raise Throttled("Another replica is writing this brief.", max(current.lease_left, RETRY_PAUSES[0]))


async def _set_dedup_key(context: Context, meeting: Meeting, now: datetime) -> datetime | None:
    """Set the meeting's key in Redis. None: it is ours, or Redis is away; else the time from which somebody else's can be doubted."""
    keys = context.cache.in_namespace("meeting_prep")
    key = _dedup_key((meeting.account_id, meeting.event_id, meeting.starts_at))
    try:
        if await keys.acquire(key, (now + preps.LEASE).isoformat(), DEDUP_TTL):
            return None
        held = await keys.get(key)
    except cache_module.OUTAGES as error:
        get_logger().warning("claim_unavailable", meeting=str(meeting.meeting_id), error=type(error).__name__)
        return None  # the row alone keeps the promise of one brief
    with suppress(ValueError):
        return datetime.fromisoformat(held.decode()) if held else None
    return now + DEDUP_TTL  # not written by us: honoured as long as it stands


def _dedup_key(moment: Moment) -> str:
    account_id, event_id, starts_at = moment
    return f"{account_id}:{event_id}:{starts_at.astimezone(UTC).isoformat()}"


async def forget_dedup_keys(context: Context, user_id: UserId, account_id: AccountId | None = None) -> None:
    """The keys that the user's briefs have set, or those of one account, before their rows go: else they would outlive them for a day.

    Throttled: Redis is away; the event comes again.
    """
    async with context.db.acquire() as connection:
        moments = await preps.list_recent_moments(connection, user_id, account_id, DEDUP_TTL)
    keys = context.cache.in_namespace("meeting_prep")
    try:
        for moment in moments:
            await keys.release(_dedup_key(moment))
    except cache_module.OUTAGES as error:
        raise Throttled("Redis, which still has keys of deleted briefs, is away.", RETRY_PAUSES[0]) from error
