"""The background loop that keeps integrations nobody runs any more from filling the bus."""

import asyncio
from datetime import UTC, datetime

from libs.common.bus import Bus

EVERY_SECONDS = 60.0


async def keep_limiting_backlogs(bus: Bus) -> None:
    """Runs until cancelled; as many replicas as you like."""
    while True:
        await bus.run_guarded(lambda: bus.limit_backlogs(datetime.now(UTC)))
        await asyncio.sleep(EVERY_SECONDS)
