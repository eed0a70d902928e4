"""What becomes of a Gmail message, rule by rule."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.events import MessageIngested
from libs.common.ids import AccountId, UserId
from libs.common.resources.gmail import read_message
from libs.google_sim.oracle.dates import dated as oracle_dated
from services.sync.domain.mail import (
    MAX_PEOPLE_LENGTH,
    Filtered,
    Me,
    Outcome,
    Recorded,
    SetAside,
    read,
    since,
)
from tests.support.strategies import hostile_forms

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
ME = Me(UserId(uuid4()), AccountId(uuid4()), frozenset({"maya@example.com", "mayalind@gmail.com"}))


def resource(*headers: tuple[str, str], **changes: Any) -> dict[str, Any]:
    return {
        "id": "a1", "threadId": "t1", "labelIds": ["INBOX"], "internalDate": str(int(NOW.timestamp() * 1000)),
        "historyId": "7", "snippet": "Hello",
        "payload": {"mimeType": "text/plain", "headers": [{"name": n, "value": v} for n, v in headers]},
        **changes,
    }  # fmt: skip


def outcome(*headers: tuple[str, str], **changes: Any) -> Outcome:
    return read(read_message(resource(*headers, **changes)), ME, since(NOW, 365), 1)


def event(*headers: tuple[str, str], **changes: Any) -> MessageIngested:
    read_as = outcome(*headers, **changes)
    assert isinstance(read_as, Recorded)
    return read_as.event


DATES = [
    ("Mon, 1 Jan 2024 10:00:00 +0100", "2024-01-01T09:00:00+00:00"),
    ("1 Jan 2024 09:00:00 GMT (as the clock in the hall has it)", "2024-01-01T09:00:00+00:00"),
    ("Mon,  1 Jan 24  04:00 EST", "2024-01-01T09:00:00+00:00"),
    ("Mon, 1 Jan 2024 09:00:00 -0000", "2024-01-01T09:00:00+00:00"),
    ("Mon, 1 Jan 2024 09:00:00 MEZ", "2024-01-01T09:00:00+00:00"),
    ("Mon, 31 Feb 2024 10:00:00 +0000", "Mon, 31 Feb 2024 10:00:00 +0000"),
    (" soon,\tperhaps ", "soon, perhaps"),
    ("", "none"),
    ("x" * 5_000, "x" * 100),
]


@pytest.mark.parametrize(("written", "dated"), DATES)
def test_a_date_header_is_the_moment_that_it_names_to_the_product_and_to_the_oracle(written: str, dated: str) -> None:
    assert event(("Date", written)).dated == dated
    assert oracle_dated(written) == dated


def test_mail_without_a_date_header_is_dated_none() -> None:
    assert event(("Subject", "Hello")).dated == "none"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"labelIds": ["DRAFT"]}, "draft"),
        ({"labelIds": ["CHAT"]}, "chat"),
        ({"labelIds": ["SPAM", "UNREAD"]}, "spam"),
        ({"labelIds": ["TRASH"]}, "trash"),
        ({"internalDate": str(int((NOW - timedelta(days=366)).timestamp() * 1000))}, "lookback"),
    ],
)
def test_what_is_not_eligible_is_filtered_by_name(changes: dict[str, Any], rule: str) -> None:
    filtered = outcome(**changes)
    assert isinstance(filtered, Filtered)
    assert filtered.rule == rule


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None}, {"id": 7}, {"internalDate": None}, {"internalDate": "soon"}, {"internalDate": 1.5},
        {"internalDate": True}, {"internalDate": "9" * 5000}, {"payload": None}, {"payload": "text"}, {"payload": []},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_set_aside_with_a_sentence(changes: dict[str, Any]) -> None:
    aside = outcome(**changes)
    assert isinstance(aside, SetAside)
    assert aside.reason.endswith(".")


def test_a_date_beyond_the_calendar_is_recorded_at_its_end() -> None:
    assert event(internalDate=str(10**18)).occurred_at.year == 9999


def test_the_author_is_me_before_the_first_from_and_a_sender_at_last() -> None:
    assert event(("From", "A <a@x.org>, Maya <MAYA@example.com>")).people[0].address == "MAYA@example.com"
    assert event(("From", "nobody at all, A <a@x.org>"), ("Sender", "s@x.org")).people[0].address == "a@x.org"
    assert event(("From", "undisclosed"), ("Sender", "s@x.org")).people[0].address == "s@x.org"
    assert event(("Subject", "no people")).people == ()


def test_everybody_is_named_once_per_role_in_order() -> None:
    published = event(
        ("From", "A <a@x.org>"),
        ("To", "B <b@x.org>, c@x.org, B2 <B@X.ORG>, broken"),
        ("Cc", "b@x.org"),
        ("Bcc", "d@x.org"),
    )
    assert [(person.role, person.address) for person in published.people] == [
        ("from", "a@x.org"), ("to", "b@x.org"), ("to", "c@x.org"), ("cc", "b@x.org"), ("bcc", "d@x.org"),
    ]  # fmt: skip


def test_many_people_are_cut_where_they_would_not_fit_into_an_event() -> None:
    many = ", ".join(f"{'n' * 200} <{number}@example.org>" for number in range(900))
    people = event(("From", "a@x.org"), ("To", many)).people
    assert 100 < len(people) < 900
    assert sum(len(person.address) + len(person.name) for person in people) <= MAX_PEOPLE_LENGTH


@pytest.mark.parametrize(
    ("headers", "mime_type", "automated"),
    [
        ([], "text/plain", ""),
        ([("Return-Path", "<>")], "text/plain", "bounce"),
        ([("Return-Path", "<a@x.org>")], "text/plain", ""),
        ([("From", "Mailer-Daemon@x.org")], "text/plain", "bounce"),
        ([], "multipart/report", "bounce"),
        ([("Sender", "Google <calendar-notification@google.com>")], "text/plain", "calendar"),
        ([], "text/calendar", "calendar"),
        ([("Auto-Submitted", "auto-replied; owner=x")], "text/plain", "auto_submitted"),
        ([("Auto-Submitted", "No")], "text/plain", ""),
        ([("X-Autoreply", "yes")], "text/plain", "auto_submitted"),
        ([("X-Autoreply", "No")], "text/plain", ""),
        ([("X-Autorespond", "No answer until Monday")], "text/plain", "auto_submitted"),
        ([("X-AutoResponder", "")], "text/plain", "auto_submitted"),
        ([("X-Autogenerated", "Reply")], "text/plain", "auto_submitted"),
        ([("Auto-Submitted", "no"), ("X-Autoreply", "yes")], "text/plain", "auto_submitted"),
        ([("Precedence", " Auto_Reply ")], "text/plain", "auto_submitted"),
        ([("Precedence", "auto-reply"), ("List-Id", "<l.x.org>")], "text/plain", "auto_submitted"),
        ([("From", "Banco <nao-responda@x.org>")], "text/plain", "noreply"),
        ([("From", "no-reply@x.org")], "text/plain", "noreply"),
        ([("From", "shop_noreply@x.org")], "text/plain", "noreply"),
        ([("Precedence", "Bulk")], "text/plain", "bulk"),
        ([("Precedence", "normal")], "text/plain", ""),
        ([("List-Id", "<l.x.org>")], "text/plain", "list"),
        ([("List-Unsubscribe", "<mailto:u@x.org>"), ("Precedence", "list")], "text/plain", "bulk"),
        ([("Return-Path", ""), ("List-Id", "<l>")], "text/plain", "bounce"),
    ],
)
def test_automated_mail_is_named_by_the_first_rule_that_fits(
    headers: list[tuple[str, str]], mime_type: str, automated: str
) -> None:
    if not any(name == "From" for name, _ in headers):
        headers = [("From", "a@x.org"), *headers]
    listed = [{"name": n, "value": v} for n, v in headers]
    assert event(payload={"mimeType": mime_type, "headers": listed}).automated == automated


@pytest.mark.parametrize(
    ("headers", "via"),
    [
        ([("From", "'Jane' via Sales <sales@x.org>")], True),
        ([("From", "Jane <jane@x.org>")], False),
        ([("From", "Olivia Stone <o@x.org>")], False),
        ([("From", "l@x.org"), ("X-Original-Sender", "j@x.org")], True),
        ([("From", "l@x.org"), ("X-Original-From", "Jane <j@x.org>")], True),
    ],
)
def test_mail_via_a_list_is_marked(headers: list[tuple[str, str]], via: bool) -> None:
    assert event(*headers).via is via


@pytest.mark.parametrize(
    ("headers", "tags"),
    [
        ([("Bcc", "maya+abcdefghij@example.com")], ("abcdefghij",)),
        ([("Delivered-To", "x@y.org"), ("Delivered-To", "<Maya.Lind+HASH234567@googlemail.com>")], ("hash234567",)),
        ([("X-Gm-Original-To", "maya+a2@example.com"), ("To", "maya+a2@example.com")], ("a2",)),
        ([("To", "other+tag@example.com")], ()),
        ([("Cc", "maya+@example.com")], ()),
        ([("To", "maya+" + "x" * 200 + "@example.com")], ()),
    ],
)
def test_tags_of_my_own_addresses_are_found_wherever_a_mail_carries_them(
    headers: list[tuple[str, str]], tags: tuple[str, ...]
) -> None:
    assert event(("From", "a@x.org"), *headers).bcc_tags == tags


@pytest.mark.parametrize(
    ("values", "result"),
    [
        ([], "unknown"),
        (["mx.google.com; dkim=pass; dmarc=pass (p=NONE) header.from=x.org"], "pass"),
        (["mx.google.com; DMARC = Fail"], "fail"),
        (["mx.google.com; dmarc=none"], "unknown"),
        (["evil.example; dmarc=pass", "mx.google.com; dmarc=fail"], "fail"),
        (["mx.google.com; spf=pass", "mx.google.com; dmarc=pass"], "unknown"),
    ],
)
def test_only_googles_topmost_result_of_dmarc_counts(values: list[str], result: str) -> None:
    assert event(*(("Authentication-Results", value) for value in values)).dmarc == result


@pytest.mark.parametrize(
    ("labels", "sent"), [(["SENT"], True), (["SENT", "INBOX"], True), (["INBOX"], False), ([], False), (None, False)]
)
def test_what_the_account_sent_is_known_by_its_label(labels: list[str] | None, sent: bool) -> None:
    assert event(("From", "maya@example.com"), labelIds=labels).sent is sent


@pytest.mark.parametrize(
    ("written", "read_as"),
    [(" <A.b@X> ", "A.b@X"), ("", None), ("<>", None), ("no brackets", "no brackets"), ("<a\x00b>", "ab")],
)
def test_message_ids_are_trimmed_and_keep_their_case(written: str, read_as: str | None) -> None:
    assert event(("Message-ID", written)).rfc_message_id == read_as


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=10,
)
_header = st.fixed_dictionaries(
    {
        "name": st.sampled_from(
            ["From", "To", "Bcc", "Subject", "Sender", "Message-ID", "Return-Path", "Delivered-To"]
        ),
        "value": st.text(max_size=200)
        | hostile_forms()
        | st.from_regex(r"=\?[a-z0-9-]{0,12}\?[BQbq]\?.{0,40}\?= ?<?[a-z+.]{0,9}@?[a-z.]{0,9}>?"),
    }
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "id": _json, "threadId": _json, "labelIds": _json, "internalDate": _json | st.integers().map(str),
            "historyId": _json, "snippet": _json, "payload": _json | st.fixed_dictionaries({"headers": st.lists(_header)}),
        },
    )
)  # fmt: skip
def test_no_resource_makes_reading_raise(hostile: dict[str, Any]) -> None:
    read_as = read(read_message(hostile), ME, None, 1)
    if isinstance(read_as, Recorded):
        body = read_as.event.model_dump_json()
        assert "\\u0000" not in body
        assert MessageIngested.model_validate_json(body) == read_as.event
