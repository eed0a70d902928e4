"""What integrations get: nothing of what was purged, and the background loop by which those that nobody runs fill up nothing."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

from libs.common.bus import Bus
from services.contacts.context import Context
from services.contacts.store import users

EVERY_SECONDS = 60.0


async def list_purged(context: Context, ids: Collection[UUID]) -> set[UUID]:
    """Of these users and accounts, those of which no copy is stored any more."""
    async with context.transaction() as connection:
        return await users.list_purged(connection, ids)


async def keep_limiting_backlogs(bus: Bus) -> None:
    """Runs until cancelled; as many replicas as you like."""
    while True:
        await bus.run_guarded(lambda: bus.limit_backlogs(datetime.now(UTC)))
        await asyncio.sleep(EVERY_SECONDS)
