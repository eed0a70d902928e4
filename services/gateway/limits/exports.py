"""One export at a time per user: it reads everything that there is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from libs.common.cache import OUTAGES
from libs.common.errors import Refused
from libs.common.ids import UserId, new_id
from libs.common.log import get_logger
from services.gateway.context import Context

LEASE = timedelta(seconds=60)  # a replica that died keeps nobody waiting for longer
_RENEW = "return {redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0}"


@asynccontextmanager
async def only_export(context: Context, user_id: UserId) -> AsyncIterator[None]:
    """This is the user's only export for as long as the context lasts. Refused: `export_running` (409)."""
    key, holder = f"export:{user_id}", str(new_id())
    if not await context.cache.acquire(key, holder, LEASE):
        raise Refused(
            409, "export_running", "An export of yours is being made already. Wait until it is done, then try again."
        )
    try:
        async with renewed(partial(_renew, context, key, holder), LEASE):
            yield
    finally:
        try:
            await context.cache.release_if(key, holder)
        except OUTAGES as error:
            get_logger().warning("limit_unavailable", error=type(error).__name__)  # the lease ends by itself


async def _renew(context: Context, key: str, holder: str) -> None:
    try:
        await context.cache.run(_RENEW, [key], holder, int(LEASE.total_seconds() * 1000))
    except OUTAGES as error:
        get_logger().warning("limit_unavailable", error=type(error).__name__)


@asynccontextmanager
async def renewed(renew: Callable[[], Awaitable[object]], lease: timedelta) -> AsyncIterator[None]:
    """An export's lease is renewed for as long as the context lasts, three times while it would last by itself."""

    async def keep_renewing() -> None:
        while True:
            await asyncio.sleep(lease.total_seconds() / 3)
            await renew()

    renewing = asyncio.create_task(keep_renewing())
    try:
        yield
    finally:
        renewing.cancel()
        (ended,) = await asyncio.gather(renewing, return_exceptions=True)
        if isinstance(ended, Exception):
            get_logger().error("background_failed", exc_info=ended)
