"""The background loop that keeps scores up to date."""

import asyncio
from datetime import UTC, datetime
from time import monotonic

from libs.common.bus import Bus
from libs.common.time_slice import rest_after
from services.contacts.context import Context
from services.contacts.scoring import refresh_due_scores

EVERY_SECONDS = 2.0


async def keep_refreshing_scores(context: Context, bus: Bus) -> None:
    """Runs until cancelled; as many replicas as you like."""
    while True:
        began = monotonic()
        await bus.run_guarded(lambda: refresh_due_scores(context, datetime.now(UTC)))
        await asyncio.sleep(rest_after(monotonic() - began, EVERY_SECONDS))
