"""A Gmail message as it is recorded, whole, and each of its rules at its border."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.events import MessageIngested, Person
from libs.common.ids import AccountId, UserId
from libs.common.resources.gmail import GmailMessage
from services.sync.domain.mail import (
    MAX_PEOPLE_LENGTH,
    Filtered,
    Me,
    Recorded,
    SetAside,
    _dated,
    brief_token,
    label_rule,
    read,
    since,
)

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SENT_MS = int(NOW.timestamp() * 1000)
USER, ACCOUNT = UserId(UUID(int=1)), AccountId(UUID(int=2))
ME = Me(USER, ACCOUNT, frozenset({"me@x.example"}))
TOKEN = "pcrm" + "a2" * 10
HEADERS: dict[str, tuple[str, ...]] = {
    "from": ("Ann <Ann@x.example>, me@x.example",),
    "to": ("Bob <b@x.example>, b@x.example", "Me+Tag@x.example"),
    "cc": ("c@x.example",),
    "bcc": ("d@x.example",),
    "message-id": (" <Id@X> ", "<other>"),
    "date": ("Wed, 4 Mar 2026 13:00:00 +0100",),
    "subject": ("=?utf-8?q?Caf=C3=A9?=",),
    "authentication-results": ("mx.google.com; dmarc=pass",),
    "list-id": ("list",),
    "x-original-from": ("x",),
    "delivered-to": ("me+First@x.example", "nobody+x@x.example"),
}


def message(headers: dict[str, tuple[str, ...]] | None = None, **changes: Any) -> GmailMessage:
    fields: dict[str, Any] = {
        "gmail_id": "m1", "thread_id": "t1", "history_id": 5, "labels": frozenset({"INBOX"}), "sent_ms": SENT_MS,
        "mime_type": "text/plain", "headers": HEADERS if headers is None else headers, "snippet": "Hi &amp; bye",
    }  # fmt: skip
    return GmailMessage(**{**fields, **changes})


def event(headers: dict[str, tuple[str, ...]] | None = None, **changes: Any) -> MessageIngested:
    found = read(message(headers, **changes), ME, None, 9)
    assert isinstance(found, Recorded)
    return found.event


def test_a_message_is_recorded_whole() -> None:
    assert event() == MessageIngested(
        user_id=USER, account_id=ACCOUNT, gmail_id="m1", thread_id="t1", revision=9, rfc_message_id="Id@X",
        dated="2026-03-04T12:00:00+00:00", occurred_at=NOW,
        people=(
            Person(role="from", address="me@x.example"), Person(role="to", address="b@x.example", name="Bob"),
            Person(role="to", address="Me+Tag@x.example"), Person(role="cc", address="c@x.example"),
            Person(role="bcc", address="d@x.example"),
        ),
        title="Café", snippet="Hi & bye", automated="list", via=True, bcc_tags=("first", "tag"), dmarc="pass", sent=False,
    )  # fmt: skip
    assert event(labels=frozenset({"SENT"})).sent
    bare = event({})
    assert (bare.rfc_message_id, bare.dated, bare.people, bare.title, bare.automated) == (None, "none", (), "", "")
    assert (bare.via, bare.bcc_tags, bare.dmarc) == (False, (), "unknown")


@pytest.mark.parametrize("label", ["DRAFT", "CHAT", "SPAM", "TRASH"])
def test_a_label_keeps_a_message_out_whatever_else_it_has(label: str) -> None:
    rule = label.lower()
    assert read(message(labels=frozenset({label, "INBOX"})), ME, None, 1) == Filtered(rule, "Id@X", NOW)
    odd = GmailMessage(None, "", None, frozenset({label}), None, "", None, "")
    assert read(odd, ME, None, 1) == Filtered(rule, None, None)
    assert label_rule({label}) == rule
    assert label_rule({"INBOX"}) == ""


def test_what_can_not_be_read_has_its_sentence() -> None:
    assert read(message(gmail_id=None), ME, None, 1) == SetAside("Gmail's answer has no id.")
    assert read(message(sent_ms=None), ME, None, 1) == SetAside("Gmail's answer has no internalDate that is a number.")
    no_headers = GmailMessage("m1", "t1", 5, frozenset(), SENT_MS, "", None, "")
    assert read(no_headers, ME, None, 1) == SetAside("Gmail's answer has no payload with headers.")


def test_the_lookback_ends_with_its_first_moment() -> None:
    assert isinstance(read(message(), ME, NOW, 1), Recorded)
    assert read(message(), ME, NOW + timedelta(milliseconds=1), 1) == Filtered("lookback", "Id@X", NOW)
    assert since(NOW, 0) is None
    assert since(NOW, 1) == NOW - timedelta(days=1)
    whole_past = (NOW - datetime(1, 1, 1, 12, tzinfo=UTC)).days
    assert since(NOW, whole_past) == datetime(1, 1, 2, tzinfo=UTC)
    assert event(sent_ms=10**15).occurred_at == event(sent_ms=10**30).occurred_at == datetime(9999, 12, 30, tzinfo=UTC)
    assert event(sent_ms=-(10**15)).occurred_at == event(sent_ms=-(10**30)).occurred_at == datetime(1, 1, 2, tzinfo=UTC)
    assert event(sent_ms=0).occurred_at == datetime.fromtimestamp(0, UTC)


def test_a_brief_is_known_by_its_token_from_me_in_sent() -> None:
    mine = {**HEADERS, "x-pingcrm-prep": ("odd", f" {TOKEN} ")}
    brief = message(mine, labels=frozenset({"SENT"}))
    assert brief_token(brief, ME) == TOKEN
    assert read(brief, ME, None, 1, {TOKEN}) == Filtered("prep_email", "Id@X", NOW)
    assert isinstance(read(brief, ME, None, 1, {"other"}), Recorded)
    assert isinstance(read(brief, ME, None, 1), Recorded)
    assert isinstance(read(message(), ME, None, 1, {TOKEN}), Recorded)
    assert brief_token(message(mine), ME) is None
    theirs = {**mine, "from": ("ann@x.example",)}
    assert brief_token(message(theirs, labels=frozenset({"SENT"})), ME) is None
    assert brief_token(message({"x-pingcrm-prep": (TOKEN,)}, labels=frozenset({"SENT"})), ME) is None
    assert brief_token(message({**mine, "x-pingcrm-prep": ("odd",)}, labels=frozenset({"SENT"})), ME) is None
    assert brief_token(GmailMessage("m", "t", 1, frozenset({"SENT"}), 1, "", None, ""), ME) is None


@pytest.mark.parametrize(
    ("headers", "author"),
    [
        ({"from": ("a@x.example, b@x.example",)}, "a@x.example"),
        ({"from": ("nobody",), "sender": ("s@x.example",)}, "s@x.example"),
        ({"from": ("a@x.example",), "sender": ("me@x.example",)}, "a@x.example"),
        ({"from": ("a@x.example", "Me <me+tag@x.example>")}, "me+tag@x.example"),
        ({"from": ("a@x.example" + "x" * 400,)}, None),
        ({"from": (f"{' ' * 330}a{' ' * 20}@x.example",)}, "a@x.example"),
    ],
)
def test_the_author_is_me_then_the_first_from_then_the_sender(
    headers: dict[str, tuple[str, ...]], author: str | None
) -> None:
    people = event(headers).people
    assert [(person.role, person.address) for person in people] == ([("from", author)] if author else [])


def test_people_are_cut_where_an_event_would_not_hold_them() -> None:
    each = len("p00000@x.example") + 40
    fitting = MAX_PEOPLE_LENGTH // each
    many = tuple(f"p{number:05}@x.example" for number in range(fitting + 5))
    assert len(event({"to": many}).people) == fitting
    assert MAX_PEOPLE_LENGTH == 150_000


@pytest.mark.parametrize(
    ("headers", "mime_type", "rule"),
    [
        ({"return-path": ("",)}, "", "bounce"), ({"return-path": (" <> ",)}, "", "bounce"), ({"return-path": ("<a@x>",)}, "", ""),
        ({"from": ("mailer-daemon@x.example",)}, "", "bounce"), ({}, "multipart/report", "bounce"), ({}, "text/calendar", "calendar"),
        ({"sender": ("calendar-notification@google.com",)}, "", "calendar"), ({"sender": ("other@google.com",)}, "", ""),
        ({"auto-submitted": ("auto-replied; x",)}, "", "auto_submitted"), ({"auto-submitted": ("No",)}, "", ""),
        ({"auto-submitted": ("no; x",)}, "", ""), ({"auto-submitted": ("no;x",)}, "", ""),
        ({"auto-submitted": ("",)}, "", "auto_submitted"),
        ({"x-autoreply": ("yes",)}, "", "auto_submitted"), ({"x-autorespond": ("",)}, "", "auto_submitted"),
        ({"x-autoresponder": (" NO ",)}, "", ""), ({"x-autoresponder": ("x",)}, "", "auto_submitted"),
        ({"x-autogenerated": ("x",)}, "", "auto_submitted"), ({"precedence": (" Auto_Reply ",)}, "", "auto_submitted"),
        ({"precedence": ("auto-reply",)}, "", "auto_submitted"), ({"from": ("noreply@x.example",)}, "", "noreply"),
        ({"precedence": ("BULK",)}, "", "bulk"), ({"precedence": ("list",)}, "", "bulk"), ({"precedence": ("junk",)}, "", "bulk"),
        ({"precedence": ("normal",)}, "", ""), ({"list-id": ("",)}, "", "list"), ({"list-unsubscribe": ("x",)}, "", "list"),
        ({"from": ("noreply@x.example",), "precedence": ("bulk",), "list-id": ("x",)}, "", "noreply"),
        ({"precedence": ("bulk",), "list-id": ("x",)}, "", "bulk"),
    ],
)  # fmt: skip
def test_each_sign_of_a_program_has_its_rule(headers: dict[str, tuple[str, ...]], mime_type: str, rule: str) -> None:
    assert event(headers, mime_type=mime_type).automated == rule


@pytest.mark.parametrize(
    ("headers", "via"),
    [
        ({"from": ("'Ann' via List <l@x.example>",)}, True), ({"from": ("Via Ann <l@x.example>",)}, False),
        ({"x-original-from": ("",)}, True), ({"x-original-sender": ("",)}, True), ({}, False),
    ],
)  # fmt: skip
def test_mail_through_a_list_is_known(headers: dict[str, tuple[str, ...]], via: bool) -> None:
    assert event(headers).via is via


def test_tags_of_my_addresses_come_once_in_the_order_of_their_headers() -> None:
    headers = {
        "cc": ("me+c@x.example",), "to": ("me+b@x.example, me+a@x.example",), "bcc": ("me+d@x.example",),
        "x-gm-original-to": ("me+E@x.example",), "delivered-to": ("me+a@x.example", "me+@x.example", f"me+{'x' * 65}@x.example"),
        "reply-to": ("me+no@x.example",),
    }  # fmt: skip
    assert event(headers).bcc_tags == ("a", "e", "d", "b", "c")
    assert event({"to": (f"me+{'x' * 64}@x.example",)}).bcc_tags == ("x" * 64,)
    many = tuple(f"me+t{number}@x.example" for number in range(51))
    assert event({"to": many}).bcc_tags == tuple(f"t{number}" for number in range(50))


@pytest.mark.parametrize(
    ("written", "read_as"),
    [("<>", None), (" < a@B > ", "a@B"), ("a" * 999, "a" * 998), ("", None)],
)
def test_a_message_id_is_bare_and_bounded(written: str, read_as: str | None) -> None:
    assert event({"message-id": (written,)}).rfc_message_id == read_as


def test_a_date_without_a_zone_is_one_of_utc_wherever_the_server_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        found = _dated({"date": ("Wed, 04 Mar 2026 12:00:00 -0000",)})
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found == "2026-03-04T12:00:00+00:00"
