"""Lists of contacts page by page, in each of their orders."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.db import Connection
from libs.common.pagination import INFINITE_PAST, decode_page_token
from libs.common.requests import ContactOrder, SearchContacts
from services.contacts.domain.scoring import totals_of
from services.contacts.domain.text import SearchTerms
from services.contacts.store import contact_search
from services.contacts.store.contact_search import ContactFilter, ListedContact
from services.contacts.store.text_search import list_by_text

Position = Callable[[ListedContact], tuple[object, ...]]


@dataclass(frozen=True)
class Listing:
    """Contacts in an order, one more than asked for where there are more; and where in that order a contact stands."""

    contacts: list[ListedContact]
    position: Position


async def list_by_words(connection: Connection, query: SearchContacts, terms: SearchTerms) -> Listing:
    """Contacts with all these terms, best first. Refused: `invalid_cursor`."""
    after: Any = decode_page_token(query.cursor, int, int, datetime, UUID)
    contacts = await list_by_text(connection, _filter(query), terms, after, query.limit + 1)
    return Listing(contacts, lambda contact: (contact.rank, contact.score, _last(contact), contact.id))


async def list_sorted(connection: Connection, query: SearchContacts) -> Listing:
    """Contacts in the order that is asked for. Refused: `invalid_cursor`."""
    types, position = _POSITIONS[query.sort]
    after = decode_page_token(query.cursor, *types)
    contacts = await contact_search.list_sorted(connection, _filter(query), query.sort, after, query.limit + 1)
    return Listing(contacts, position)


def _filter(query: SearchContacts) -> ContactFilter:
    return ContactFilter(
        user_id=query.user_id,
        archived=query.archived,
        tag=query.tag,
        scores=totals_of(query.relationship) if query.relationship else None,
        upcoming=query.upcoming,
        going_cold=query.going_cold,
    )


def _last(contact: ListedContact) -> str:
    return (contact.last_at or INFINITE_PAST).isoformat()


_POSITIONS: dict[ContactOrder, tuple[tuple[type, ...], Position]] = {
    "name": ((str, UUID), lambda contact: (contact.name_key, contact.id)),
    "recent": ((datetime, UUID), lambda contact: (_last(contact), contact.id)),
    "score": ((int, datetime, UUID), lambda contact: (contact.score, _last(contact), contact.id)),
    "company": ((str, str, UUID), lambda contact: (contact.company_key, contact.name_key, contact.id)),
    "added": ((datetime, UUID), lambda contact: (contact.created_at.isoformat(), contact.id)),
}
