"""What a user is told about which fact, word for word; and when nothing is said."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

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
from services.gateway.wording import Counts, notice_of

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
        ({"reason": "user"}, "Mail synced", "a@example.com: nothing had changed."),
        ({"reason": "connected"}, "Mail synced", "a@example.com: nothing had changed."),
        (
            {"new": 5, "skipped": {"set_aside": 2, "spam": 9}},
            "Mail synced",
            "a@example.com: 5 new, 0 updated, 0 removed. 2 could not be read and were set aside.",
        ),
    ],
)  # fmt: skip
def test_a_completed_sync_is_told_with_its_numbers(changes: dict[str, Any], title: str, body: str) -> None:
    notice = notice_of(completed(**changes))
    assert notice is not None
    assert (notice.title, notice.body, notice.level) == (title, body, "info")


@pytest.mark.parametrize("reason", ["schedule", "poll", "push", "settings", "repair"])
def test_a_sync_that_nobody_asked_for_and_that_changed_nothing_is_silent(reason: str) -> None:
    assert notice_of(completed(reason=reason)) is None
    assert notice_of(completed(reason=reason, skipped={"spam": 3})) is None
    assert notice_of(completed(reason=reason, updated=1)) is not None


def test_each_run_has_its_own_notification_and_the_same_run_has_one() -> None:
    first, again = notice_of(completed(new=1)), notice_of(completed(new=1))
    other = notice_of(completed(new=1, run_id=run_id(2)))
    assert first == again
    assert first
    assert other
    assert first.event_key != other.event_key


@pytest.mark.parametrize("reason", ["poll", "push"])
def test_mail_that_arrives_by_itself_is_one_notification_a_day(reason: str) -> None:
    """One a message would drown all others."""
    morning, evening = (notice_of(completed(new=1, reason=reason, run_id=run_id(hours))) for hours in (24, 47.9))
    tomorrow = notice_of(completed(new=1, reason=reason, run_id=run_id(48)))
    assert morning
    assert evening
    assert tomorrow
    assert morning.event_key == evening.event_key != tomorrow.event_key
    assert evening.body_of(Counts(7, 1, 0)) == "a@example.com: 7 new, 1 updated, 0 removed."


def test_what_could_not_be_read_has_a_notification_of_its_own() -> None:
    first, other = (
        notice_of(completed(new=1, reason="push", run_id=run_id(hours), skipped={"set_aside": 1})) for hours in (1, 2)
    )
    assert first
    assert other
    assert first.event_key != other.event_key


def test_a_failed_sync_says_what_went_wrong_and_what_is_kept() -> None:
    notice = notice_of(failed(new=3, removed=1))
    assert notice is not None
    assert notice.title == "Mail could not be synced"
    assert notice.body == "a@example.com: Google does not answer. What was done is kept (4 items)."
    assert (notice.level, notice.link) == ("error", "/")


def test_a_dead_permission_is_told_once_unless_the_user_asks_for_a_sync() -> None:
    assert notice_of(failed(code="reauth_required")) is None
    notice = notice_of(failed(code="reauth_required", reason="user"))
    assert notice is not None
    assert notice.link == f"/connect?account_id={ACCOUNT}"


def test_a_poll_that_fails_every_minute_is_told_once_in_six_hours() -> None:
    def key(hours: float, **changes: Any) -> str:
        notice = notice_of(failed(run_id=run_id(hours), **changes))
        assert notice is not None
        return notice.event_key

    assert key(12.0, reason="poll") == key(17.9, reason="poll") == key(13, reason="push")
    assert key(12.0, reason="poll") != key(18.1, reason="poll")
    assert key(12.0, reason="poll") != key(12.0, reason="poll", code="other")
    assert key(12.0, reason="schedule") != key(12.1, reason="schedule")


def test_a_fully_granted_account_is_no_news() -> None:
    assert notice_of(connected()) is None


def test_missing_permissions_say_what_is_off_and_lead_to_the_consent_screen() -> None:
    one, two = notice_of(connected(GMAIL_SEND)), notice_of(connected(GMAIL_SEND, CALENDAR_READ))
    assert one
    assert two
    assert one.title == "A permission is missing for a@example.com"
    assert one.body == "Without it this is off: meeting prep emails. One click asks Google again."
    assert two.title == "2 permissions are missing for a@example.com"
    assert (one.kind, one.level, one.link) == ("permissions.missing", "warning", f"/connect?account_id={ACCOUNT}")


def test_a_dead_account_says_why_and_that_work_goes_on_after() -> None:
    event = AccountReauthRequired(
        user_id=USER, account_id=ACCOUNT, address="a@example.com", reason="You changed your password", at=AT
    )
    notice = notice_of(event)
    assert notice is not None
    assert notice.body.startswith("You changed your password. Syncing goes on where it stopped")
    assert notice.link == f"/connect?account_id={ACCOUNT}"


def test_briefs_are_told_with_the_time_of_the_meeting() -> None:
    shared: dict[str, Any] = {"user_id": USER, "account_id": ACCOUNT, "meeting_id": MEETING, "starts_at": AT}
    sent = notice_of(PrepSent(**shared, title="Lunch", ai=True))
    plain = notice_of(PrepSent(**shared, title="", ai=False))
    lost = notice_of(PrepFailed(**shared, title="Lunch", error="Gmail refused it."))
    assert sent
    assert plain
    assert lost
    assert (sent.title, sent.body) == ("Brief sent: Lunch", "It is in your inbox. The meeting starts at 14:30 UTC.")
    assert plain.title == "Brief sent: untitled meeting"
    assert plain.body.endswith("not from AI.")
    assert lost.body == "Gmail refused it. The meeting starts at 14:30 UTC."
    assert sent.link == lost.link == f"/meetings/{MEETING}"
