"""Contacts that may be one person."""

from libs.common.errors import not_found
from libs.common.requests import Duplicate, Duplicates, FindDuplicates
from services.contacts.contact_views import get_contact_id, summary
from services.contacts.context import Context
from services.contacts.domain.duplicates import Traits, likeness
from services.contacts.store.contact_search import ListedContact, get_listed_contact, list_look_alikes

CANDIDATES = 500
SHOWN = 20


async def find_duplicates(context: Context, query: FindDuplicates) -> Duplicates:
    """Contacts that may be the same person, the surest first, with the evidence."""
    async with context.db.acquire() as connection:
        contact_id = await get_contact_id(connection, query.user_id, query.contact_id)
        contact = await get_listed_contact(connection, contact_id)
        if contact is None:
            raise not_found("contact")
    tsquery = " | ".join(word for word in contact.name_key.split() if word.isalnum())
    async with context.acquire_for_full_text() as connection:
        candidates = await list_look_alikes(connection, contact_id, tsquery, CANDIDATES)
    found = [
        Duplicate(contact=summary(candidate), evidence=evidence, confidence=confidence)
        for candidate in candidates
        for confidence, evidence in [likeness(_traits(contact), _traits(candidate))]
        if evidence
    ]
    found.sort(key=lambda duplicate: (-duplicate.confidence, duplicate.contact.id))
    return Duplicates(items=tuple(found[:SHOWN]))


def _traits(contact: ListedContact) -> Traits:
    domains = {email.rpartition("@")[2].lower() for email in contact.emails}
    return Traits(contact.name_key, domains, contact.phone_keys)
