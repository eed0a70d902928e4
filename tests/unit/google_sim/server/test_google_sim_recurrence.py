"""Series as instances."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.google_sim.account import CalendarData
from libs.google_sim.recurrence import MAX_INSTANCES, expand

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def timed(start: str, end: str, zone: str | None = None) -> dict[str, Any]:
    named = {"timeZone": zone} if zone else {}
    return {"start": {"dateTime": start, **named}, "end": {"dateTime": end, **named}}


def shown(events: list[dict[str, Any]], lower: datetime | None = None, upper: datetime | None = None) -> list[str]:
    calendar = CalendarData("c", "c", "Europe/Berlin", events=events)
    found = expand(calendar, lower, upper, now=NOW)
    return [event["start"].get("dateTime") or event["start"]["date"] for event in found]


def series(*recurrence: str, **changes: Any) -> dict[str, Any]:
    """A daily hour at 10:00 in Berlin, from 23 October 2026 on: two days before the clocks go back."""
    when = timed("2026-10-23T10:00:00+02:00", "2026-10-23T11:00:00+02:00", "Europe/Berlin")
    return {"id": "s", "recurrence": list(recurrence), **when, **changes}


def test_a_series_keeps_its_wall_time_when_the_clocks_change() -> None:
    assert shown([series("RRULE:FREQ=DAILY;COUNT=4")]) == [
        "2026-10-23T10:00:00+02:00",
        "2026-10-24T10:00:00+02:00",
        "2026-10-25T10:00:00+01:00",
        "2026-10-26T10:00:00+01:00",
    ]


def test_an_instance_looks_like_googles() -> None:
    calendar = CalendarData("c", "c", events=[series("RRULE:FREQ=DAILY;COUNT=2", summary="Standup")])
    first = expand(calendar, None, None, now=NOW)[0]
    assert first["id"] == "s_20261023T080000Z"
    assert first["recurringEventId"] == "s"
    assert first["originalStartTime"] == {"dateTime": "2026-10-23T10:00:00+02:00", "timeZone": "Europe/Berlin"}
    assert first["end"] == {"dateTime": "2026-10-23T11:00:00+02:00", "timeZone": "Europe/Berlin"}
    assert first["summary"] == "Standup"
    assert "recurrence" not in first


def test_whole_days_have_dates_with_an_exclusive_end() -> None:
    event = {"id": "d", "start": {"date": "2026-03-28"}, "end": {"date": "2026-03-30"}}
    calendar = CalendarData("c", "c", "Europe/Berlin", events=[{**event, "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]}])
    found = expand(calendar, None, None, now=NOW)
    assert [event["id"] for event in found] == ["d_20260328", "d_20260329"]
    assert found[1]["end"] == {"date": "2026-03-31"}


@pytest.mark.parametrize(
    ("recurrence", "days"),
    [
        (["RRULE:FREQ=DAILY;UNTIL=20261025T090000Z"], [23, 24, 25]),
        (["RRULE:FREQ=DAILY;UNTIL=20261024"], [23, 24]),
        (["RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Europe/Berlin:20261024T100000"], [23, 25]),
        (["RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20261024T080000Z,20261025T090000Z"], [23]),
        (["RRULE:FREQ=DAILY;COUNT=2", "RDATE;VALUE=PERIOD:20261027T090000Z/PT1H"], [23, 24, 27]),
        (["RDATE;TZID=Nowhere:20261028T100000"], [23, 28]),
        (["RRULE:FREQ=DAILY;COUNT=4", "EXRULE:FREQ=DAILY;INTERVAL=2;COUNT=2"], [24, 26]),
        (["RRULE:FREQ=SECONDLY;COUNT=9"], [23]),
        (["RRULE:FREQ=DAILY;INTERVAL=0"], [23]),
        (["RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"], [23]),
        (["RRULE:FREQ=DAILY;BYMONTH=13"], [23]),
        (["RRULE:FREQ=DAILY;UNTIL=tomorrow"], [23]),
        (["RRULE:", "EXDATE;VALUE=DATE:", "nonsense"], [23]),
        ([7, None], [23]),
    ],
)
def test_rules_give_these_days(recurrence: list[Any], days: list[int]) -> None:
    assert [int(start[8:10]) for start in shown([series(*recurrence)])] == days


def test_an_exception_takes_the_place_of_its_instance() -> None:
    moved = {
        "id": "s_20261024T080000Z",
        "recurringEventId": "s",
        "originalStartTime": {"dateTime": "2026-10-24T08:00:00Z"},
        **timed("2026-10-24T15:00:00+02:00", "2026-10-24T16:00:00+02:00"),
    }
    assert shown([series("RRULE:FREQ=DAILY;COUNT=2"), moved]) == [
        "2026-10-23T10:00:00+02:00",
        "2026-10-24T15:00:00+02:00",
    ]
    gone = {**moved, "status": "cancelled"}
    assert shown([series("RRULE:FREQ=DAILY;COUNT=2"), gone]) == ["2026-10-23T10:00:00+02:00"]
    assert shown([moved]) == ["2026-10-24T15:00:00+02:00"]
    assert shown([series("RRULE:FREQ=DAILY;COUNT=2", status="cancelled"), moved]) == []


def test_the_window_bounds_ends_below_and_starts_above() -> None:
    event = {"id": "e", **timed("2026-10-23T10:00:00Z", "2026-10-23T11:00:00Z")}
    start, end = datetime(2026, 10, 23, 10, tzinfo=UTC), datetime(2026, 10, 23, 11, tzinfo=UTC)
    assert len(shown([event], end - timedelta(seconds=1), None)) == 1
    assert len(shown([event], end, None)) == 0
    assert len(shown([event], None, start + timedelta(seconds=1))) == 1
    assert len(shown([event], None, start)) == 0


def test_a_series_from_long_ago_is_read_in_the_window_only() -> None:
    old = {"id": "o", "recurrence": ["RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=SU"]}
    old |= timed("1997-09-02T09:00:00-04:00", "1997-09-02T10:00:00-04:00", "America/New_York")
    lower, upper = NOW, NOW + timedelta(days=28)
    whole = shown([old], datetime(1997, 1, 1, tzinfo=UTC), datetime(1999, 1, 1, tzinfo=UTC))
    late = shown([old], datetime(1998, 6, 1, tzinfo=UTC), datetime(1999, 1, 1, tzinfo=UTC))
    assert late == [start for start in whole if start >= "1998-06"]
    assert len(shown([old], lower, upper)) == 4


def test_an_endless_series_stops_after_two_years_or_730_instances() -> None:
    assert shown([series("RRULE:FREQ=WEEKLY")])[-1] < "2028-11-24"
    assert len(shown([series("RRULE:FREQ=DAILY;BYHOUR=9,10,11")])) == MAX_INSTANCES
    assert len(shown([series("RRULE:FREQ=DAILY;COUNT=5000")])) == MAX_INSTANCES
    later = shown([series("RRULE:FREQ=DAILY;BYHOUR=9,10,11")], NOW, None)
    assert len(later) == MAX_INSTANCES
    assert later[0] > "2026-11-23T12"


def test_an_hour_that_the_clock_skips_gives_no_second_instance() -> None:
    when = timed("2024-03-30T02:30:00+01:00", "2024-03-30T02:45:00+01:00", "Europe/Berlin")
    event = {"id": "g", "recurrence": ["RRULE:FREQ=DAILY;COUNT=4;BYHOUR=2,3"], **when}
    calendar = CalendarData("c", "c", events=[event])
    ids = [event["id"] for event in expand(calendar, None, None, now=NOW)]
    assert len(ids) == len(set(ids)) == 3


@pytest.mark.parametrize(
    "start",
    [None, 5, {}, {"date": "soon"}, {"dateTime": "2026-13-01T00:00:00Z"}, {"dateTime": "0001-01-01T00:00:00+14:00"}],
)
def test_a_start_that_can_not_be_read_is_no_event_in_a_window(start: Any) -> None:
    single, many = {"id": "a", "start": start}, {"id": "b", "start": start, "recurrence": ["RRULE:FREQ=DAILY"]}
    calendar = CalendarData("c", "c", events=[single, many])
    assert expand(calendar, NOW, None, now=NOW) == []
    assert expand(calendar, None, None, now=NOW) == [single]


def test_nasty_events_are_survived() -> None:
    backwards = {"id": "b", **timed("2026-10-23T10:00:00Z", "2026-10-22T10:00:00Z")}
    backwards_series = {**backwards, "id": "bs", "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]}
    nowhere = {"id": "n", **timed("2026-10-23T10:00:00", "2026-10-23T11:00:00", "Mars/Olympus")}
    last = {"id": "l", **timed("9999-12-31T10:00:00Z", "9999-12-31T23:00:00Z", "Asia/Tokyo")}
    last["recurrence"] = ["RRULE:FREQ=DAILY;UNTIL=99991231"]
    nameless: dict[str, Any] = {**timed("2026-10-23T10:00:00Z", "2026-10-23T11:00:00Z")}
    found = shown([backwards, backwards_series, nowhere, last, nameless], NOW - timedelta(days=60), None)
    assert found == [
        "2026-10-23T10:00:00Z",
        "2026-10-23T12:00:00+02:00",
        "2026-10-24T12:00:00+02:00",
        "2026-10-23T10:00:00",
    ]
