"""Derives what contacts show anew from cards and addresses."""

from collections.abc import Collection

from libs.common.db import Connection
from libs.common.ids import ContactId
from services.contacts.domain.contact_fields import derived_fields
from services.contacts.store.contact_fields import list_field_sources, update_derived_fields


async def refresh_fields(connection: Connection, contact_ids: Collection[ContactId]) -> None:
    """Names, phones, search words and the rest of these contacts."""
    found = await list_field_sources(connection, contact_ids)
    if found:
        derived = {
            contact_id: derived_fields(sources.stored, sources.cards, sources.addresses, sources.former_name)
            for contact_id, sources in found.items()
        }
        await update_derived_fields(connection, derived)
