"""What the API and the pages show of meetings, lines and live updates, word for word."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from libs.common.errors import Refused
from libs.common.events import ContactChanged, Guest, Meeting
from libs.common.ids import AccountId, ContactId, MeetingId, RunId, UserId
from libs.common.requests import Account, Prep, Run
from libs.common.scopes import ALL, CALENDAR_READ, FEATURES, GMAIL_READ
from services.gateway.domain.accounts import account_view, permitted_kinds, syncable_kinds
from services.gateway.domain.live_updates import RESYNC, LiveEvent, live_event, notification_event
from services.gateway.domain.meetings import ANSWER_TEXTS, BriefClock, brief_text, meeting_view, next_brief_text
from services.gateway.domain.moments import UTC_ZONE
from services.gateway.domain.notifications import Action, ItemCounts, Notification
from services.gateway.domain.sync_lines import SyncLine, progress_text, result_text, sync_line

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
USER, ACCOUNT, MEETING = UserId(UUID(int=1)), AccountId(UUID(int=2)), MeetingId(UUID(int=3))


def account(**changes: Any) -> Account:
    fields: dict[str, Any] = {
        "id": ACCOUNT, "user_id": USER, "address": "a@example.com", "name": "Ada", "status": "active",
        "status_reason": "well", "scopes": frozenset(ALL), "connected_at": NOW,
    }  # fmt: skip
    return Account.model_validate({**fields, **changes})


def run(**changes: Any) -> Run:
    fields: dict[str, Any] = {
        "id": RunId(UUID(int=9)), "account_id": ACCOUNT, "kind": "mail", "reason": "user", "state": "running",
        "first": False, "started_at": NOW,
    }  # fmt: skip
    return Run.model_validate({**fields, **changes})


def test_an_account_is_shown_whole() -> None:
    found = account_view(account(scopes=frozenset({GMAIL_READ, CALENDAR_READ})), [run()])
    assert found.model_dump() == {
        "id": ACCOUNT,
        "address": "a@example.com",
        "name": "Ada",
        "status": "active",
        "status_reason": "well",
        "scopes": [CALENDAR_READ, GMAIL_READ],
        "missing": [
            {"scope": scope, "feature": feature}
            for scope, feature in FEATURES.items()
            if scope not in (GMAIL_READ, CALENDAR_READ)
        ],
        "reconnect": f"/connect?account_id={ACCOUNT}",
        "connected_at": NOW,
        "syncs": {"mail": run().model_dump()},
    }
    assert account_view(account(status="disconnected"), ()).reconnect == f"/connect?account_id={ACCOUNT}"


def test_of_two_runs_of_one_moment_the_first_is_shown() -> None:
    first, second = run(new=1), run(new=2)
    assert account_view(account(), [first, second]).syncs == {"mail": first}


@pytest.mark.parametrize(
    ("changes", "wanted", "code", "detail", "extra"),
    [
        (
            {"status": "reauth_required"},
            None,
            "reauth_required",
            "Google no longer accepts this account's permission. Connect it again, then sync.",
            {},
        ),
        (
            {"status": "disconnected"},
            None,
            "disconnected",
            "This account is disconnected. Connect it again, then sync.",
            {},
        ),
        (
            {"scopes": frozenset()},
            {"mail", "calendar"},
            "missing_scope",
            "Google was not asked, or refused, to let PingCRM read this: mail, calendar. Grant it, then sync.",
            {
                "kinds": ["mail", "calendar"],
                "features": ["mail on the timelines", "meetings on the timelines and meeting prep emails"],
            },
        ),
        (
            {"scopes": frozenset()},
            None,
            "missing_scope",
            "This account has none of the permissions that syncing needs. Grant them, then sync.",
            {},
        ),
    ],
)
def test_why_nothing_can_be_synced_is_explained(
    changes: dict[str, Any], wanted: Any, code: str, detail: str, extra: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as caught:
        syncable_kinds(account(**changes), wanted)
    refused = caught.value
    assert (refused.status, refused.code, refused.detail) == (409, code, detail)
    assert refused.extra == {**extra, "reconnect": f"/connect?account_id={ACCOUNT}"}


def test_each_kind_needs_its_own_permission() -> None:
    assert permitted_kinds(ALL) == ["mail", "contacts", "calendar"]
    assert permitted_kinds([GMAIL_READ]) == ["mail"]
    assert permitted_kinds([CALENDAR_READ]) == ["calendar"]


@pytest.mark.parametrize(
    ("scopes", "runs", "line"),
    [
        ((), [run()], ("off", "not permitted", None)),
        (ALL, [], ("off", "not synced yet", None)),
        (ALL, [run(state="completed")], ("calm", "up to date", run(state="completed"))),
        (ALL, [run(state="failed")], ("bad", "failed", run(state="failed"))),
        (ALL, [run(state="waiting")], ("busy", "waiting to go on", run(state="waiting"))),
        (ALL, [run()], ("busy", "starting", run())),
        (ALL, [run(state="queued", total=2)], ("busy", "0 of 2", run(state="queued", total=2))),
    ],
)
def test_a_line_is_shown_whole(scopes: tuple[str, ...], runs: list[Run], line: tuple[Any, str, Run | None]) -> None:
    assert sync_line(account_view(account(scopes=frozenset(scopes)), runs), "mail") == SyncLine("mail", "Mail", *line)


@pytest.mark.parametrize(
    ("eta_seconds", "left"),
    [
        (None, ""),
        (0, ", about 1 s left"),
        (1.4, ", about 1 s left"),
        (1.6, ", about 2 s left"),
        (89, ", about 89 s left"),
        (90, ", about 2 min left"),
        (3599, ", about 60 min left"),
    ],
)
def test_the_time_that_is_left_is_in_seconds_below_a_minute_and_a_half(eta_seconds: float | None, left: str) -> None:
    text = progress_text(run(done=1_000, total=2_000, eta_seconds=eta_seconds))
    assert text == f"1,000 of 2,000{left}"


def test_a_result_names_what_is_not_zero() -> None:
    assert result_text(run(new=1_000, updated=2_000, removed=3_000)) == "1,000 new, 2,000 updated, 3,000 removed"
    assert result_text(run(removed=1)) == "1 removed"
    assert str(ItemCounts(1_000, 2_000, 3_000)) == "1,000 new, 2,000 updated, 3,000 removed"


MEETING_FIELDS: dict[str, Any] = {
    "user_id": USER,
    "account_id": ACCOUNT,
    "meeting_id": MEETING,
    "event_id": "event",
    "calendar_id": "primary",
    "title": "Lunch",
    "starts_at": NOW,
    "ends_at": NOW + timedelta(hours=1),
    "all_day": False,
    "start_date": date(2026, 3, 4),
    "end_date": date(2026, 3, 5),
    "time_zone": "Europe/Berlin",
    "place": "Café",
    "video_url": "https://meet.example/x",
    "private": True,
    "organizer": Guest(address="o@example.org"),
    "guests": (Guest(address="g@example.org"), Guest(address="h@example.org")),
    "my_answer": "tentative",
    "revision": 1,
}


def meeting(**changes: Any) -> Meeting:
    return Meeting.model_validate({**MEETING_FIELDS, **changes})


def prep(state: str, reason: str = "") -> Prep:
    return Prep.model_validate(
        {"meeting_id": MEETING, "account_id": ACCOUNT, "starts_at": NOW, "state": state, "reason": reason, "at": NOW}
    )


def test_a_meeting_is_shown_whole() -> None:
    shown = meeting_view(meeting(), prep("sent"))
    assert shown.id == MEETING
    assert shown.prep == prep("sent")
    assert shown.guests == list(meeting().guests)
    assert shown.organizer == Guest(address="o@example.org")
    for name in ("account_id", "title", "starts_at", "ends_at", "all_day", "start_date", "end_date", "time_zone", "place",
                 "video_url", "private", "my_answer"):  # fmt: skip
        assert getattr(shown, name) == MEETING_FIELDS[name], name


@pytest.mark.parametrize(("total", "shown"), [(0, 2), (2, 2), (900, 900)])
def test_guests_are_at_least_as_many_as_are_listed(total: int, shown: int) -> None:
    assert meeting_view(meeting(guests_total=total), None).guests_total == shown


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (None, "not sent yet"),
        (prep("sent"), "sent"),
        (prep("sending"), "being sent"),
        (prep("skipped", "you declined"), "not sent: you declined"),
        (prep("failed", "Gmail refused it"), "could not be sent: Gmail refused it"),
    ],
)
def test_what_became_of_a_brief_is_in_words(found: Prep | None, text: str) -> None:
    assert brief_text(found) == text


@pytest.mark.parametrize(
    ("changes", "found", "minutes", "text"),
    [
        ({"all_day": True}, None, 60, ""),
        ({"all_day": True}, prep("sent"), 60, "brief sent"),
        ({}, None, 31, "brief at 11:30"),
        ({}, None, 30, "brief on its way"),
        ({}, None, 0, "no brief"),
        ({}, prep("failed", "No."), 0, "brief could not be sent: No."),
    ],
)
def test_what_is_going_to_become_of_a_brief_is_in_words(
    changes: dict[str, Any], found: Prep | None, minutes: int, text: str
) -> None:
    shown = meeting_view(meeting(**changes), found)
    assert (
        next_brief_text(
            shown, None, BriefClock(shown.starts_at - timedelta(minutes=minutes), UTC_ZONE, timedelta(minutes=30))
        )
        == text
    )


def test_answers_have_words() -> None:
    assert ANSWER_TEXTS == {
        "accepted": "coming",
        "declined": "not coming",
        "tentative": "maybe",
        "needsAction": "has not answered",
    }


def test_live_updates_are_server_sent_events_without_the_user() -> None:
    changed = ContactChanged(user_id=USER, contact_ids=(ContactId(UUID(int=5)),))
    update = live_event(changed)
    assert update.name == "contact.changed"
    assert orjson.loads(update.data) == {
        name: value for name, value in orjson.loads(changed.model_dump_json()).items() if name != "user_id"
    }
    assert "user_id" not in update.data
    assert LiveEvent("name", '{"ä":1}').encode() == 'event: name\ndata: {"ä":1}\n\n'.encode()
    assert RESYNC.encode() == b"event: resync\ndata: {}\n\n"


def test_a_new_notification_is_sent_whole() -> None:
    notification = Notification(
        id=UUID(int=4), kind="prep.sent", level="info", title="t", body="b", link="/", account_id=None, created_at=NOW,
        read_at=None, action=Action(label="This is me", address="a@example.com", answer=None),
    )  # fmt: skip
    assert notification_event(notification) == LiveEvent("notification.created", notification.model_dump_json())
