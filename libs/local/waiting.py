"""What a long wait is for: whoever sits at the terminal is told, in place of nothing at all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

FIRST_SECONDS = 3.0
EVERY_SECONDS = 10.0

Report = Callable[[str], None]


@asynccontextmanager
async def explained(
    what: Callable[[], str], report: Report, first_seconds: float = FIRST_SECONDS, every_seconds: float = EVERY_SECONDS
) -> AsyncIterator[None]:
    """While the block lasts, report `what` it waits for: once that has taken some seconds, and from then on now and then."""

    async def explain() -> None:
        await asyncio.sleep(first_seconds)
        while True:
            report(f"Waiting for {what()} …")
            await asyncio.sleep(every_seconds)

    explaining = asyncio.create_task(explain())
    try:
        yield
    finally:
        explaining.cancel()
        with suppress(asyncio.CancelledError):
            await explaining
