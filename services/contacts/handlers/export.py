"""Everything of a user, for the user's archive."""

from datetime import UTC, datetime
from uuid import UUID

from libs.common.pagination import PAGE_BYTES, cut_page, decode_page_token, encode_page_token, json_bytes
from libs.common.requests import Contact, ExportContacts, ExportPage
from services.contacts.contact_views import list_contact_views
from services.contacts.context import Context
from services.contacts.store import export

CONTACTS_AT_ONCE = 50


async def export_contacts(context: Context, query: ExportContacts) -> ExportPage:
    """A page of contacts or interactions, oldest first, as plain JSON. No more is read than fits on it."""
    position = decode_page_token(query.cursor, UUID)
    after = position[0] if position else UUID(int=0)
    return await (_contacts if query.what == "contacts" else _interactions)(context, query, after)


async def _contacts(context: Context, query: ExportContacts, after: UUID) -> ExportPage:
    found: list[Contact] = []
    read_bytes = 0
    async with context.db.acquire() as connection:
        ids = await export.list_contact_ids(connection, query.user_id, after, query.limit + 1)
        for begin in range(0, len(ids), CONTACTS_AT_ONCE):
            chunk = ids[begin : begin + CONTACTS_AT_ONCE]
            read = await list_contact_views(connection, query.user_id, chunk, datetime.now(UTC))
            found += read
            read_bytes += sum(map(json_bytes, read))
            if read_bytes > PAGE_BYTES and len(found) > 1:
                break
    page, next_cursor = cut_page(found, query.limit, lambda contact: (contact.id,))
    # Where a contact went while they were read, all others are on this page.
    if next_cursor is None and len(ids) > query.limit:
        next_cursor = encode_page_token(ids[-1])
    return ExportPage(items=tuple(contact.model_dump(mode="json") for contact in page), next_cursor=next_cursor)


async def _interactions(context: Context, query: ExportContacts, after: UUID) -> ExportPage:
    async with context.transaction() as connection:
        found = await export.list_interactions(connection, query.user_id, after, query.limit + 1, PAGE_BYTES)
    page, next_cursor = cut_page(
        found, query.limit, lambda row: (row.id,), size_bytes=lambda row: json_bytes(row.fields)
    )
    return ExportPage(items=tuple(row.fields for row in page), next_cursor=next_cursor)
