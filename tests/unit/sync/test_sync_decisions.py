"""Plans, history, meetings, cards, and what becomes of a run that fails."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Outage, Refused, Throttled
from libs.common.ids import AccountId, UserId
from libs.common.resources.calendar import read_event
from libs.common.resources.gmail import Change, ChangeKind, read_message
from libs.common.resources.people import read_card
from services.sync.domain.cursors import Listing, MailCursor
from services.sync.domain.fetching import Fetched, Prices, Wanted, fetch_outcome, fetches, group_size
from services.sync.domain.history import touched
from services.sync.domain.mail import Me
from services.sync.domain.meetings import MAX_GUESTS, CalendarOf, Window, meeting
from services.sync.domain.people import fingerprint, is_imported
from services.sync.domain.runs import GIVE_UP_AFTER, Failure, Pause, Tally, retry_decision, total
from services.sync.domain.why import explanation

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
CALENDAR = CalendarOf(
    UserId(uuid4()), AccountId(uuid4()), "primary", "Europe/Stockholm", frozenset({"maya@example.com"})
)
WINDOW = Window.around(NOW, 1095, 60)


GMAIL_PRICES = Prices(message=20, thread=40)


def test_a_thread_is_fetched_whole_from_two_wanted_messages_on() -> None:
    plan = fetches([Wanted("a", "t1"), Wanted("b", "t2"), Wanted("c", "t1"), Wanted("d", "t3")], GMAIL_PRICES)
    assert [([message.gmail_id for message in fetch.wanted], fetch.whole_thread) for fetch in plan] == [
        (["a", "c"], True), (["b"], False), (["d"], False),
    ]  # fmt: skip
    assert sum(fetch.units for fetch in plan) == 80


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9)), unique_by=lambda pair: pair[0]))
def test_a_plan_covers_everything_once_and_never_costs_more_than_one_by_one(wanted: list[tuple[int, int]]) -> None:
    plan = fetches([Wanted(str(message), str(thread)) for message, thread in wanted], GMAIL_PRICES)
    assert sorted(message.gmail_id for fetch in plan for message in fetch.wanted) == sorted(
        str(message) for message, _ in wanted
    )
    assert sum(fetch.units for fetch in plan) <= 20 * len(wanted)


def test_prices_decide_whether_a_thread_is_fetched_whole() -> None:
    three = [Wanted("a", "t"), Wanted("b", "t"), Wanted("c", "t")]
    assert [fetch.whole_thread for fetch in fetches(three, Prices(message=5, thread=20))] == [False, False, False]
    assert [fetch.whole_thread for fetch in fetches(three, Prices(message=5, thread=10))] == [True]
    assert [fetch.whole_thread for fetch in fetches(three[:1], Prices(message=5, thread=5))] == [False]


@pytest.mark.parametrize(
    ("runs", "held_back", "size"),
    [(1, False, 300), (20, False, 150), (900, False, 15), (1, True, 50), (200, True, 15), (0, False, 300)],
)
def test_the_more_runs_there_are_the_less_each_takes_at_a_time(runs: int, held_back: bool, size: int) -> None:
    assert group_size(runs, held_back=held_back) == size


@pytest.mark.parametrize(
    ("message", "refusal", "revision", "state", "tally"),
    [
        ({}, "", 0, "recorded", Tally(done=1, new=1)),
        ({}, "", 6, "recorded", Tally(done=1, updated=1)),
        ({"labelIds": ["SPAM"]}, "", 3, "filtered", Tally(done=1, skipped={"spam": 1})),
        ({"payload": "no object"}, "", 0, "set_aside", Tally(done=1, skipped={"set_aside": 1})),
        (None, "Gmail does not give it out.", 0, "set_aside", Tally(done=1, skipped={"set_aside": 1})),
        (None, "", 3, "gone", Tally(done=1, skipped={"gone": 1})),
    ],
)
def test_what_becomes_of_a_fetched_message_is_settled_published_and_counted(
    message: dict[str, Any] | None, refusal: str, revision: int, state: str, tally: Tally
) -> None:
    me = Me(CALENDAR.user_id, CALENDAR.account_id, CALENDAR.own_addresses)
    resource = {
        "id": "m", "threadId": "t", "historyId": "5", "internalDate": "1772625600000",
        "payload": {"headers": [{"name": "From", "value": "a@x.org"}]}, **(message or {}),
    }  # fmt: skip
    read = None if message is None else read_message(resource)
    outcome = fetch_outcome(Fetched(Wanted("m", "t", revision), read, refusal), me, None, ())
    assert (outcome.settled.gmail_id, outcome.settled.state, outcome.tally) == ("m", state, tally)
    assert (outcome.event is not None) is (state == "recorded")
    assert outcome.settled.revision == (max(5, revision + 1) if outcome.event else revision)
    assert outcome.settled.rule == ("spam" if state == "filtered" else "refused" if refusal else "")


def test_tallies_add_up() -> None:
    parts = [Tally(1, new=1), Tally(2, removed=1, skipped={"spam": 1}), Tally(1, skipped={"spam": 2, "gone": 1})]
    assert total(parts) == Tally(4, 1, 0, 1, {"spam": 3, "gone": 1})
    assert total([]) == Tally()


def _change(kind: ChangeKind, *labels: str, at: int = 1) -> Change:
    return Change(at, kind, "m", "t", frozenset(labels))


@pytest.mark.parametrize(
    ("changes", "action", "rule"),
    [
        ([_change("added", "INBOX")], "fetch", ""),
        ([_change("added")], "fetch", ""),
        ([_change("added", "SPAM")], "hide", "spam"),
        ([_change("added", "DRAFT")], "hide", "draft"),
        ([_change("labelled", "TRASH")], "hide", "trash"),
        ([_change("unlabelled", "TRASH")], "fetch", ""),
        ([_change("labelled", "TRASH"), _change("unlabelled", "TRASH", at=2)], "fetch", ""),
        ([_change("added"), _change("deleted", at=2)], "remove", ""),
        ([_change("labelled", "TRASH"), _change("labelled", "STARRED", at=2)], "hide", "trash"),
        ([_change("labelled", "STARRED"), _change("unlabelled", "UNREAD")], None, ""),
    ],
)
def test_the_newest_change_of_history_counts(changes: list[Change], action: str | None, rule: str) -> None:
    found = touched(changes)
    assert [(change.action, change.rule) for change in found] == ([(action, rule)] if action else [])


def _event(**changes: Any) -> dict[str, Any]:
    return {
        "id": "e1", "status": "confirmed", "summary": "Lunch", "iCalUID": "e1@x",
        "start": {"dateTime": "2026-03-05T12:00:00+01:00", "timeZone": "Europe/Paris"},
        "end": {"dateTime": "2026-03-05T13:00:00+01:00"}, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "cancelled"}, {"eventType": "birthday"}, {"eventType": "outOfOffice"}, {"start": {}}, {"start": "noon"},
        {"start": {"dateTime": "yesterday"}}, {"start": {"dateTime": "2026-06-05T12:00:00Z"}},
        {"start": {"date": "2020-01-01"}}, {"start": {"dateTime": "9999-12-31T23:59:59-23:00"}},
    ],
)  # fmt: skip
def test_what_is_no_meeting_is_none(changes: dict[str, Any]) -> None:
    assert meeting(read_event(_event(**changes)), CALENDAR, WINDOW) is None


def test_a_meeting_keeps_its_instant_and_the_zone_people_see() -> None:
    found = meeting(read_event(_event(visibility="private", hangoutLink="https://meet.example/x")), CALENDAR, WINDOW)
    assert found is not None
    assert (found.starts_at, found.time_zone) == (datetime(2026, 3, 5, 11, tzinfo=UTC), "Europe/Paris")
    assert (found.private, found.video_url, found.all_day) == (True, "https://meet.example/x", False)


def test_whole_days_begin_at_midnight_of_the_calendar_and_end_exclusively() -> None:
    found = meeting(read_event(_event(start={"date": "2026-03-05"}, end={"date": "2026-03-07"})), CALENDAR, WINDOW)
    assert found is not None
    assert (found.starts_at, found.all_day) == (datetime(2026, 3, 4, 23, tzinfo=UTC), True)
    assert (found.start_date, found.end_date) == (date(2026, 3, 5), date(2026, 3, 7))


def test_an_end_before_the_start_counts_as_the_start() -> None:
    found = meeting(read_event(_event(end={"dateTime": "2026-03-01T00:00:00Z"})), CALENDAR, WINDOW)
    assert found is not None
    assert found.ends_at == found.starts_at


def test_i_am_known_by_self_and_by_my_addresses() -> None:
    attendees = [
        {"email": "maya+x@example.com", "responseStatus": "declined"},
        {"email": "o@x.org", "responseStatus": "shrug"},
        {"email": "room@resource.calendar.google.com", "resource": True},
        {"displayName": "No address"},
    ]
    found = meeting(read_event(_event(attendees=attendees)), CALENDAR, WINDOW)
    assert found is not None
    assert [(guest.me, guest.answer, guest.resource) for guest in found.guests] == [
        (True, "declined", False), (False, "needsAction", False), (False, "needsAction", True),
    ]  # fmt: skip
    assert found.my_answer == "declined"


COLLEAGUE = {"email": "bo@example.com", "responseStatus": "accepted", "self": True}
MAYA = {"email": "maya@example.com", "responseStatus": "declined"}


@pytest.mark.parametrize(
    ("attendees", "answer"),
    [
        ([COLLEAGUE, MAYA], "declined"),
        ([COLLEAGUE], "accepted"),
        ([{**MAYA, "responseStatus": "tentative"}, {**MAYA, "self": True}], "declined"),
        ([*({"email": f"g{number}@x.org"} for number in range(MAX_GUESTS)), MAYA], "declined"),
        ([{"email": "g@x.org", "responseStatus": "declined"}], "accepted"),
    ],
)
def test_my_answer_is_mine_also_in_a_calendar_of_a_colleague(attendees: list[dict[str, Any]], answer: str) -> None:
    """There `self` is the colleague. Of two addresses of mine the one of the calendar counts."""
    found = meeting(read_event(_event(attendees=attendees)), CALENDAR, WINDOW)
    assert found is not None
    assert found.my_answer == answer


@pytest.mark.parametrize(
    ("changes", "hidden"),
    [
        ({"attendees": [{**MAYA, "self": True}], "organizer": {"email": "boss@x.org"}}, True),
        ({"attendees": [MAYA, {"email": "boss@x.org", "organizer": True}], "organizer": {"email": "boss@x.org"}}, True),
        ({"organizer": {"email": "boss@x.org"}}, True),
        ({"attendees": [MAYA, {"email": "ann@x.org"}], "organizer": {"email": "boss@x.org"}}, False),
        ({"attendees": [MAYA], "organizer": {"email": "maya@example.com"}}, False),
        ({"attendees": [MAYA], "organizer": {"email": "m@x.org", "self": True}}, False),
        ({"attendees": [MAYA]}, False),
    ],
)
def test_guests_who_may_not_see_each_other_are_hidden_but_from_the_organizer(
    changes: dict[str, Any], hidden: bool
) -> None:
    found = meeting(read_event(_event(**changes, guestsCanSeeOtherGuests=False)), CALENDAR, WINDOW)
    assert found is not None
    assert found.guests_hidden is hidden
    shown = meeting(read_event(_event(**changes)), CALENDAR, WINDOW)
    assert shown is not None
    assert not shown.guests_hidden
    omitted = meeting(read_event(_event(**changes, attendeesOmitted=True)), CALENDAR, WINDOW)
    assert omitted is not None
    assert omitted.guests_hidden


def test_only_links_that_are_https_are_shown() -> None:
    found = meeting(read_event(_event(hangoutLink="javascript:alert(1)")), CALENDAR, WINDOW)
    assert found is not None
    assert found.video_url == ""


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({"names": [{"displayName": "A"}]}, True),
        ({"emailAddresses": [{"value": "a@x.org"}]}, True),
        ({"phoneNumbers": [{"value": "1"}]}, True),
        ({"organizations": [{"title": "Boss"}]}, True),
        ({"organizations": [{"department": "x"}], "names": "nonsense"}, False),
        ({"names": [{"displayName": "A"}], "metadata": {"deleted": True}}, False),
    ],
)
def test_a_card_is_imported_when_there_is_something_on_it(person: dict[str, Any], expected: bool) -> None:
    assert is_imported(read_card({"resourceName": "people/1", **person})) is expected


def test_a_card_changes_only_with_what_we_use_of_it() -> None:
    card = read_card({"resourceName": "people/1", "etag": "1", "names": [{"displayName": "A"}]})
    assert fingerprint(card) == fingerprint(
        read_card({"resourceName": "people/1", "etag": "2", "names": [{"displayName": "A"}]})
    )
    assert fingerprint(card) != fingerprint(replace(card, name="B"))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused(409, "reauth_required", "Sign in again."), "reauth_required"),
        (Refused(403, "domain_policy", "Ask your administrator."), "domain_policy"),
        (KeyError("a bug"), "internal"),
    ],
)
def test_what_waiting_cannot_mend_fails_with_a_sentence(error: Exception, code: str) -> None:
    failure = retry_decision(error, NOW, NOW, 0, Random(0))
    assert isinstance(failure, Failure)
    assert failure.code == code
    assert failure.error.endswith(".")


def test_outages_are_waited_out_longer_each_time_but_not_for_ever() -> None:
    pauses = [retry_decision(Outage("away"), NOW, NOW, pauses, Random(0)) for pauses in range(12)]
    waits = [pause.until - NOW for pause in pauses if isinstance(pause, Pause)]
    assert len(waits) == 12
    assert timedelta(seconds=4) <= waits[0] <= timedelta(seconds=6)
    assert waits[0] < waits[3] < waits[6] <= timedelta(minutes=18)
    demanded = retry_decision(Throttled("slow", timedelta(hours=1)), NOW, NOW, 0, Random(0))
    assert demanded == Pause(NOW + timedelta(hours=1), why="slow")
    assert isinstance(retry_decision(Outage("away"), NOW, NOW - GIVE_UP_AFTER, 99, Random(0)), Failure)


@pytest.mark.parametrize(
    ("listed", "wanted", "reaches"),
    [(365, 365, True), (365, 30, True), (30, 365, False), (365, 0, False), (0, 365, True)],
)
def test_a_longer_lookback_needs_a_new_listing(listed: int, wanted: int, reaches: bool) -> None:
    assert MailCursor(1, listed).reaches(wanted) is reaches


def test_a_cursor_survives_its_storage() -> None:
    cursor = MailCursor(2**63 - 1, 365, 3, Listing(17, 5, "page", 500, sweep=True))
    assert MailCursor.from_json(cursor.to_json()) == cursor


@pytest.mark.parametrize("state", ["recorded", "pending", "gone", "set_aside", "filtered", "unknown"])
@pytest.mark.parametrize("rule", ["", "spam", "trash", "draft", "lookback", "something_new"])
def test_every_fate_of_a_message_is_a_sentence(state: str, rule: str) -> None:
    sentence = explanation(state, rule, "It is broken.", 365)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
