"""Mail with a contact's BCC hash from an address that is not mine: the user is asked, once per address, whether it is.

Found in the transaction that records the mail, told a moment later from what is stored: a crash in between loses nothing, and an
alias or account that is becoming known at this very moment raises no question.
"""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from libs.common.bus import Bus
from libs.common.db import Connection
from libs.common.events import BccUnclaimed
from libs.common.ids import AccountId, ContactId, UserId
from services.contacts.context import Context
from services.contacts.domain.projection import Observation
from services.contacts.store import bcc_offers

MAX_OFFERS, WINDOW = 10, timedelta(days=1)
SETTLED = timedelta(seconds=2)
AT_ONCE = 100
EVERY_SECONDS = 2.0


async def note(connection: Connection, recorded: Collection[Observation]) -> None:
    """Remember what is to be asked about these sightings, which have just been recorded."""
    if tagged := [one.key for one in recorded if one.item is not None and one.item.tags]:
        await bcc_offers.insert_offers(connection, tagged, datetime.now(UTC), MAX_OFFERS, WINDOW)


async def keep_telling(context: Context, bus: Bus) -> None:
    """Runs until cancelled; as many replicas as you like, for the fact is the same whoever says it."""
    while True:
        await bus.survive(lambda: tell(context, datetime.now(UTC)))
        await asyncio.sleep(EVERY_SECONDS)


async def tell(context: Context, now: datetime) -> int:
    """Ask what is to be asked at `now`; how many questions that was. No transaction is open while the bus confirms."""
    async with context.db.acquire() as connection:
        found = await bcc_offers.list_untold(connection, now - SETTLED, AT_ONCE)
    asked = 0
    for row in found:
        if not row["moot"]:
            await context.publish(
                BccUnclaimed(
                    user_id=UserId(row["user_id"]),
                    account_id=AccountId(row["account_id"]),
                    address=row["address"],
                    name=row["name"],
                    contact_id=ContactId(row["contact_id"]),
                )
            )
            asked += 1
        async with context.db.acquire() as connection:
            if row["moot"]:
                await bcc_offers.delete_offer(connection, row["user_id"], row["address"])
            else:
                await bcc_offers.mark_told(connection, row["user_id"], row["address"], now)
    return asked
