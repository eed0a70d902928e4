"""How much there is of a user."""

from libs.common.requests import CountContacts, Counts
from services.contacts.context import Context
from services.contacts.store.counts import get_counts


async def count_contacts(context: Context, query: CountContacts) -> Counts:
    """Contacts, and interactions by kind."""
    async with context.db.acquire() as connection:
        return await get_counts(connection, query.user_id)
