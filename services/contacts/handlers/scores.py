"""The background loop that keeps scores up to date."""

import asyncio
from datetime import UTC, datetime

from libs.common.bus import Bus
from services.contacts.context import Context
from services.contacts.scoring import refresh_due_scores

EVERY_SECONDS = 2.0


async def keep_refreshing_scores(context: Context, bus: Bus) -> None:
    """Runs until cancelled; as many replicas as you like."""
    while True:
        await bus.run_guarded(lambda: refresh_due_scores(context, datetime.now(UTC)))
        await asyncio.sleep(EVERY_SECONDS)
