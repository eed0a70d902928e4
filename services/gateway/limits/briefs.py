"""How many briefs a user has had written within an hour; and what is counted of users who are gone."""

from datetime import UTC, datetime, timedelta

from libs.common.cache import OUTAGES
from libs.common.errors import Throttled
from libs.common.ids import UserId
from services.gateway.context import Context
from services.gateway.limits.api_requests import bucket_key

COUNTED_FOR = timedelta(hours=2)
_HOURS = 3  # in which something may still be counted


async def count_briefs(context: Context, user_id: UserId) -> int:
    """One more within this hour; how many that are."""
    return await context.cache.count_failure(_key(user_id, _hour()), COUNTED_FOR)


async def forget_counts(context: Context, user_id: UserId) -> None:
    """Briefs and API requests of a user who is gone. Throttled: Redis is away; the event comes again."""
    hour = _hour()
    try:
        for key in (bucket_key(user_id), *(_key(user_id, hour - ago) for ago in range(_HOURS))):
            await context.cache.release(key)
    except OUTAGES as error:
        raise Throttled("Redis, which still counts for a deleted user, is away.", timedelta(seconds=5)) from error


def _hour() -> int:
    return int(datetime.now(UTC).timestamp() // 3600)


def _key(user_id: UserId, hour: int) -> str:
    return f"briefs:{user_id}:{hour}"
