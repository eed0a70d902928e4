"""Every request to Google, to the letter, and what is made of a response: the local Google would forgive much."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.common.config import GMAIL_UNITS, Settings
from libs.common.errors import Outage, Throttled
from libs.common.google import batch_get
from libs.common.google.api import Google, GoogleAccount
from libs.common.google.errors import HistoryExpired, NotReady, PageExpired, Rejected, Unauthorized
from libs.common.google.gmail import HEADERS
from libs.common.google.session import read_object
from libs.common.ids import AccountId, new_id
from libs.common.resources.calendar import CalendarEntry, CalendarEvent, Channel, EventPage
from libs.common.resources.gmail import (
    Change,
    FetchItem,
    HistoryPage,
    MessagePage,
    MessageRef,
    Profile,
    Watch,
)
from libs.common.resources.people import Card, CardPage
from libs.common.scopes import CALENDAR_READ, CONTACTS_READ, GMAIL_READ, GMAIL_SEND

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
USER = "/gmail/v1/users/me"
MESSAGE = "id,threadId,historyId,labelIds,internalDate,snippet,payload(mimeType,headers)"
STUB = "message(id,threadId,labelIds)"
HISTORY = (
    f"history(id,messagesAdded({STUB}),messagesDeleted({STUB}),labelsAdded({STUB},labelIds),"
    f"labelsRemoved({STUB},labelIds)),historyId,nextPageToken"
)
EVENTS = (
    "timeZone,nextPageToken,nextSyncToken,items(id,status,eventType,iCalUID,summary,location,visibility,start,end,"
    "originalStartTime,hangoutLink,conferenceData(entryPoints(entryPointType,uri)),organizer(email,displayName,self),"
    "attendeesOmitted,guestsCanSeeOtherGuests,attendees(email,displayName,self,responseStatus,organizer,optional,resource))"
)
PERSON = "names,emailAddresses,phoneNumbers,organizations,photos,birthdays,urls,metadata"


@dataclass
class Endpoint:
    """Google, as far as one request goes: remembers each request, and responds with what was put here."""

    response: Any = None
    status: int = 200
    requests: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.Response:
        path, _, query = request.raw_path.partition("?")
        self.requests.append((request.method, path, sorted(parse_qsl(query, keep_blank_values=True))))
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        return web.json_response(self.response, status=self.status)

    async def token(self, scope: str, rejected: str | None) -> str:
        self.scopes.append(scope)
        return f"token after {rejected}"


@asynccontextmanager
async def google(response: Any = None, status: int = 200) -> AsyncIterator[tuple[GoogleAccount, Endpoint]]:
    endpoint = Endpoint(response if response is not None else {}, status)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", endpoint.serve)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        settings = Settings(
            google_api_root=str(server.make_url("/")), gmail_units_per_minute=0, gmail_project_units_per_minute=0
        )
        yield Google(settings, http).account(endpoint.token, AccountId(new_id())), endpoint


def asked(endpoint: Endpoint) -> tuple[str, str, dict[str, str]]:
    """The only request: verb, path, query."""
    ((verb, path, query),) = endpoint.requests
    return verb, path, dict(query)


async def test_a_profile_is_asked_for_and_read() -> None:
    found = {"emailAddress": "a@x.example", "historyId": "7", "messagesTotal": 8, "threadsTotal": 9}
    async with google(found) as (account, endpoint):
        assert await account.gmail.profile() == Profile("a@x.example", 7, 8, 9)
        fields = "emailAddress,historyId,messagesTotal,threadsTotal"
        assert asked(endpoint) == ("GET", f"{USER}/profile", {"fields": fields})
        assert endpoint.scopes == [GMAIL_READ]
        assert (account.usage.requests, account.usage.units) == (1, GMAIL_UNITS["getProfile"])
        sent = endpoint.headers[0]
        assert (sent["Authorization"], sent["Accept"]) == ("Bearer token after None", "application/json")
        assert (sent["Accept-Encoding"], sent["User-Agent"]) == ("gzip", "PingCRM (gzip)")
        endpoint.response = {}
        assert await account.gmail.profile() == Profile("", 0, 0, 0)


async def test_a_listing_is_asked_for_page_by_page() -> None:
    found = {"messages": [{"id": "m1", "threadId": "t1"}, {"threadId": "t2"}], "nextPageToken": "p2"}
    async with google(found) as (account, endpoint):
        assert await account.gmail.list_messages("after:1", "p1") == MessagePage((MessageRef("m1", "t1"),), "p2")
        query = {
            "fields": "messages(id,threadId),nextPageToken",
            "maxResults": "500",
            "pageToken": "p1",
            "q": "after:1",
        }
        assert asked(endpoint) == ("GET", f"{USER}/messages", query)
        assert (endpoint.scopes, account.usage.units) == ([GMAIL_READ], GMAIL_UNITS["messages.list"])
        endpoint.response = {"nextPageToken": ""}
        assert await account.gmail.list_messages("") == MessagePage((), None)
        assert dict(endpoint.requests[-1][2]) == {"fields": query["fields"], "maxResults": "500"}


async def test_a_refused_page_begins_again_and_any_other_refusal_is_one() -> None:
    async with google({}, 400) as (account, _):
        for first, later, detail in (
            (
                account.gmail.list_messages("q"),
                account.gmail.list_messages("q", "p"),
                "Gmail does not know the page any more.",
            ),
            (account.gmail.history(5), account.gmail.history(5, "p"), "Gmail does not know the page any more."),
            (
                account.calendar.events("c"),
                account.calendar.events("c", page="p"),
                "Google Calendar does not know the page any more.",
            ),
            (
                account.people.connections(None, None),
                account.people.connections(None, "p"),
                "Google Contacts does not know the page any more.",
            ),
        ):
            with pytest.raises(Rejected):
                await first
            with pytest.raises(PageExpired) as caught:
                await later
            assert str(caught.value) == detail


async def test_history_is_asked_for_from_an_id_on() -> None:
    item = {"message": {"id": "m1", "threadId": "t1"}}
    found = {
        "history": [{"id": "6", "messagesAdded": [item]}, {"id": "7", "messagesDeleted": [item]}],
        "historyId": "9",
    }
    async with google(found) as (account, endpoint):
        assert await account.gmail.history(5, "p1") == HistoryPage(
            (Change(6, "added", "m1", "t1", frozenset()), Change(7, "deleted", "m1", "t1", frozenset())), None, 9
        )
        assert endpoint.requests == [
            (
                "GET",
                f"{USER}/history",
                sorted(
                    [
                        ("fields", HISTORY), ("maxResults", "500"), ("pageToken", "p1"), ("startHistoryId", "5"),
                        *(("historyTypes", kind) for kind in ("messageAdded", "messageDeleted", "labelAdded", "labelRemoved")),
                    ]
                ),
            )
        ]  # fmt: skip
        assert (endpoint.scopes, account.usage.units) == ([GMAIL_READ], GMAIL_UNITS["history.list"])
        endpoint.response = {"nextPageToken": "p2"}
        assert await account.gmail.history(5) == HistoryPage((), "p2", None)
        endpoint.status = 404
        with pytest.raises(HistoryExpired, match="does not reach back that far"):
            await account.gmail.history(5)


async def test_aliases_are_those_that_are_confirmed() -> None:
    states = (None, "accepted", "verificationStatusUnspecified", "pending")
    found = [{"sendAsEmail": f"{number}@x", "verificationStatus": state} for number, state in enumerate(states)]
    async with google({"sendAs": [*found, {"verificationStatus": "accepted"}]}) as (account, endpoint):
        assert await account.gmail.send_as() == ("0@x", "1@x", "2@x")
        query = {"fields": "sendAs(sendAsEmail,isPrimary,verificationStatus)"}
        assert asked(endpoint) == ("GET", f"{USER}/settings/sendAs", query)
        assert (endpoint.scopes, account.usage.units) == ([GMAIL_READ], GMAIL_UNITS["settings.sendAs.list"])


async def test_a_watch_names_its_topic_and_is_ended() -> None:
    async with google({"historyId": "7", "expiration": str(int(NOW.timestamp() * 1000))}) as (account, endpoint):
        assert await account.gmail.watch("projects/p/topics/t") == Watch(7, NOW)
        assert asked(endpoint) == ("POST", f"{USER}/watch", {})
        assert endpoint.bodies == [b'{"topicName":"projects/p/topics/t"}']
        assert endpoint.headers[0]["Content-Type"] == "application/json"
        assert account.usage.units == GMAIL_UNITS["watch"]
        await account.gmail.stop_watch()
        assert endpoint.requests[1] == ("POST", f"{USER}/stop", [])
        assert endpoint.scopes == [GMAIL_READ] * 2
        assert account.usage.units == GMAIL_UNITS["watch"] + GMAIL_UNITS["stop"]


async def test_a_message_is_sent_in_base64_for_urls() -> None:
    async with google({"id": "m1"}) as (account, endpoint):
        assert await account.gmail.send(b"\xff\xfe") == "m1"
        assert asked(endpoint) == ("POST", f"{USER}/messages/send", {"fields": "id"})
        assert endpoint.bodies == [b'{"raw":"' + base64.urlsafe_b64encode(b"\xff\xfe") + b'"}']
        assert (endpoint.scopes, account.usage.units) == ([GMAIL_SEND], GMAIL_UNITS["messages.send"])


async def test_what_was_sent_is_listed_by_its_label_and_searched_for_by_nothing() -> None:
    async with google({"messages": [{"id": "m1"}, {}]}) as (account, endpoint):
        assert await account.gmail.list_sent_ids() == (MessageRef("m1", "m1"),)
        assert endpoint.requests[0][1:] == (
            f"{USER}/messages",
            [
                ("fields", "messages(id,threadId)"),
                ("includeSpamTrash", "true"),
                ("labelIds", "SENT"),
                ("maxResults", "500"),
            ],
        )
        assert (endpoint.scopes, account.usage.units) == ([GMAIL_READ], GMAIL_UNITS["messages.list"])


async def test_a_search_finds_the_newest_messages() -> None:
    async with google({"messages": [{"id": "m1"}, {}]}) as (account, endpoint):
        assert await account.gmail.find_ids("rfc822msgid:x", 10) == (MessageRef("m1", "m1"),)
        assert endpoint.requests[0][1:] == (
            f"{USER}/messages",
            [("fields", "messages(id,threadId)"), ("maxResults", "10"), ("q", "rfc822msgid:x")],
        )
        await account.gmail.find_ids("q", 501)
        assert ("maxResults", "500") in endpoint.requests[-1][2]


async def test_messages_and_threads_are_asked_for_with_the_headers_of_the_rules() -> None:
    wanted = [("fields", MESSAGE), ("format", "metadata"), *(("metadataHeaders", name) for name in HEADERS)]
    async with google({"id": "m1", "messages": [{"id": "m2"}, {"id": "m3"}]}) as (account, endpoint):
        assert (await account.gmail.get_message("a/b")).gmail_id == "m1"
        assert endpoint.requests[0] == ("GET", f"{USER}/messages/a%2Fb", sorted(wanted))
        assert [found.gmail_id for found in await account.gmail.get_thread("t1")] == ["m2", "m3"]
        thread = [("fields", f"messages({MESSAGE})"), *wanted[1:]]
        assert endpoint.requests[1] == ("GET", f"{USER}/threads/t1", sorted(thread))
        assert account.usage.units == GMAIL_UNITS["messages.get"] + GMAIL_UNITS["threads.get"]
        assert endpoint.scopes == [GMAIL_READ] * 2
        endpoint.status = 400
        with pytest.raises(Rejected):
            await account.gmail.get_message("m1")
        with pytest.raises(Rejected):
            await account.gmail.get_thread("t1")
    assert " ".join(HEADERS) == (
        "From Sender To Cc Bcc Reply-To Delivered-To X-Gm-Original-To Subject Date Message-ID Auto-Submitted X-Autoreply "
        "X-Autorespond X-Autoresponder X-Autogenerated Precedence List-Id List-Unsubscribe Return-Path X-Original-From "
        "X-Original-Sender Authentication-Results X-PingCRM-Prep Content-Type"
    )


async def test_many_are_asked_for_in_one_request() -> None:
    async with google({}) as (account, endpoint):
        items = [FetchItem("m1", whole_thread=False), FetchItem("t1", whole_thread=True)]
        results = await account.gmail.batch_get([items[0]])
        assert len(results) == 1
        endpoint.status = 403  # as a whole: it is about the account
        with pytest.raises(Exception, match="Try to connect it again"):
            await account.gmail.batch_get(items)
        assert endpoint.requests[-1][:2] == ("POST", "/batch/gmail/v1")
        assert endpoint.headers[-1]["Content-Type"] == "multipart/mixed; boundary=batch_pingcrm"
        assert endpoint.bodies[-1].count(b"GET /gmail/v1/users/me/") == 2


async def test_calendars_are_listed_with_the_name_that_their_reader_gave() -> None:
    items = [
        {"id": "c1", "summary": "Name", "summaryOverride": "Mine", "primary": True},
        {"id": "c2", "summary": "Name"},
        {},
    ]
    async with google({"items": items}) as (account, endpoint):
        assert await account.calendar.calendars() == (
            CalendarEntry("c1", "Mine", True),
            CalendarEntry("c2", "Name", False),
        )
        query = {"fields": "items(id,summary,summaryOverride,primary)", "maxResults": "250"}
        assert asked(endpoint) == ("GET", "/calendar/v3/users/me/calendarList", query)
        assert (endpoint.scopes, account.usage.units) == ([CALENDAR_READ], 0)


async def test_events_are_asked_for_by_window_or_by_token() -> None:
    found = {"items": [{"id": "e1"}, {}], "timeZone": "Europe/Paris", "nextPageToken": "p2", "nextSyncToken": "s2"}
    shared = {"fields": EVENTS, "maxResults": "2500", "singleEvents": "true"}
    async with google(found) as (account, endpoint):
        page = await account.calendar.events("a/b@x", since=NOW, until=NOW + timedelta(days=1), page="p1")
        assert page == EventPage((CalendarEvent("e1"),), "Europe/Paris", "p2", "s2")
        window = {"timeMin": "2026-03-04T12:00:00+00:00", "timeMax": "2026-03-05T12:00:00+00:00", "pageToken": "p1"}
        path = "/calendar/v3/calendars/a%2Fb%40x/events"
        assert asked(endpoint) == ("GET", path, {**shared, **window})
        assert endpoint.scopes == [CALENDAR_READ]
        endpoint.response = {}
        assert await account.calendar.events("c", since=NOW, until=NOW, sync_token="s1") == EventPage(
            (), "", None, None
        )
        assert dict(endpoint.requests[-1][2]) == {**shared, "syncToken": "s1"}


async def test_a_calendar_s_channel_is_begun_with_its_token_and_stopped_by_its_resource() -> None:
    async with google({"resourceId": "r1", "expiration": "1772712000000"}) as (account, endpoint):
        channel_id = UUID(int=7)
        channel = await account.calendar.watch_events("a/b@x", channel_id, "secret", "https://crm.example/hook")
        assert channel == Channel("r1", NOW + timedelta(days=1))
        path = "/calendar/v3/calendars/a%2Fb%40x/events/watch"
        assert asked(endpoint) == ("POST", path, {"fields": "resourceId,expiration"})
        wanted = {"id": str(channel_id), "type": "web_hook", "address": "https://crm.example/hook", "token": "secret"}
        assert json.loads(endpoint.bodies[0]) == wanted
        await account.calendar.stop_channel(channel_id, "r1")
        assert endpoint.requests[1] == ("POST", "/calendar/v3/channels/stop", [])
        assert json.loads(endpoint.bodies[1]) == {"id": str(channel_id), "resourceId": "r1"}
        assert endpoint.scopes == [CALENDAR_READ] * 2


async def test_cards_are_asked_for_in_full_or_since_a_token() -> None:
    found = {"connections": [{"resourceName": "people/c1"}, {}], "nextPageToken": "p2", "nextSyncToken": "s2"}
    mask = f"connections(resourceName,etag,{PERSON}),nextPageToken,nextSyncToken"
    shared = {"fields": mask, "pageSize": "1000", "personFields": PERSON, "requestSyncToken": "true"}
    async with google(found) as (account, endpoint):
        assert await account.people.connections("s1", "p1") == CardPage((Card("people/c1"),), "p2", "s2")
        assert asked(endpoint) == ("GET", "/v1/people/me/connections", {**shared, "syncToken": "s1", "pageToken": "p1"})
        assert (endpoint.scopes, account.usage.units) == ([CONTACTS_READ], 0)
        endpoint.response = {}
        assert await account.people.connections(None, None) == CardPage((), None, None)
        assert dict(endpoint.requests[-1][2]) == shared


async def test_work_of_both_priorities_is_counted_together() -> None:
    async with google({}) as (account, _):
        background = account.at("backfill")
        await background.gmail.profile()
        assert account.usage.requests == background.usage.requests == 1
        assert account.at("live") is account
        assert background.throttle is account.throttle
        assert not account.throttle.waiting


async def test_a_refused_token_is_named_when_the_next_is_requested(impatient: None) -> None:
    async with google({}, 401) as (account, endpoint):
        with pytest.raises(Unauthorized, match=r"^Google refused the access token\.$"):
            await account.gmail.profile()
        sent = [headers["Authorization"].removeprefix("Bearer ") for headers in endpoint.headers]
        assert sent[:3] == [
            "token after None",
            "token after token after None",
            "token after token after token after None",
        ]
        assert account.usage.requests == len(sent)
        assert account.usage.units == len(sent) * GMAIL_UNITS["getProfile"]


async def test_only_gmail_s_response_times_are_learned_and_each_priority_has_its_session() -> None:
    async with google({}) as (account, _):
        times = account._session.mailbox.response_times
        await account.calendar.calendars()
        assert times.shortest == inf
        await account.gmail.profile()
        assert 0 < times.shortest < 60
        assert times.batches == 0.0
        background = account.at("backfill")._session
        assert (background.priority, background.hold is account._session.hold) == ("backfill", True)
        assert background.timeout_seconds == account._session.timeout_seconds == Settings().google_timeout_seconds


async def test_what_google_demands_about_the_rate_holds_all_calls_of_the_work() -> None:
    async with google({}, 429) as (account, endpoint):
        loop = asyncio.get_running_loop()
        account._session.hold.until = loop.time() + 60
        with pytest.raises(Throttled, match=r"^Google asked us to wait\.$") as caught:
            await account.at("backfill").gmail.profile()
        assert endpoint.requests == []
        assert caught.value.retry_after is not None
        assert 50 < caught.value.retry_after.total_seconds() <= 60
        account._session.hold.until = 0.0
        await account._session._heed(Throttled("x", timedelta(seconds=40)), 1.0, metered=True)
        assert 35 < account._session.hold.until - loop.time() <= 40
        await account._session._heed(Throttled("x"), 50.0, metered=False)
        assert 45 < account._session.hold.until - loop.time() <= 50
        await account._session._heed(Throttled("x"), None, metered=False)
        assert 45 < account._session.hold.until - loop.time() <= 50, "a shorter wait takes nothing back"
        assert account._session.mailbox.response_times._cautious_until > 0


async def test_google_out_of_reach_is_an_outage_that_names_the_error(impatient: None) -> None:
    settings = Settings(
        google_api_root="http://127.0.0.1:9", gmail_units_per_minute=0, gmail_project_units_per_minute=0
    )
    async with aiohttp.ClientSession() as http:
        account = Google(settings, http).account(Endpoint().token, AccountId(new_id()))
        with pytest.raises(Outage, match=r"^Google could not be reached: ClientConnectorError\.$"):
            await account.gmail.profile()
        assert account.usage.requests > 1
        before = account.usage.requests
        with pytest.raises(Outage):
            await account.gmail.send(b"x")
        assert account.usage.requests == before + 1, "it may have been sent"


@pytest.mark.parametrize("body", [b"{", b"[]", b"7"])
def test_a_body_that_is_no_object_is_an_outage(body: bytes) -> None:
    with pytest.raises(Outage, match="Google's answer"):
        read_object(body)
    assert read_object(b"") == {}
    assert read_object(b'{"a":1}') == {"a": 1}


async def test_a_response_that_breaks_off_is_an_outage(impatient: None) -> None:
    async with google([]) as (account, _):
        with pytest.raises(Outage, match="Google's answer is not a JSON object"):
            await account.gmail.profile()
    async with google({"error": {"errors": [{"reason": "failedPrecondition"}]}}, 400) as (account, _):
        with pytest.raises(NotReady):
            await account.gmail.profile()


def test_a_part_without_a_response_is_an_outage() -> None:
    missing = batch_get._read(None)
    assert type(missing) is Outage, "what is taken for gone is never fetched again"
    assert str(missing) == "Google did not answer a part of the batch."
