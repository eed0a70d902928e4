"""Briefs that nobody came back to before it was too late."""

import asyncio

from services.prep.context import Context
from services.prep.outcomes import fail_abandoned

EVERY_SECONDS = 60.0


async def keep_failing_abandoned(context: Context) -> None:
    """Every minute: abandoned briefs have failed, and their users are notified. Runs until cancelled."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        await context.bus.run_guarded(lambda: fail_abandoned(context))
