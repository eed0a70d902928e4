"""Mail with a contact's BCC hash from an address that is not mine: the user is asked, once per address, whether it is.

An offer is found in the transaction that records the mail, and published a moment later from what is stored: a crash in between
loses nothing, and for an alias or account that is becoming known at this very moment nobody is asked.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from libs.common.db import Connection
from libs.common.events import BccUnclaimed
from libs.common.fault_points import reached
from services.contacts.context import Context
from services.contacts.domain.observations import Observation
from services.contacts.store import bcc_offers
from services.contacts.store.bcc_offers import PendingOffer

MAX_OFFERS, WINDOW = 10, timedelta(days=1)
SETTLING_TIME = timedelta(seconds=2)
OFFERS_AT_ONCE = 100


async def make_offers(connection: Connection, recorded: Collection[Observation]) -> None:
    """Store what is to be offered because of these observations, which have just been recorded."""
    tagged = [observation.key for observation in recorded if observation.item and observation.item.bcc_tags]
    if tagged:
        await bcc_offers.insert_offers(connection, tagged, datetime.now(UTC), MAX_OFFERS, WINDOW)


async def publish_offers(context: Context, now: datetime) -> int:
    """Publish what is to be offered at `now`; how many offers that was. No transaction is open while the bus confirms."""
    async with context.db.acquire() as connection:
        offers = await bcc_offers.list_pending_offers(connection, now - SETTLING_TIME, OFFERS_AT_ONCE)
    published = 0
    for offer in offers:
        if offer.moot:
            async with context.db.acquire() as connection:
                await bcc_offers.delete_offer(connection, offer)
        else:
            await context.publish(_event(offer))
            await reached("contacts.offers.published")
            published += 1
            async with context.db.acquire() as connection:
                await bcc_offers.mark_published(connection, offer, now)
    return published


def _event(offer: PendingOffer) -> BccUnclaimed:
    return BccUnclaimed(
        user_id=offer.user_id,
        account_id=offer.account_id,
        address=offer.address,
        name=offer.name,
        contact_id=offer.contact_id,
    )
