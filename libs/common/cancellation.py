"""A task that is cancelled ends: `asyncio.wait_for` of Python 3.12, on 3.11 too.

Before 3.12 `wait_for` drops a cancellation that arrives in the moment in which what it waits for is done (python/cpython#86296). The
clients of Redis and NATS call it with every command: a loop that was cancelled there went on for ever, and whoever waited for its end with
it. One call more for each of ours can't mend that; the function is replaced, in the namespace where libraries look it up.
"""

import asyncio
import sys
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def wait_for(fut: Awaitable[T], timeout: float | None) -> T:
    """What the awaitable returns, within so many seconds (None: however long it takes). TimeoutError: it was not done, and is cancelled."""
    async with asyncio.timeout(timeout):
        return await fut


if sys.version_info < (3, 12):
    asyncio.wait_for = wait_for  # type: ignore[assignment]
