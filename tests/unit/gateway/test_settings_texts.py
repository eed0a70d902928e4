"""What the settings page makes of numbers and failures, and what an undo puts back: by tables."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr, ValidationError

from libs.common.events import AccountConnected, ContactChanged
from libs.common.ids import AccountId, UserId
from libs.common.preferences import WEBHOOK_EVENTS, GmailPreferences, NotificationPreferences, Preferences
from libs.common.requests import Audit, AuditedItems, AuditResult, Run
from services.gateway.api.settings import NotificationChanges
from services.gateway.domain.completeness import completeness, period_text
from services.gateway.domain.notification_texts import NOTIFIED_EVENTS
from services.gateway.domain.run_lines import run_line
from services.gateway.domain.settings_changes import SettingsChange, settings_change, undone
from services.gateway.domain.webhook_delivery import (
    NEVER_MADE,
    SecretGeneration,
    signing_secrets,
    webhook_secret,
)
from services.gateway.domain.webhook_events import WEBHOOK_EVENT_TEXTS
from services.gateway.domain.webhook_outcomes import WebhookCall, call_lines, explanation

ACCOUNT, USER = AccountId(UUID(int=2)), UserId(UUID(int=1))
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
STOCKHOLM = ZoneInfo("Europe/Stockholm")


def audit(**numbers: Any) -> Audit:
    none: dict[str, Any] = {
        "listed": 12_345, "recorded": 12_000, "filtered": {"spam": 300, "draft": 45}, "set_aside": 0, "pending": 0, "healed_added": 0,
        "healed_removed": 0, "unhealed": 0, "complete": 1, "requests": 1, "units": 1, "began_at": NOW, "finished_at": NOW,
    }  # fmt: skip
    items = AuditedItems(summary="All there.")
    last = AuditResult(**none | numbers) if numbers.get("listed") != -1 else None
    return Audit(
        account_id=ACCOUNT, summary="The first audit is under way.", last=last, listed=0, by_state={}, by_rule={}, complete=1,
        meetings=items, cards=items,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("numbers", "text", "tone"),
    [
        ({}, "All 12,345 messages of the last year are here.", "calm"),
        ({"listed": 1}, "The only message of the last year is here.", "calm"),
        ({"listed": 0}, "Gmail lists no messages of the last year.", "calm"),
        ({"listed": -1}, "The first audit is under way.", "busy"),
        (
            {"healed_added": 2, "healed_removed": 1},
            "All 12,345 messages of the last year are here; 2 were missing and have been fetched; 1 was not in Gmail any more and has "
            "been taken out.",
            "calm",
        ),
        (
            {"pending": 45},
            "12,300 of 12,345 messages of the last year are here; 45 are missing and will be tried again.",
            "calm",
        ),
        (
            {"unhealed": 1},
            "12,344 of 12,345 messages of the last year are here; 1 is missing and will be tried again.",
            "bad",
        ),
    ],
)
def test_completeness_is_a_sentence(numbers: dict[str, Any], text: str, tone: str) -> None:
    found = completeness(audit(**numbers), 365)
    assert (found.text, found.tone) == (text, tone)


@pytest.mark.parametrize("listed", [-1, 0])
def test_where_nothing_was_compared_there_is_nothing_to_explain(listed: int) -> None:
    assert completeness(audit(listed=listed), 365).parts == ""


def test_the_numbers_of_a_mailbox_are_explained() -> None:
    assert completeness(audit(set_aside=1), 0).parts == (
        "12,000 recorded, 345 left out by the rules (drafts, spam, trash, what is older), 1 could not be read and is set aside. "
        "Recorded automated mail is on no timeline unless you know somebody on it."
    )
    assert completeness(audit(filtered={}), 0).parts.startswith("12,000 recorded. Recorded")


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (0, "of this mailbox"), (1, "of the last day"), (90, "of the last 90 days"), (365, "of the last year"),
        (366, "of the last 366 days"), (730, "of the last 2 years"), (1095, "of the last 3 years"), (36500, "of the last 100 years"),
    ],
)  # fmt: skip
def test_how_far_back_is_in_words(days: int, text: str) -> None:
    assert period_text(days) == text


@pytest.mark.parametrize(
    ("fields", "noun", "reason", "result", "tone"),
    [
        ({"state": "completed", "new": 1204, "first": True, "reason": "connected"}, "Mail, first sync", "as the account was connected",
         "1,204 new", "calm"),
        ({"state": "completed", "reason": "user"}, "Mail", "you asked for it", "nothing had changed", "calm"),
        ({"state": "completed", "removed": 1, "skipped": {"set_aside": 1, "spam": 4}}, "Mail", "on schedule",
         "1 removed; 1 could not be read and was set aside", "calm"),
        ({"state": "failed", "error": "Google does not answer.", "kind": "contacts"}, "Google Contacts", "on schedule",
         "Google does not answer.", "bad"),
        ({"state": "failed", "kind": "calendar", "reason": "repair"}, "Calendar", "to fetch what was missing", "failed", "bad"),
        ({"state": "waiting", "resumes_at": NOW + timedelta(hours=1)}, "Mail", "on schedule", "paused, goes on at 14:00", "busy"),
        ({"state": "waiting"}, "Mail", "on schedule", "paused", "busy"),
        ({"state": "queued"}, "Mail", "on schedule", "waits for its turn", "busy"),
        ({"state": "running", "done": 1, "total": 9, "note": "waiting for Gmail's quota"}, "Mail", "on schedule",
         "1 of 9; waiting for Gmail's quota", "busy"),
    ],
)  # fmt: skip
def test_a_run_is_a_line_in_words(fields: dict[str, Any], noun: str, reason: str, result: str, tone: str) -> None:
    base: dict[str, Any] = {
        "id": UUID(int=5),
        "account_id": ACCOUNT,
        "kind": "mail",
        "reason": "schedule",
        "first": False,
    }
    line = run_line(Run.model_validate({**base, "started_at": NOW, **fields}), NOW, STOCKHOLM)
    assert tuple(line) == (noun, reason, result, tone, NOW)


# --- undo -----------------------------------------------------------------------------------------------------------------

BEFORE = Preferences()
AFTER = Preferences(
    gmail=GmailPreferences(meeting_prep_enabled=False, own_addresses=("a@x.example",)),
    notifications=NotificationPreferences.model_validate({"webhook_url": "https://hooks.example/x"}),
)


def test_an_undo_puts_back_what_was_changed() -> None:
    change = settings_change("briefs", BEFORE, AFTER)
    assert {field.name for field in change.fields} == {"meeting_prep_enabled", "own_addresses", "webhook_url"}
    kept = SettingsChange.model_validate_json(change.model_dump_json())
    assert undone(AFTER, kept) == BEFORE
    assert settings_change("briefs", BEFORE, BEFORE).fields == ()


def test_an_undo_leaves_what_somebody_has_changed_again_or_besides() -> None:
    change = settings_change("briefs", BEFORE, AFTER)
    later = AFTER.model_copy(
        update={"gmail": AFTER.gmail.model_copy(update={"own_addresses": ("b@x.example",), "time_zone": "Asia/Tokyo"})}
    )
    assert undone(later, change) == Preferences(
        gmail=GmailPreferences(own_addresses=("b@x.example",), time_zone="Asia/Tokyo")
    )


# --- webhook calls -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "text", "advice"),
    [
        ("", "", ""),
        ("status 301", "the receiver answered 301: it leads elsewhere, and that is not followed", "with its slashes"),
        ("status 403", "the receiver answered 403: it does not let calls in", "the secret that signs now"),
        ("status 404", "the receiver answered 404: nothing is at this URL", "Check the path"),
        ("status 410", "the receiver answered 410: nothing is at this URL", "Check the path"),
        ("status 418", "the receiver answered 418", "by answering 200 to 299"),
        ("status 500", "the receiver answered 500: it is in trouble itself", "the receiver's own log"),
        ("private address", "its host is not on the public internet", "PINGCRM_WEBHOOK_ALLOW"),
        ("ClientConnectorDNSError", "its name can't be found, or is not on the public internet", "Check the name."),
        ("ClientConnectorError", "nothing answers at this address", "Check that the receiver runs"),
        ("ClientConnectorCertificateError", "its certificate is not valid", "send the whole chain"),
        ("TimeoutError", "it did not answer within 10 seconds", "Answer first"),
        ("ServerDisconnectedError", "the connection broke off", "the receiver's own log"),
    ],
)
def test_what_became_of_a_call_is_in_words_with_what_to_do(failure: str, text: str, advice: str) -> None:
    found = explanation(failure)
    assert found.what == text
    assert advice in found.advice
    assert found.advice.endswith("." if failure else "")


def webhook_call(failure: str, attempt: int = 1, minutes_ago: int = 0, **fields: Any) -> WebhookCall:
    called: dict[str, Any] = {"about": "notification", "notification_id": UUID(int=1), "title": "Mail synced"}
    return WebhookCall(
        called_at=NOW - timedelta(minutes=minutes_ago),
        attempt=attempt,
        failure=failure,
        milliseconds=5,
        **called | fields,
    )


def test_of_several_tries_of_a_call_the_last_one_says_what_comes_next() -> None:
    other: dict[str, Any] = {"notification_id": UUID(int=2), "title": "Brief sent"}
    contacts: dict[str, Any] = {"about": "contacts", "notification_id": None, "title": ""}
    lines = call_lines(
        [
            webhook_call("status 500", 2), webhook_call("status 500", 1, 1), webhook_call("", 1, 2, **other),
            webhook_call("TimeoutError", 7, 3, **contacts), webhook_call("TimeoutError", 8, 4, notification_id=UUID(int=3)),
            webhook_call("TimeoutError", 1, 5, about="test", notification_id=None, title=""), webhook_call("status 500", 1, 6, **other),
        ]
    )  # fmt: skip
    assert [(line.name, line.next_at and line.next_at - NOW, line.given_up) for line in lines] == [
        ("Mail synced", timedelta(seconds=30), False),
        ("Mail synced", None, False),
        ("Brief sent", None, False),
        ("Contacts changed", timedelta(days=1, minutes=-3), False),
        ("Mail synced", None, True),
        ("Test", None, False),
        ("Brief sent", None, False),
    ]
    assert call_lines([]) == []
    assert call_lines([webhook_call("", title="")])[0].name == "A notification"


def test_what_can_be_posted_is_every_kind_of_notification_and_changes_of_contacts() -> None:
    kinds = {"permissions.missing" if event is AccountConnected else event.subject for event in NOTIFIED_EVENTS}
    assert set(WEBHOOK_EVENTS) == kinds | {"export.done", "export.failed", ContactChanged.subject}
    assert tuple(WEBHOOK_EVENT_TEXTS) == WEBHOOK_EVENTS
    with pytest.raises(ValidationError):
        NotificationChanges.model_validate({"webhook_events": ["everything"]})


def test_a_new_secret_signs_at_once_and_the_former_one_for_another_day() -> None:
    key = SecretStr("k" * 32)
    first, second = webhook_secret(key, USER), webhook_secret(key, USER, 1)
    assert len({first, second, webhook_secret(key, USER, 11), webhook_secret(key, UserId(UUID(int=9)), 1)}) == 4
    day = timedelta(days=1)

    def signing(number: int, age: timedelta) -> list[str]:
        return signing_secrets([key], USER, SecretGeneration(number, NOW - age), NOW)

    assert signing_secrets([key], USER, NEVER_MADE, NOW) == [first]
    assert signing(1, timedelta(0)) == [second, first]
    assert signing(1, day) == [second]
    assert signing(2, day / 2) == [webhook_secret(key, USER, 2), second], "what was leaked before that is over"
