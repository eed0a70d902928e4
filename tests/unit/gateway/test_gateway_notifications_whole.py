"""A notification is compared as a whole, so that no word, link, level or key of it changes unseen."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from libs.common.events import (
    AccountConnected,
    AccountReauthRequired,
    BccUnclaimed,
    PrepFailed,
    PrepSent,
    SyncCompleted,
    SyncFailed,
)
from libs.common.ids import AccountId, ContactId, MeetingId, RunId, UserId
from libs.common.scopes import ALL, CALENDAR_READ, GMAIL_SEND
from services.gateway.domain.notification_texts import NotifiedEvent, new_notification
from services.gateway.domain.notifications import ItemCounts, NewNotification
from services.gateway.domain.notified_runs import count_of, is_account_wide, is_shared

USER, ACCOUNT, MEETING = UserId(UUID(int=1)), AccountId(UUID(int=2)), MeetingId(UUID(int=3))
RUN = RunId(UUID(int=(1_000_000_000_000 << 80) | (7 << 76) | (2 << 62) | 5))
AT = datetime(2026, 3, 4, 15, 30, tzinfo=timezone(timedelta(hours=1)))
WHOSE: dict[str, Any] = {"user_id": USER, "account_id": ACCOUNT}
COUNTED: dict[str, Any] = {**WHOSE, "address": "a@example.com", "run_id": RUN, "kind": "mail", "seconds": 1.0}
RECONNECT = f"/connect?account_id={ACCOUNT}"


def completed(**changes: Any) -> SyncCompleted:
    none: dict[str, Any] = {"reason": "schedule", "new": 0, "updated": 0, "removed": 0}
    return SyncCompleted(**{**COUNTED, **none, **changes})


def failed(**changes: Any) -> SyncFailed:
    none: dict[str, Any] = {
        "reason": "schedule",
        "code": "odd",
        "error": "It broke",
        "new": 0,
        "updated": 0,
        "removed": 0,
    }
    return SyncFailed(**{**COUNTED, **none, **changes})


def notification(event: NotifiedEvent) -> NewNotification:
    found = new_notification(event)
    assert found is not None
    return found


CONNECTED = AccountConnected(
    **WHOSE, address="a@example.com", scopes=frozenset(ALL) - {GMAIL_SEND, CALENDAR_READ}, again=False, at=AT
)
DEAD = AccountReauthRequired(**WHOSE, address="a@example.com", reason=" It was revoked! ", at=AT)
UNCLAIMED = BccUnclaimed(**WHOSE, address="me@work.example", contact_id=ContactId(UUID(int=7)))
SENT = PrepSent(**WHOSE, meeting_id=MEETING, starts_at=AT, title="", ai=False)
LOST = PrepFailed(**WHOSE, meeting_id=MEETING, starts_at=AT, title="", error="Gmail refused it")
WHOLE: list[tuple[NotifiedEvent, tuple[str, str, str, str, str]]] = [
    (
        CONNECTED,
        (
            "permissions.missing",
            "warning",
            "2 permissions are missing for a@example.com",
            "PingCRM may not read your calendar or send mail, so meetings on timelines and briefs before meetings are off."
            " One click asks Google again.",
            RECONNECT,
        ),
    ),
    (
        DEAD,
        (
            "account.reauth_required",
            "error",
            "a@example.com has to be connected again",
            "It was revoked! Syncing goes on where it stopped as soon as you connect it.",
            RECONNECT,
        ),
    ),
    (
        UNCLAIMED,
        (
            "bcc.unclaimed",
            "warning",
            "Is me@work.example you?",
            "A mail from me@work.example was sent in copy to the BCC address of one of your contacts. It was not logged, because"
            " only your own mail is. If the address is yours, “This is me” logs this mail and those to come.",
            "/",
        ),
    ),
    (
        SENT,
        (
            "prep.sent",
            "info",
            "Brief sent: untitled meeting",
            "It is in your inbox. The meeting starts at 14:30 UTC. Its talking points come from the facts alone, not from AI.",
            f"/meetings/{MEETING}",
        ),
    ),
    (
        LOST,
        (
            "prep.failed",
            "error",
            "Brief not sent: untitled meeting",
            "Gmail refused it. The meeting starts at 14:30 UTC.",
            f"/meetings/{MEETING}",
        ),
    ),
    (
        completed(new=5, skipped={"set_aside": 1_200, "unhealed": 3_400}),
        (
            "sync.completed",
            "warning",
            "Mail synced",
            "a@example.com: 5 new, 0 updated, 0 removed. 1,200 could not be read and were set aside."
            " 3,400 can't be brought onto the timelines: see the dead letters.",
            "/",
        ),
    ),
    (
        failed(new=1),
        (
            "sync.failed",
            "error",
            "Mail could not be synced",
            "a@example.com: It broke. What was done is kept (1 item).",
            "/",
        ),
    ),
    (
        failed(new=1_000, updated=200, removed=34, error="It broke?"),
        (
            "sync.failed",
            "error",
            "Mail could not be synced",
            "a@example.com: It broke? What was done is kept (1,234 items).",
            "/",
        ),
    ),
    (
        failed(code="missing_scope"),
        ("sync.failed", "error", "Mail could not be synced", "a@example.com: It broke.", RECONNECT),
    ),
    (
        failed(code="unavailable"),
        (
            "sync.failed",
            "error",
            "a@example.com could not be synced",
            "a@example.com: It broke. What was done is kept.",
            "/",
        ),
    ),
]


@pytest.mark.parametrize(("event", "whole"), WHOLE)
def test_each_event_has_its_words(event: NotifiedEvent, whole: tuple[str, str, str, str, str]) -> None:
    found = notification(event)
    assert (found.kind, found.level, found.title, found.body, found.link) == whole
    assert (found.user_id, found.account_id) == (USER, ACCOUNT)
    assert found.offer == (event.address if isinstance(event, BccUnclaimed) else None)
    assert found.counts is None
    assert found.run_id is None
    if not isinstance(event, SyncFailed):
        assert found.event_key == f"{event.subject}:{event.key()}"


DAY = 1_000_000_000_000 // 86_400_000
SIX_HOURS = 1_000_000_000_000 // 21_600_000
MINUTE = 1_000_000_000_000 // 60_000


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (completed(new=1, reason="poll"), f"{ACCOUNT}:mail:{DAY}"),
        (completed(updated=1, reason="push", kind="calendar"), f"{ACCOUNT}:calendar:{DAY}"),
        (failed(code="missing_scope"), f"{ACCOUNT}:mail:missing_scope:{DAY}"),
        (failed(code="unavailable"), f"{ACCOUNT}:unavailable:{SIX_HOURS}"),
        (failed(code="unauthorized", reason="settings"), f"{ACCOUNT}:unauthorized:{SIX_HOURS}"),
        (failed(code="token_unreadable", reason="user"), f"{ACCOUNT}:token_unreadable:minute {MINUTE}"),
        (failed(code="unavailable", reason="connected"), f"{ACCOUNT}:unavailable:minute {MINUTE}"),
        (failed(reason="poll"), f"{ACCOUNT}:mail:odd:{SIX_HOURS}"),
        (failed(reason="push"), f"{ACCOUNT}:mail:odd:{SIX_HOURS}"),
        (failed(reason="repair"), f"{ACCOUNT}:mail:odd:{SIX_HOURS}"),
        (failed(reason="user"), failed().key()),
        (failed(reason="settings"), failed().key()),
    ],
)
def test_runs_share_a_notification_by_their_key(event: SyncCompleted | SyncFailed, key: str) -> None:
    assert notification(event).event_key == f"{event.subject}:{key}"


def test_only_a_shared_notification_has_numbers_that_grow() -> None:
    shared = notification(completed(new=1, updated=2, removed=3, reason="poll"))
    assert (shared.counts, shared.run_id) == (ItemCounts(1, 2, 3), RUN)
    assert shared.body == "a@example.com: 1 new, 2 updated, 3 removed."
    assert (
        shared.body_with({"a": [400, 2_000, 0], "b": [600, 0, 3_000]})
        == "a@example.com: 1,000 new, 2,000 updated, 3,000 removed."
    )
    alone = completed(new=1, reason="poll", skipped={"unhealed": 1})
    assert not is_shared(alone)
    assert notification(alone).counts is None


@pytest.mark.parametrize("trouble", ["set_aside", "unhealed"])
def test_troubles_are_counted_by_their_own_name(trouble: Any) -> None:
    assert count_of(completed(skipped={trouble: 4}), trouble) == 4
    assert count_of(completed(), trouble) == 0
    assert not is_shared(completed(reason="push", skipped={trouble: 1}))
    assert is_shared(completed(reason="push"))
    assert not is_shared(completed(reason="repair"))


@pytest.mark.parametrize(
    ("code", "wide"), [("unavailable", True), ("token_unreadable", True), ("unauthorized", True), ("odd", False)]
)
def test_what_stops_all_kinds_is_notified_for_the_account(code: str, wide: bool) -> None:
    assert is_account_wide(failed(code=code)) is wide


def test_a_single_missing_permission_is_it() -> None:
    found = notification(CONNECTED.model_copy(update={"scopes": frozenset(ALL) - {GMAIL_SEND}}))
    assert found.title == "A permission is missing for a@example.com"
    assert found.body == "PingCRM may not send mail, so briefs before meetings are off. One click asks Google again."


def test_a_brief_has_the_meeting_s_title() -> None:
    assert notification(SENT.model_copy(update={"title": "Lunch", "ai": True})).title == "Brief sent: Lunch"
    assert (
        notification(SENT.model_copy(update={"ai": True})).body
        == "It is in your inbox. The meeting starts at 14:30 UTC."
    )
    assert notification(LOST.model_copy(update={"title": "Lunch"})).title == "Brief not sent: Lunch"
    assert notification(failed(kind="contacts")).title == "Google Contacts could not be synced"
    assert AT.astimezone(UTC).hour == 14
