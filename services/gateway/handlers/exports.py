"""The background loop that makes exports."""

import asyncio

from services.gateway.context import Context
from services.gateway.export_making import make_due_exports

EVERY_SECONDS = 1.0


async def keep_making_exports(context: Context) -> None:
    """Runs until cancelled; as many replicas as you like."""
    while True:
        await context.bus.run_guarded(lambda: make_due_exports(context))
        await asyncio.sleep(EVERY_SECONDS)
