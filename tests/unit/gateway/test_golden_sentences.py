"""What people read in notifications, in webhook calls and on the pages, to the letter; each border of the numbers in it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import pytest

from libs.common.events import AccountReauthRequired, BccUnclaimed, PrepFailed, PrepSent
from libs.common.ids import ContactId, RunId
from libs.common.requests import PrepState, Run
from libs.common.scopes import CALENDAR_READ, FEATURES, GMAIL_SEND, NEEDED_BY_KIND
from services.gateway.domain.accounts import AccountView, MissingPermission
from services.gateway.domain.duplicate_texts import likelihood_text, pairs_text
from services.gateway.domain.exports import BROKE_OFF, Export, notification_of, size_text
from services.gateway.domain.first_run import steps
from services.gateway.domain.import_estimate import ImportEstimate, import_estimate
from services.gateway.domain.meetings import ANSWER_TEXTS, BriefOutlook, brief_text
from services.gateway.domain.moments import UTC_ZONE
from services.gateway.domain.notification_texts import NOTIFIED_EVENTS, NotifiedEvent, new_notification
from services.gateway.domain.notifications import Notification
from services.gateway.domain.permissions import PERMISSIONS
from services.gateway.domain.problems import page_text
from services.gateway.domain.sync_lines import sync_line
from services.gateway.domain.webhook_delivery import notification_message
from services.prep.domain.rules import SKIP_SENTENCES, SkipReason
from services.sync.domain.why import copies, explanation, queued, unreachable
from tests.support.golden import assert_golden
from tests.unit.gateway.test_gateway_notification_texts import (
    ACCOUNT,
    AT,
    MEETING,
    USER,
    completed,
    connected,
    failed,
)


def notified() -> Iterator[NotifiedEvent]:
    """Every event that makes a notification, with each border of its numbers."""
    yield connected(GMAIL_SEND)
    yield connected(GMAIL_SEND, CALENDAR_READ)
    yield connected(*FEATURES)
    reauth: dict[str, Any] = {"user_id": USER, "account_id": ACCOUNT, "address": "a@example.com", "at": AT}
    yield AccountReauthRequired(**reauth, reason="You changed your password ")
    yield AccountReauthRequired(**reauth, reason="Google refuses it.")
    yield completed(new=1)
    yield completed(first=True, new=999, updated=1_000, removed=1_000_000)
    yield completed(kind="contacts", first=True)
    yield completed(kind="calendar", reason="user")
    yield completed(new=1, skipped={"set_aside": 1_000, "unhealed": 1, "spam": 7})
    yield failed(new=1)
    yield failed(kind="calendar", new=1, updated=1)
    yield failed(kind="contacts", error="Why?", updated=999, removed=1)
    yield failed(code="unavailable", new=5)
    yield failed(code="missing_scope", error="Mail may not be read")
    yield BccUnclaimed(user_id=USER, account_id=ACCOUNT, address="me@work.example", contact_id=ContactId(UUID(int=7)))
    brief: dict[str, Any] = {"user_id": USER, "account_id": ACCOUNT, "meeting_id": MEETING, "starts_at": AT}
    yield PrepSent(**brief, title="Lunch <b>", ai=True)
    yield PrepSent(**brief, title="", ai=False)
    yield PrepFailed(**brief, title="Lunch", error="Gmail refused it")
    yield PrepFailed(**brief, title="", error="It is gone!")


def test_every_event_that_is_notified_has_an_example() -> None:
    assert {type(event) for event in notified()} == set(NOTIFIED_EVENTS)


def test_notifications_and_webhook_calls_read_as_their_golden_file() -> None:
    texts = []
    for event in notified():
        new = new_notification(event)
        assert new is not None
        texts.append(
            f"[{new.level}] {new.kind}\n{new.title}\n{new.body}\n→ {new.link}"
            + (f"\noffer: {new.offer}" if new.offer else "")
        )
        stored = Notification(
            id=UUID(int=9), kind=new.kind, level=new.level, title=new.title, body=new.body, link=new.link, account_id=new.account_id,
            created_at=AT, read_at=AT, action=None, revision=1,
        )  # fmt: skip
        texts.append(notification_message(stored, "https://crm.example").body.decode())
    assert_golden("notifications.txt", "\n\n".join(texts) + "\n")


def run(**fields: Any) -> Run:
    base: dict[str, Any] = {
        "id": RunId(UUID(int=5)), "account_id": ACCOUNT, "kind": "mail", "reason": "schedule", "state": "running", "first": False,
        "started_at": AT,
    }  # fmt: skip
    return Run.model_validate({**base, **fields})


RUNS = [
    run(), run(total=1), run(done=1, total=1_000), run(done=999, total=1_234_567, eta_seconds=0), run(total=9, eta_seconds=0.4),
    run(total=9, eta_seconds=1.5), run(total=9, eta_seconds=2.5), run(total=9, eta_seconds=89.4), run(total=9, eta_seconds=90),
    run(total=9, eta_seconds=149), run(total=9, eta_seconds=150), run(total=9, eta_seconds=7_290),
    run(state="waiting"), run(state="waiting", error="Gmail asks to wait."), run(state="failed"), run(state="failed", error="Gone."),
    run(state="completed"), run(state="completed", new=1), run(state="completed", new=1_000, updated=2, removed=3),
    run(state="completed", removed=1),
]  # fmt: skip


EXPORT_SIZES = (0, 999, 1_000, 999_999, 1_000_000, 999_949_999, 999_950_000)
EXPORTS = [
    Export(id=UUID(int=6), state=state, counted=counted, total=total, bytes=2_000_000, problem=problem, created_at=AT, finished_at=ended)
    for state, counted, total, problem, ended in (
        ("making", 0, None, "", None), ("making", 1, 3, "", None), ("making", 4, 3, "", None), ("done", 3, 3, "", AT),
        ("failed", 1, 3, BROKE_OFF, AT),
    )
]  # fmt: skip


def lines() -> Iterator[str]:
    """The sentences of pages and of the API that depend on nothing but their arguments."""
    for state in (*get_args(PrepState), "due", "coming", "not_coming", "none", "unknown"):
        brief = BriefOutlook(state, "Because.", AT - timedelta(minutes=30))
        yield f"brief, {state}: {brief_text(brief, AT, UTC_ZONE)}"
    yield from (f"answer, {answer}: {text}" for answer, text in ANSWER_TEXTS.items())
    yield from (f"skipped, {reason}: {sentence}" for reason, sentence in SKIP_SENTENCES.items())
    yield from (f"permission, {scope.rpartition('/')[2]}: {feature}" for scope, feature in FEATURES.items())
    yield from (f"permission: {' | '.join(permission)}" for permission in PERMISSIONS)
    yield from (f"likely, {sure}: {likelihood_text(sure)}" for sure in (0.0, 0.69, 0.7, 0.79, 0.8, 0.89, 0.9, 1.0))
    yield from (f"pairs, {pairs}: {pairs_text(pairs)}" for pairs in (0, 1, 2, 999, 1_000))
    yield from (f"size, {size}: {size_text(size)}" for size in EXPORT_SIZES)
    for export in EXPORTS:
        yield f"export, {export.state}: {export.percent} % until {export.expires_at}"
    for export in EXPORTS[3:]:
        new = notification_of(USER, export)
        yield f"export, notified: [{new.level}] {new.kind} {new.title}. {new.body} {new.link}"
    yield from (f"first run, {step.state}: {step.text}" for step in steps([], None, "Soon."))
    for status in (400, 401, 403, 404, 413, 429, 500, 502, 503):
        yield f"page of an error, {status}: {' | '.join(map(str, page_text(status)))}"
    for model in (AccountView, MissingPermission, Export, ImportEstimate):
        for name, field in model.model_fields.items():
            yield f"documented, {model.__name__}.{name}: {field.description or ''} {field.examples or ''}".rstrip()
    for units in ((0, 0), (15_000, 0), (15_000, 20), (1, 50)):
        estimate = import_estimate(*units, {"messages.get": 5, "threads.get": 10})
        numbers = (estimate.units_per_message, estimate.messages_per_minute, estimate.minutes_per_10000_messages)
        yield f"import, {units}: {numbers} {estimate.sentence}"
    for shown in RUNS:
        line = sync_line(account(shown), "mail")
        yield f"run, {shown.state} {shown.done}/{shown.total} {shown.eta_seconds}: {line.noun}: {line.text} ({line.tone})"
    yield f"run, none: {sync_line(account(), 'contacts').text}"
    yield f"run, not permitted: {sync_line(account(scopes=[]), 'calendar').text}"
    for state, rule, reason in (
        ("recorded", "", ""), ("pending", "", ""), ("pending", "", "Gmail asks to wait."), ("gone", "", ""), ("gone", "", "trash"),
        ("set_aside", "", "It has no sender."), ("filtered", "lookback", ""), ("filtered", "draft", ""), ("filtered", "chat", ""),
        ("filtered", "spam", ""), ("filtered", "trash", ""), ("filtered", "prep_email", ""), ("filtered", "new_rule", ""), ("?", "", ""),
    ):  # fmt: skip
        yield f"why, {state} {rule}: {explanation(state, rule, reason, 365)}"
    yield from (f"why, {days} days: {explanation('filtered', 'lookback', '', days)}" for days in (0, 1, 2, 1_000))
    yield from (
        f"why, away: {unreachable(away)}"
        for away in ("unreachable", "reauth_required", "missing_scope", "disconnected")
    )
    yield from (f"why, queued {ahead}:{queued(ahead)}" for ahead in (0, 1, 2, 1_000))
    yield from (f"why, copies {number}:{copies(number)}" for number in (1, 2, 1_000))


def account(*runs: Run, scopes: list[str] | None = None) -> AccountView:
    return AccountView(
        id=ACCOUNT, address="a@example.com", name="", status="active", status_reason="", missing=[], reconnect=None,
        scopes=list(NEEDED_BY_KIND.values()) if scopes is None else scopes, connected_at=datetime(2026, 1, 1, tzinfo=UTC),
        syncs={run.kind: run for run in runs},
    )  # fmt: skip


def test_sentences_of_pages_and_of_the_api_read_as_their_golden_file() -> None:
    assert_golden("sentences.txt", "\n".join(lines()) + "\n")


@pytest.mark.parametrize("reason", get_args(SkipReason))
def test_every_reason_not_to_brief_has_a_sentence(reason: SkipReason) -> None:
    assert SKIP_SENTENCES[reason].endswith(".")
