"""Calendar listings, full and incremental."""

from datetime import timedelta
from typing import Any

import pytest
from google_content import ADA, NOW, event
from google_driver import Driver

EVENTS = f"/accounts/{ADA}/calendars/primary/events"
WINDOW = {
    "timeMin": (NOW - timedelta(days=100)).isoformat(),
    "timeMax": (NOW + timedelta(days=60)).isoformat(),
    "singleEvents": "true",
}


async def full(ada: Driver) -> tuple[list[dict[str, Any]], str]:
    response = (await ada.events(**WINDOW)).body
    return response["items"], response["nextSyncToken"]


async def changes(ada: Driver, token: str) -> tuple[list[dict[str, Any]], str]:
    response = await ada.events(syncToken=token, singleEvents="true")
    assert response.status == 200, response.body
    return response.body["items"], response.body["nextSyncToken"]


async def test_the_calendar_list_names_the_primary(ada: Driver) -> None:
    items = (await ada.call("/calendar/v3/users/me/calendarList")).body["items"]
    assert [(calendar["id"], calendar["primary"], calendar["timeZone"]) for calendar in items] == [
        (ADA, True, "Europe/Berlin")
    ]


async def test_single_events_expand_series(ada: Driver) -> None:
    items, _ = await full(ada)
    assert len(items) == 9
    assert sum(event.get("recurringEventId") == "standup" for event in items) == 7


async def test_without_single_events_the_series_is_one_item(ada: Driver) -> None:
    items = (await ada.events(timeMin=(NOW - timedelta(days=10)).isoformat())).body["items"]
    assert [event["id"] for event in items] == ["planning", "standup"]


async def test_the_sync_token_is_on_the_last_page_only(ada: Driver) -> None:
    seen, token = [], {}
    while True:
        response = (await ada.events(**WINDOW, **token, maxResults=4)).body
        seen += [event["id"] for event in response["items"]]
        assert ("nextPageToken" in response) != ("nextSyncToken" in response)
        if "nextSyncToken" in response:
            break
        token = {"pageToken": response["nextPageToken"]}
    assert len(seen) == len(set(seen)) == 9


async def test_order_by_start_time_sorts_and_gives_no_sync_token(ada: Driver) -> None:
    response = (await ada.events(**WINDOW, orderBy="startTime")).body
    starts = [event["start"]["dateTime"] for event in response["items"]]
    assert starts == sorted(starts)
    assert "nextSyncToken" not in response
    assert (await ada.events(orderBy="startTime")).status == 400


async def test_nothing_new_is_an_empty_listing(ada: Driver) -> None:
    _, token = await full(ada)
    items, again = await changes(ada, token)
    assert items == []
    assert (await changes(ada, again))[0] == []


async def test_new_changed_and_cancelled_events_come_once(ada: Driver) -> None:
    _, token = await full(ada)
    await ada.control(f"{EVENTS}/lunch", "PUT", event("lunch", NOW + timedelta(days=2)))
    await ada.control(f"{EVENTS}/planning", "PATCH", {"summary": "Replanning"})
    await ada.control(f"{EVENTS}/retro", "DELETE")
    items, again = await changes(ada, token)
    found = {event["id"]: event for event in items}
    assert set(found) == {"lunch", "planning", "retro"}
    assert found["planning"]["summary"] == "Replanning"
    assert {name: found["retro"][name] for name in found["retro"] if name not in ("kind", "etag")} == {
        "id": "retro",
        "status": "cancelled",
    }
    assert (await changes(ada, again))[0] == []
    assert "retro" not in [event["id"] for event in (await full(ada))[0]]
    deleted = (await ada.events(**WINDOW, showDeleted="true")).body["items"]
    assert [event["id"] for event in deleted if event["status"] == "cancelled"] == ["retro"]


