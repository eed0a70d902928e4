"""Contacts that changed, for the webhooks of users who chose to be called about them."""

from collections import defaultdict
from collections.abc import Sequence

from libs.common.db import get_time
from libs.common.events import ContactChanged
from libs.common.ids import ContactId, UserId
from services.gateway.context import Context
from services.gateway.preferences import wants_contact_calls
from services.gateway.store.webhook_contacts import gather


async def gather_for_webhooks(context: Context, events: Sequence[ContactChanged]) -> None:
    """Gather what is to be called about; the sender finds it as soon as it is due. Delivered again, it is gathered once."""
    changed: dict[UserId, set[ContactId]] = defaultdict(set)
    for event in events:
        changed[event.user_id].update(event.contact_ids)
    for user_id, contact_ids in changed.items():
        if not await wants_contact_calls(context.bus, context.cache, user_id):
            continue
        async with context.db.acquire() as connection, connection.transaction():
            await gather(connection, user_id, contact_ids, await get_time(connection))
