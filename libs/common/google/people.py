"""People v1: the cards of Google Contacts, in full or since a sync token."""

from typing import Any

from libs.common.google.errors import expiring_page
from libs.common.google.session import Session
from libs.common.resources.people import CardPage, read_card
from libs.common.resources.reading import mappings, text
from libs.common.scopes import CONTACTS_READ

PAGE_SIZE = 1000
_FIELDS = "names,emailAddresses,phoneNumbers,organizations,photos,birthdays,urls,metadata"
_MASK = f"connections(resourceName,etag,{_FIELDS}),nextPageToken,nextSyncToken"


class People:
    """One account's contacts."""

    def __init__(self, session: Session, api: Any) -> None:
        self._session = session
        self._connections = api.people.connections

    async def connections(self, sync_token: str | None, page: str | None) -> CardPage:
        """All cards, or those that changed since `sync_token`. SyncTokenExpired: list all; PageExpired: begin again."""
        with expiring_page("Google Contacts", page):
            response = await self._session.call(
                self._connections.list,
                CONTACTS_READ,
                resourceName="people/me",
                personFields=_FIELDS,
                pageSize=PAGE_SIZE,
                requestSyncToken="true",  # aiogoogle wants booleans as words
                syncToken=sync_token,
                pageToken=page,
                fields=_MASK,
            )
        return CardPage(
            tuple(card for item in mappings(response.get("connections")) if (card := read_card(item)).resource_name),
            text(response.get("nextPageToken")) or None,
            text(response.get("nextSyncToken")) or None,
        )
