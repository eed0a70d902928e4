"""Why a meeting gets no brief, in words; what of others' text is shown, and whose history is read, at their borders."""

from datetime import timedelta
from typing import Any, get_args

import pytest

from libs.common.events import Guest
from libs.common.preferences import GmailPreferences
from libs.common.requests import Attendee, DryRunLine
from services.prep.domain.clean import MAX_URL, for_model, has_link, line, safe_url
from services.prep.domain.dossier import pair
from services.prep.domain.dry_run import dry_run_line
from services.prep.domain.rules import (
    SKIP_SENTENCES,
    SkipReason,
    Terms,
    guests_of,
    is_known,
    is_useful,
    minutes_until,
    sending_obstacle,
)
from tests.support.meetings import NOW, account, guest, invited, known, meeting, unknown

SENTENCES = {
    "disabled": "Meeting prep emails are turned off in your settings.",
    "disconnected": "This Google account is no longer connected.",
    "reauth_required": "Google no longer accepts this account's permission. Sign in with it again in the settings.",
    "missing_scope": "PingCRM may not send email from this account. Grant that permission in the settings.",
    "all_day": "All-day events get no brief.",
    "cancelled": "The meeting was cancelled.",
    "moved": "The meeting was moved; it is briefed for its new time.",
    "declined": "You declined this meeting.",
    "too_late": "The meeting was less than 5 minutes away.",
    "private": "The event is marked private, and your settings leave those out.",
    "no_guests": "Nobody else is invited.",
    "guests_hidden": "Google does not show who else is invited.",
    "too_many_guests": "More than 20 people are invited.",
    "nobody_known": "You have no history with any of the guests: no mail, no earlier meeting, no card, no note.",
}


def test_each_reason_has_its_sentence() -> None:
    assert SKIP_SENTENCES == SENTENCES
    assert set(get_args(SkipReason)) == set(SENTENCES)


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(-60, 0), (0, 0), (29, 0), (30, 1), (89, 1), (90, 2), (2_100, 35), (-31, 0), (-30, 0)]
)
def test_minutes_are_rounded_half_up(seconds: int, minutes: int) -> None:
    assert minutes_until(NOW + timedelta(seconds=seconds), NOW) == minutes


def test_a_brief_is_of_use_until_five_minutes_before() -> None:
    assert is_useful(NOW + timedelta(minutes=5), NOW)
    assert not is_useful(NOW + timedelta(minutes=5) - timedelta(microseconds=1), NOW)


@pytest.mark.parametrize(
    ("attendee", "is_somebody"),
    [
        (known(), True), (unknown(), False), (invited(), False), (invited(on_file=True), True), (known(me=True), False),
        (invited(first_contact_at=NOW), True), (invited(first_contact_at=NOW + timedelta(microseconds=1)), False),
        (unknown().model_copy(update={"on_file": True}), False),
    ],
)  # fmt: skip
def test_who_is_known(attendee: Attendee, is_somebody: bool) -> None:
    assert is_known(attendee, NOW) is is_somebody


def test_my_own_addresses_are_no_guests() -> None:
    found = guests_of(meeting(guests=(Guest(address="A+x@x.example"), Guest(address="b@x.example"))), {"a@x.example"})
    assert "b@x.example" in {guest.address for guest in found}
    assert "A+x@x.example" not in {guest.address for guest in found}
    assert sending_obstacle(account()) is None


def test_of_several_guests_that_are_one_contact_the_first_is_shown() -> None:
    first, second, third = guest("a@x.example"), guest("b@x.example"), guest("c@x.example")
    who, stranger = known(), unknown()
    assert pair([first, second, third], [who, who, stranger]) == ((first, who), (third, stranger))
    assert pair([first, second], [known(me=True), stranger]) == ((second, stranger),)
    with pytest.raises(ValueError, match="shorter"):
        pair([first, second], [who])


@pytest.mark.parametrize(
    ("changes", "reason"), [({}, None), ({"all_day": True}, "all_day"), ({"my_answer": "declined"}, "declined")]
)
def test_a_dry_run_is_as_of_when_the_brief_was_due(changes: dict[str, Any], reason: str | None) -> None:
    event = meeting(**changes)
    who = guest("a@x.example")
    terms = Terms(GmailPreferences(), timedelta(minutes=50))
    found = dry_run_line(event, account(), terms, [who], {who.address: known()})
    assert found == DryRunLine(
        meeting_id=event.meeting_id,
        title=event.title,
        starts_at=event.starts_at,
        would_send=reason is None,
        reason=reason or "",
    )
    late = invited(first_contact_at=event.starts_at - timedelta(minutes=50) + timedelta(seconds=1))
    assert dry_run_line(meeting(), account(), terms, [who], {who.address: late}).reason == "nobody_known"


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("a" * 5, 5, "aaaaa"), ("a" * 6, 5, "aaaa…"), ("aaa bcd", 5, "aaa…"), ("a\x00b\u2028c\td", 20, "a b c d"),
        ("a\u202eb\u200bc", 20, "abc"), ("می\u200cخواهم", 20, "می\u200cخواهم"), (" " * 60 + "a", 3, ""), (" " * 59 + "a", 3, "a"),
        ("", 3, ""),
    ],
)  # fmt: skip
def test_a_line_is_one_and_short(text: str, limit: int, shown: str) -> None:
    assert line(text, limit) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://x.example/a?b=c now", "see [link] now"), ("WWW.x.example", "[link]"), ("mailto:a@b", "[link]"),
        ("tel:123", "[link]"), ("javascript:alert(1)", "[link]"), ("x.example/path", "[link]"), ("10.0.0.1:80", "[link]"),
        ("PIN: 1234", "[code]"), ("Passwort lautet a1", "[code]"), ("code is tomorrow", "code is tomorrow"),
        ("+49 30 1234567", "[number]"), ("123456", "123456"), ("<b>", "‹b›"), ("notes.pdf", "notes.pdf"),
    ],
)  # fmt: skip
def test_the_model_reads_no_links_numbers_or_codes(text: str, shown: str) -> None:
    assert for_model(text, 100) == shown
    assert len(for_model("word " * 100, 50)) <= 50


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("x.example", True),
        ("notes.pdf", False),
        ("ｗｗｗ.x", True),
        ("x\u200c.example", True),
        ("no link. Here", False),
        ("https://x", True),
    ],
)
def test_a_link_is_found_in_whatever_letters(text: str, linked: bool) -> None:
    assert has_link(text) is linked


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        (" https://x.example/a ", "https://x.example/a"), ("http://x", "http://x"), ("ftp://x", ""), ("https://", ""), ("", ""),
        ("https://a@x", ""), ("https://x/a b", ""), ("https://x/\x00", ""), ("https://[x", ""), ("javascript:alert(1)", ""),
        ("https://x/" + "a" * (MAX_URL - 10), "https://x/" + "a" * (MAX_URL - 10)), ("https://x/" + "a" * (MAX_URL - 9), ""),
    ],
)  # fmt: skip
def test_only_plain_urls_are_links(url: str, safe: str) -> None:
    assert safe_url(url) == safe
