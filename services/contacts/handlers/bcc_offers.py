"""The background loop that publishes offers to call an address the user's own."""

import asyncio
from datetime import UTC, datetime

from libs.common.bus import Bus
from services.contacts.bcc_offers import publish_offers
from services.contacts.context import Context

EVERY_SECONDS = 2.0


async def keep_publishing_offers(context: Context, bus: Bus) -> None:
    """Runs until cancelled; as many replicas as you like, for the event is the same whoever publishes it."""
    while True:
        await bus.run_guarded(lambda: publish_offers(context, datetime.now(UTC)))
        await asyncio.sleep(EVERY_SECONDS)
