"""Lists of contacts page by page, in each of their orders."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.db import Connection
from libs.common.pagination import INFINITE_PAST, decode_page_token
from libs.common.requests import SearchContacts
from services.contacts.domain.text import words
from services.contacts.store import contact_search
from services.contacts.store.contact_search import ListedContact

MAX_WORDS = 10


@dataclass(frozen=True)
class Listing:
    """Contacts in an order, one more than asked for where there are more; and where in that order a contact stands."""

    contacts: list[ListedContact]
    position: Callable[[ListedContact], tuple[object, ...]]


def search_words(text: str) -> list[str]:
    """What a text looks for: each word must begin one of the contact's."""
    return words(text).split()[:MAX_WORDS]


async def list_by_words(connection: Connection, query: SearchContacts, found: list[str]) -> Listing:
    """Contacts with all these words, best first. Refused: `invalid_cursor`."""
    after: Any = decode_page_token(query.cursor, int, UUID)
    tsquery = " & ".join(f"{word}:*" for word in found)
    contacts = await contact_search.list_by_text(connection, query.user_id, tsquery, after, query.limit + 1)
    return Listing(contacts, lambda contact: (contact.rank, contact.id))


async def list_sorted(connection: Connection, query: SearchContacts) -> Listing:
    """All contacts in the order that is asked for."""
    user_id, size = query.user_id, query.limit + 1
    after: Any
    if query.sort == "name":
        after = decode_page_token(query.cursor, str, UUID)
        contacts = await contact_search.list_by_name(connection, user_id, after, size)
        return Listing(contacts, lambda contact: (contact.name_key, contact.id))
    if query.sort == "score":
        after = decode_page_token(query.cursor, int, datetime, UUID)
        contacts = await contact_search.list_by_score(connection, user_id, after, size)
        return Listing(contacts, lambda contact: (contact.score, _last(contact), contact.id))
    after = decode_page_token(query.cursor, datetime, UUID)
    contacts = await contact_search.list_by_recent(connection, user_id, after, size)
    return Listing(contacts, lambda contact: (_last(contact), contact.id))


def _last(contact: ListedContact) -> str:
    return (contact.last_at or INFINITE_PAST).isoformat()
