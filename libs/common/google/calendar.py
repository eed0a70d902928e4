"""Calendar v3: an account's calendars, and their events as single instances."""

from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.google.errors import expiring_page
from libs.common.google.session import Session
from libs.common.resources.calendar import CalendarEntry, Channel, EventPage, read_channel, read_event
from libs.common.resources.reading import flag, mappings, text
from libs.common.scopes import CALENDAR_READ

PAGE_SIZE = 2500
REQUEST = 1  # Google counts requests
_PERSON = "email,displayName,self,responseStatus,organizer,optional,resource"
_EVENT = (
    "id,status,eventType,iCalUID,summary,location,visibility,start,end,originalStartTime,hangoutLink,"
    f"conferenceData(entryPoints(entryPointType,uri)),organizer(email,displayName,self),attendeesOmitted,guestsCanSeeOtherGuests,"
    f"attendees({_PERSON})"
)
_MASK = f"timeZone,nextPageToken,nextSyncToken,items({_EVENT})"


class Calendar:
    """One account's calendars."""

    def __init__(self, session: Session, api: Any) -> None:
        self._session = session
        self._list = api.calendarList
        self._events = api.events
        self._channels = api.channels

    async def calendars(self) -> tuple[CalendarEntry, ...]:
        response = await self._session.call(
            self._list.list,
            CALENDAR_READ,
            units=REQUEST,
            maxResults=250,
            fields="items(id,summary,summaryOverride,primary)",
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
        with expiring_page("Google Calendar", page):
            response = await self._session.call(
                self._events.list,
                CALENDAR_READ,
                units=REQUEST,
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
        return EventPage(
            tuple(event for item in mappings(response.get("items")) if (event := read_event(item)).event_id),
            text(response.get("timeZone")),
            text(response.get("nextPageToken")) or None,
            text(response.get("nextSyncToken")) or None,
        )

    async def watch_events(self, calendar_id: str, channel_id: UUID, token: str, endpoint: str) -> Channel:
        """Have Google notify this endpoint of the calendar's changes, for a week as a rule, with this token.

        Rejected: this calendar or this endpoint can't be notified about. Gone: there is no such calendar.
        """
        response = await self._session.call(
            self._events.watch,
            CALENDAR_READ,
            units=REQUEST,
            json={"id": str(channel_id), "type": "web_hook", "address": endpoint, "token": token},
            repeatable=False,
            path_params_safe_chars={"calendarId": ""},
            calendarId=calendar_id,
            fields="resourceId,expiration",
        )
        return read_channel(response)

    async def stop_channel(self, channel_id: UUID, resource_id: str) -> None:
        """End the notifications of a channel. Gone: there is no such channel any more."""
        await self._session.call(
            self._channels.stop,
            CALENDAR_READ,
            units=REQUEST,
            json={"id": str(channel_id), "resourceId": resource_id},
        )


def _stamp(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
