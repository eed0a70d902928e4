"""Calendar v3: an account's calendars, and their events as single instances."""

from datetime import datetime
from typing import Any

from libs.common.google.errors import PageExpired, Rejected
from libs.common.google.session import Session
from libs.common.resources.calendar import CalendarEntry, EventPage, read_event
from libs.common.resources.reading import flag, mappings, text
from libs.common.scopes import CALENDAR_READ

PAGE_SIZE = 2500
_PERSON = "email,displayName,self,responseStatus,organizer,optional,resource"
_EVENT = (
    "id,status,eventType,iCalUID,summary,location,visibility,start,end,originalStartTime,hangoutLink,"
    f"conferenceData(entryPoints(entryPointType,uri)),organizer(email,displayName,self),attendees({_PERSON})"
)
_MASK = f"timeZone,nextPageToken,nextSyncToken,items({_EVENT})"


class Calendar:
    """One account's calendars."""

    def __init__(self, session: Session, api: Any) -> None:
        self._session = session
        self._list = api.calendarList
        self._events = api.events

    async def calendars(self) -> tuple[CalendarEntry, ...]:
        response = await self._session.call(
            self._list.list, CALENDAR_READ, maxResults=250, fields="items(id,summary,summaryOverride,primary)"
        )
        return tuple(
            CalendarEntry(
                text(item.get("id")),
                text(item.get("summaryOverride")) or text(item.get("summary")),
                flag(item.get("primary")),
            )
            for item in mappings(response.get("items"))
            if text(item.get("id"))
        )

    async def events(
        self,
        calendar_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        sync_token: str | None = None,
        page: str | None = None,
    ) -> EventPage:
        """Instances that touch [since, until), or, with a sync token, those that changed.

        SyncTokenExpired: list in full. PageExpired: begin again. Gone: there is no such calendar.
        """
        try:
            response = await self._session.call(
                self._events.list,
                CALENDAR_READ,
                path_params_safe_chars={"calendarId": ""},
                calendarId=calendar_id,
                singleEvents="true",  # aiogoogle wants booleans as words
                maxResults=PAGE_SIZE,
                timeMin=None if sync_token else _stamp(since),
                timeMax=None if sync_token else _stamp(until),
                syncToken=sync_token,
                pageToken=page,
                fields=_MASK,
            )
        except Rejected as error:
            if page is None:
                raise
            raise PageExpired("Google Calendar does not know the page any more.") from error
        return EventPage(
            tuple(event for item in mappings(response.get("items")) if (event := read_event(item)).event_id),
            text(response.get("timeZone")),
            text(response.get("nextPageToken")) or None,
            text(response.get("nextSyncToken")) or None,
        )


def _stamp(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
