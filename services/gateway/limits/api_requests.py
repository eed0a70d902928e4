"""How many API requests a user may send: a token bucket, a minute's worth at once and then as fast as it fills."""

import asyncio
from math import ceil
from pathlib import Path

from libs.common.cache import OUTAGES
from libs.common.errors import Refused
from libs.common.ids import UserId
from libs.common.log import get_logger
from services.gateway.context import Context

FULL_AFTER_MILLISECONDS = 60_000
REDIS_SECONDS = 1.0
AWAY: tuple[type[BaseException], ...] = (*OUTAGES, TimeoutError)
_TAKE = Path(__file__).with_name("token_bucket.lua").read_text()


def bucket_key(user_id: UserId) -> str:
    return f"api:{user_id}"


async def take_api_request(context: Context, user_id: UserId) -> None:
    """Count one request. Refused: `too_many_requests` (429), with the seconds to wait.

    While Redis is away nothing is counted, and nobody is kept from their timeline.
    """
    ceiling = context.settings.api_requests_per_minute
    if not ceiling:
        return
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            (wait_milliseconds,) = await context.cache.run(
                _TAKE, [bucket_key(user_id)], ceiling, FULL_AFTER_MILLISECONDS
            )
    except AWAY as error:
        get_logger().warning("limit_unavailable", error=type(error).__name__)
        return
    if wait_milliseconds:
        raise Refused(
            429,
            "too_many_requests",
            f"More than {ceiling} requests a minute are too many. Wait as long as Retry-After says, and go slower.",
            retry_after=ceil(int(wait_milliseconds) / 1000),
        )
