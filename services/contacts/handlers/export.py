"""Everything of a user, for the user's archive."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from libs.common.db import Connection
from libs.common.pagination import decode_page_token, encode_page_token
from libs.common.requests import ExportContacts, ExportPage
from services.contacts.contact_views import list_contact_views
from services.contacts.context import Context
from services.contacts.store import export

Page = tuple[list[UUID], list[dict[str, Any]]]
"""the ids of a page and, where there is more, one after it; the items of the page"""


async def export_contacts(context: Context, query: ExportContacts) -> ExportPage:
    """A page of contacts or interactions, oldest first, as plain JSON."""
    position = decode_page_token(query.cursor, UUID)
    after = position[0] if position else UUID(int=0)
    list_page = _list_contacts if query.what == "contacts" else _list_interactions
    async with context.db.acquire() as connection:
        ids, items = await list_page(connection, query, after)
    next_cursor = encode_page_token(ids[query.limit - 1]) if len(ids) > query.limit else None
    return ExportPage(items=tuple(items), next_cursor=next_cursor)


async def _list_contacts(connection: Connection, query: ExportContacts, after: UUID) -> Page:
    ids = await export.list_contact_ids(connection, query.user_id, after, query.limit + 1)
    contacts = await list_contact_views(connection, query.user_id, ids[: query.limit], datetime.now(UTC))
    return list(ids), [contact.model_dump(mode="json") for contact in contacts]


async def _list_interactions(connection: Connection, query: ExportContacts, after: UUID) -> Page:
    found = await export.list_interactions(connection, query.user_id, after, query.limit + 1)
    return [row.id for row in found], [row.fields for row in found[: query.limit]]