async def test_an_event_that_moves_out_of_the_window_is_still_listed(ada: Driver) -> None:
    _, token = await full(ada)
    moved = event("planning", NOW + timedelta(days=300))
    await ada.control(f"{EVENTS}/planning", "PATCH", {"start": moved["start"], "end": moved["end"]})
    assert [event["start"] for event in (await changes(ada, token))[0]] == [moved["start"]]


async def test_one_moved_instance_changes_only_itself(ada: Driver) -> None:
    items, token = await full(ada)
    instance = [event for event in items if event.get("recurringEventId")][5]
    moved = event("x", NOW + timedelta(days=3))
    await ada.control(f"{EVENTS}/{instance['id']}", "PATCH", {"start": moved["start"], "end": moved["end"]})
    changed, again = await changes(ada, token)
    assert [(event["id"], event["start"], event["originalStartTime"]) for event in changed] == [
        (instance["id"], moved["start"], instance["originalStartTime"])
    ]
    await ada.control(f"{EVENTS}/{instance['id']}", "DELETE")
    gone, _ = await changes(ada, again)
    assert [(event["id"], event["status"], event["recurringEventId"]) for event in gone] == [
        (instance["id"], "cancelled", "standup")
    ]


async def test_a_shortened_series_cancels_the_instances_that_are_gone(ada: Driver) -> None:
    _, token = await full(ada)
    await ada.control(f"{EVENTS}/standup", "PATCH", {"recurrence": ["RRULE:FREQ=DAILY;COUNT=5"]})
    changed, _ = await changes(ada, token)
    assert sorted(event["status"] for event in changed) == ["cancelled"] * 2 + ["confirmed"] * 5
    await ada.control(f"{EVENTS}/standup", "DELETE")
    changed, _ = await changes(ada, token)
    assert [event["status"] for event in changed] == ["cancelled"] * 7


async def test_an_expired_or_foreign_sync_token_asks_for_a_full_sync(ada: Driver) -> None:
    _, token = await full(ada)
    await ada.control(f"/accounts/{ADA}/expire", json={"what": "calendar"})
    for bad in (token, "nonsense", "e30"):
        response = await ada.events(syncToken=bad, singleEvents="true")
        assert (response.status, response.reason) == (410, "fullSyncRequired")


@pytest.mark.parametrize("name", ["timeMin", "timeMax", "orderBy", "q", "updatedMin"])
async def test_a_sync_token_goes_with_none_of_these(ada: Driver, name: str) -> None:
    _, token = await full(ada)
    response = await ada.events(syncToken=token, singleEvents="true", **{name: NOW.isoformat()})
    assert response.status == 400


async def test_the_other_parameters_must_stay(ada: Driver) -> None:
    _, token = await full(ada)
    assert (await ada.events(syncToken=token)).status == 400


async def test_event_types_filter(ada: Driver) -> None:
    await ada.control(f"{EVENTS}/focus", "PUT", event("focus", NOW, eventType="focusTime"))
    found = (await ada.events(**WINDOW, eventTypes=["default", "fromGmail"])).body["items"]
    assert "focus" not in [event["id"] for event in found]
    found = (await ada.events(**WINDOW, eventTypes="focusTime")).body["items"]
    assert [event["id"] for event in found] == ["focus"]


async def test_one_event_or_instance_can_be_read(ada: Driver) -> None:
    items, _ = await full(ada)
    path = f"/calendar/v3/calendars/{ADA.replace('@', '%40')}/events"
    instance = next(event for event in items if event.get("recurringEventId"))
    assert (await ada.call(f"{path}/planning")).body["id"] == "planning"
    assert (await ada.call(f"{path}/{instance['id']}")).body == instance
    assert (await ada.call(f"{path}/none")).status == 404
    assert (await ada.call("/calendar/v3/calendars/none/events")).status == 404


@pytest.mark.parametrize("query", [{"timeMin": "today"}, {"timeMin": "2026-01-01T00:00:00"}, {"pageToken": "x"}])
async def test_parameters_that_can_not_be_read_are_refused(ada: Driver, query: dict[str, str]) -> None:
    assert (await ada.events(**query)).status == 400
