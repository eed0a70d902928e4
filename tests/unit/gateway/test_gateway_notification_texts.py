"""What a user is notified of after which event, word for word; and when there is no notification."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from libs.common.events import (
    AccountConnected,
    AccountReauthRequired,
    PrepFailed,
    PrepSent,
    SyncCompleted,
    SyncFailed,
)
from libs.common.ids import AccountId, MeetingId, RunId, UserId
from libs.common.scopes import ALL, CALENDAR_READ, GMAIL_SEND
from services.gateway.domain.notification_texts import new_notification

USER = UserId(UUID(int=1))
ACCOUNT = AccountId(UUID(int=2))
MEETING = MeetingId(UUID(int=3))
AT = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)
HOUR_MS = 3_600_000


def run_id(hours: float) -> RunId:
    """A UUIDv7 of that many hours after 1970."""
    return RunId(UUID(int=(int(hours * HOUR_MS) << 80) | (7 << 76) | (2 << 62)))


def completed(**changes: Any) -> SyncCompleted:
    fields: dict[str, Any] = {
        "user_id": USER, "account_id": ACCOUNT, "address": "a@example.com", "run_id": run_id(1), "kind": "mail",
        "reason": "schedule", "new": 0, "updated": 0, "removed": 0, "seconds": 1.0,
    }  # fmt: skip
    return SyncCompleted.model_validate({**fields, **changes})


def failed(**changes: Any) -> SyncFailed:
    fields: dict[str, Any] = {
        "user_id": USER, "account_id": ACCOUNT, "address": "a@example.com", "run_id": run_id(1), "kind": "mail",
        "reason": "schedule", "code": "google_unavailable", "error": "Google does not answer", "new": 0, "updated": 0,
        "removed": 0, "seconds": 1.0,
    }  # fmt: skip
    return SyncFailed.model_validate({**fields, **changes})


def connected(*missing: str) -> AccountConnected:
    scopes = frozenset(ALL) - set(missing)
    return AccountConnected(
        user_id=USER, account_id=ACCOUNT, address="a@example.com", scopes=scopes, again=False, at=AT
    )


@pytest.mark.parametrize(
    ("changes", "title", "body"),
    [
        ({"new": 1204, "updated": 3, "removed": 1}, "Mail synced", "a@example.com: 1,204 new, 3 updated, 1 removed."),
        ({"kind": "contacts", "removed": 1}, "Google Contacts synced", "a@example.com: 0 new, 0 updated, 1 removed."),
        ({"kind": "calendar", "new": 2, "first": True}, "Calendar: first sync done", "a@example.com: 2 new, 0 updated, 0 removed."),
        ({"first": True}, "Mail: first sync done", "a@example.com: nothing had changed."),
        ({"reason": "user"}, "a@example.com synced", "Mail: nothing had changed."),
        ({"reason": "user", "new": 1204, "removed": 1}, "a@example.com synced", "Mail: 1,204 new, 1 removed."),
        ({"reason": "connected", "first": True, "kind": "contacts", "updated": 2}, "First sync of a@example.com",
         "Google Contacts: 2 updated."),
        (
            {"new": 5, "skipped": {"set_aside": 2, "spam": 9}},
            "Mail synced",
            "a@example.com: 5 new, 0 updated, 0 removed. 2 could not be read and were set aside.",
        ),
    ],
)  # fmt: skip
def test_a_completed_sync_is_notified_with_its_numbers(changes: dict[str, Any], title: str, body: str) -> None:
    notification = new_notification(completed(**changes))
    assert notification is not None
    assert (notification.title, notification.body, notification.level) == (title, body, "info")


@pytest.mark.parametrize("reason", ["schedule", "poll", "push", "settings", "repair"])
def test_a_sync_that_nobody_requested_and_that_changed_nothing_is_silent(reason: str) -> None:
    assert new_notification(completed(reason=reason)) is None
    assert new_notification(completed(reason=reason, skipped={"spam": 3})) is None
    assert new_notification(completed(reason=reason, updated=1)) is not None


def test_each_run_has_its_own_notification_and_the_same_run_has_one() -> None:
    first, again = new_notification(completed(new=1)), new_notification(completed(new=1))
    other = new_notification(completed(new=1, run_id=run_id(2)))
    assert first == again
    assert first
    assert other
    assert first.event_key != other.event_key


@pytest.mark.parametrize("reason", ["poll", "push"])
def test_mail_that_arrives_by_itself_is_one_notification_a_day(reason: str) -> None:
    """One a message would drown all others."""
    morning, evening = (new_notification(completed(new=1, reason=reason, run_id=run_id(hours))) for hours in (24, 47.9))
    tomorrow = new_notification(completed(new=1, reason=reason, run_id=run_id(48)))
    assert morning
    assert evening
    assert tomorrow
    assert morning.event_key == evening.event_key != tomorrow.event_key
    assert evening.body_with({"a": [4, 1, 0], "b": [3, 0, 0]}) == "a@example.com: 7 new, 1 updated, 0 removed."


def test_what_could_not_be_read_has_a_notification_of_its_own() -> None:
    first, other = (
        new_notification(completed(new=1, reason="push", run_id=run_id(hours), skipped={"set_aside": 1}))
        for hours in (1, 2)
    )
    assert first
    assert other
    assert first.event_key != other.event_key


def test_kinds_that_were_requested_together_are_one_notification_that_grows() -> None:
    """Of one account, for one reason, at about one moment; what could not all be read has its own."""
    requested = [new_notification(completed(kind=kind, reason="user", new=number, run_id=run_id(1)))
                 for kind, number in (("calendar", 0), ("mail", 1), ("contacts", 2))]  # fmt: skip
    counted = {}
    for new in requested:
        assert new
        assert new.group
        counted |= new.counted
    assert len({(new.group.name, new.group.requested_at) for new in requested if new and new.group}) == 1
    assert requested[0]
    assert requested[0].body_with(counted) == "Mail: 1 new. Google Contacts: 2 new. Calendar: nothing had changed."
    connected_first = new_notification(completed(reason="connected", first=True, run_id=run_id(1)))
    assert connected_first
    assert connected_first.group
    assert requested[0].group
    assert connected_first.group.name != requested[0].group.name
    assert connected_first.group.requested_at == datetime(1970, 1, 1, 1, tzinfo=UTC)
    for alone in (completed(first=True), completed(new=1), completed(reason="user", skipped={"set_aside": 1})):
        new = new_notification(alone)
        assert new
        assert new.group is None


def test_a_failed_sync_states_what_went_wrong_and_what_is_kept() -> None:
    notification = new_notification(failed(new=3, removed=1))
    assert notification is not None
    assert notification.title == "Mail could not be synced"
    assert notification.body == "a@example.com: Google does not answer. What was done is kept (4 items)."
    assert (notification.level, notification.link) == ("error", "/")


@pytest.mark.parametrize("kind", ["mail", "contacts", "calendar"])
@pytest.mark.parametrize("reason", ["user", "connected", "schedule", "poll", "push", "settings", "repair"])
def test_a_dead_permission_is_notified_once_whatever_it_stops(kind: str, reason: str) -> None:
    dead = AccountReauthRequired(user_id=USER, account_id=ACCOUNT, address="a@example.com", reason="Gone", at=AT)
    events = [dead, failed(code="reauth_required", kind=kind, reason=reason)]
    assert len([event for event in events if new_notification(event)]) == 1


def keys(*events: SyncFailed) -> set[str]:
    """Under which the notifications of these events are stored: the first one under each."""
    return {new.event_key for event in events if (new := new_notification(event))}


KINDS = ("mail", "contacts", "calendar")


def test_a_sync_of_everything_that_fails_for_one_reason_is_notified_once() -> None:
    clicked = 12 + 1 / 120
    for code in ("unavailable", "token_unreadable"):
        requested = [failed(kind=kind, reason="user", code=code, run_id=run_id(clicked)) for kind in KINDS]
        assert len(keys(*requested)) == 1
        assert len(keys(*requested, failed(reason="user", code=code, run_id=run_id(clicked + 1)))) == 2, "asked again"
        by_itself = [failed(kind=kind, code=code, run_id=run_id(13 + n)) for n, kind in enumerate(KINDS)]
        assert len(keys(*by_itself)) == 1
        assert len(keys(*by_itself, *requested)) == 2, "who waits for it is notified"
    notification = new_notification(failed(code="unavailable", new=3))
    assert notification is not None
    assert notification.title == "a@example.com could not be synced"
    assert notification.body == "a@example.com: Google does not answer. What was done is kept."


def test_different_causes_have_notifications_of_their_own() -> None:
    assert len(keys(*(failed(kind=kind, code="forbidden", run_id=run_id(n)) for n, kind in enumerate(KINDS)))) == 3
    assert len(keys(failed(code="unavailable"), failed(code="token_unreadable"))) == 2


def test_a_missing_permission_is_notified_once_a_day_for_what_it_turns_off() -> None:
    day = [failed(code="missing_scope", run_id=run_id(hours), reason=reason) for hours, reason in
           ((24, "schedule"), (30, "poll"), (36, "user"), (47, "schedule"))]  # fmt: skip
    assert len(keys(*day)) == 1
    assert len(keys(*day, failed(code="missing_scope", kind="calendar", run_id=run_id(24)))) == 2
    notification = new_notification(day[0])
    assert notification is not None
    assert notification.link == f"/connect?account_id={ACCOUNT}"


def test_a_poll_that_fails_every_minute_is_notified_once_in_six_hours() -> None:
    def key(hours: float, **changes: Any) -> str:
        notification = new_notification(failed(run_id=run_id(hours), **changes))
        assert notification is not None
        return notification.event_key

    assert key(12.0, reason="poll") == key(17.9, reason="poll") == key(13, reason="push")
    assert key(12.0, reason="poll") != key(18.1, reason="poll")
    assert key(12.0, reason="poll") != key(12.0, reason="poll", code="other")
    assert key(12.0, reason="schedule") != key(12.1, reason="schedule")


def test_a_fully_granted_account_is_not_notified() -> None:
    assert new_notification(connected()) is None


def test_missing_permissions_state_what_is_off_and_lead_to_the_consent_screen() -> None:
    single, both = new_notification(connected(GMAIL_SEND)), new_notification(connected(GMAIL_SEND, CALENDAR_READ))
    assert single
    assert both
    assert single.title == "A permission is missing for a@example.com"
    assert single.body == "PingCRM may not send mail, so briefs before meetings are off. One click asks Google again."
    assert both.title == "2 permissions are missing for a@example.com"
    assert (single.kind, single.level, single.link) == (
        "permissions.missing",
        "warning",
        f"/connect?account_id={ACCOUNT}",
    )


def test_a_dead_account_states_why_and_that_work_goes_on_after() -> None:
    event = AccountReauthRequired(
        user_id=USER, account_id=ACCOUNT, address="a@example.com", reason="You changed your password", at=AT
    )
    notification = new_notification(event)
    assert notification is not None
    assert notification.body.startswith("You changed your password. Syncing goes on where it stopped")
    assert notification.link == f"/connect?account_id={ACCOUNT}"


def test_briefs_are_notified_with_the_time_of_the_meeting() -> None:
    shared: dict[str, Any] = {"user_id": USER, "account_id": ACCOUNT, "meeting_id": MEETING, "starts_at": AT}
    sent = new_notification(PrepSent(**shared, title="Lunch", ai=True))
    plain = new_notification(PrepSent(**shared, title="", ai=False))
    lost = new_notification(PrepFailed(**shared, title="Lunch", error="Gmail refused it."))
    assert sent
    assert plain
    assert lost
    assert (sent.title, sent.body) == ("Brief sent: Lunch", "It is in your inbox. The meeting starts at 14:30 UTC.")
    assert plain.title == "Brief sent: untitled meeting"
    assert plain.body.endswith("not from AI.")
    assert lost.body == "Gmail refused it. The meeting starts at 14:30 UTC."
    assert sent.link == lost.link == f"/meetings/{MEETING}"
    there = new_notification(PrepSent(**shared, title="Lunch", ai=True), ZoneInfo("Europe/Stockholm"))
    assert there
    assert there.body == "It is in your inbox. The meeting starts at 15:30.", "in the user's own clock"


def test_what_stands_in_the_way_of_every_brief_is_one_notification_a_day_and_not_one_a_meeting() -> None:
    def failed(**changes: Any) -> PrepFailed:
        fields = {
            "user_id": USER,
            "account_id": ACCOUNT,
            "starts_at": AT,
            "title": "Lunch",
            "error": "It is switched off.",
        }
        return PrepFailed(meeting_id=MeetingId(uuid4()), **{**fields, **changes})

    def keys(*events: PrepFailed) -> set[str]:
        return {notification.event_key for event in events if (notification := new_notification(event))}

    switched_off = failed(code="api_disabled")
    shown = new_notification(switched_off)
    assert shown
    assert (shown.title, shown.body, shown.link) == (
        "Briefs can't be sent", "It is switched off. Until then no brief of this account is sent.", "/settings",
    )  # fmt: skip
    assert len(keys(switched_off, failed(code="api_disabled", starts_at=AT + timedelta(hours=3)))) == 1
    other_account = failed(code="api_disabled", account_id=AccountId(UUID(int=9)))
    tomorrow = failed(code="api_disabled", starts_at=AT + timedelta(days=1))
    assert len(keys(switched_off, failed(code="domain_policy"), other_account, tomorrow)) == 4
    assert len(keys(failed(), failed())) == 2, "what is about one brief is about that one"
