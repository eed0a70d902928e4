"""Questions about everything at once: how much there is, and all of it for the user's archive."""

from datetime import UTC, datetime
from uuid import UUID

from libs.common.pagination import decode_page_token, encode_page_token
from libs.common.requests import CountContacts, Counts, ExportContacts, ExportPage
from services.contacts import contact_views
from services.contacts.context import Context
from services.contacts.store import export


async def count_contacts(context: Context, query: CountContacts) -> Counts:
    async with context.db.acquire() as connection:
        return Counts(**await export.count(connection, query.user_id))


async def export_contacts(context: Context, query: ExportContacts) -> ExportPage:
    """A page of contacts or interactions, oldest first, as plain JSON."""
    position = decode_page_token(query.cursor, UUID)
    after = position[0] if position else UUID(int=0)
    async with context.db.acquire() as connection:
        if query.what == "contacts":
            ids = await export.list_contact_ids(connection, query.user_id, after, query.limit + 1)
            page = ids[: query.limit]
            shown = await contact_views.list_portraits(connection, query.user_id, page, datetime.now(UTC))
            items = tuple(contact.model_dump(mode="json") for contact in shown)
        else:
            rows = await export.list_interactions(connection, query.user_id, after, query.limit + 1)
            ids = [row["id"] for row in rows]
            page = ids[: query.limit]
            items = tuple(export.as_json(row) for row in rows[: query.limit])
    return ExportPage(items=items, next_cursor=encode_page_token(page[-1]) if len(ids) > query.limit else None)
