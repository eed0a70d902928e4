"""Which mail waits on the user, as a table: docs/rules.md, "Waiting on you"."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.ids import ContactId, InteractionId
from services.contacts.domain.waiting import UnansweredMail, asks, has_question, topic, waiting_mail, waits

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def mail(number: int = 1, days_ago: float = 6, **changes: Any) -> UnansweredMail:
    fields: dict[str, Any] = {
        "interaction_id": InteractionId(UUID(int=number)), "contact_id": ContactId(UUID(int=1)), "name": "Lukas Vogel", "score": 4,
        "title": "Re: The contract", "text": "Could you sign it?", "occurred_at": NOW - timedelta(days=days_ago), "to_me": True,
        "in_my_thread": False, "written_to": False,
    }  # fmt: skip
    return UnansweredMail(**fields | changes)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("", False), ("Thank you.", False), ("Could you?", True), ("?", True), ("明日は空いていますか？", True), ("هل يناسبك الغد؟", True),
        ("Կգա՞ք", True), ("ይመጣሉ፧", True), ("Really‽", True), ("Τι ώρα;", True), ("Τι ώρα\u037e", True), ("Yes; of course.", False),
        ("Καλημέρα. Notes; more.", False), ("See https://x.example/?a=b", False), ("See www.x.example?a=b now", False),
        ("See https://x.example/?a=b or not?", True), (";", False), ("Здесь; там", False),
    ],
)  # fmt: skip
def test_a_question_has_a_mark_of_any_script_outside_of_links(text: str, question: bool) -> None:
    assert has_question(text) is question


@pytest.mark.parametrize(
    ("title", "text", "asked"),
    [
        ("Lunch on Friday?", "Let me know.", True), ("Re: Lunch on Friday?", "Fine.", False), ("AW: WG: Mittag?", "Gut.", False),
        ("回复：明天？", "好。", False), ("Re[2]: Lunch?", "Fine.", False), ("Lunch: Friday?", "Let me know.", True),
        ("Re: Lunch", "Is noon fine?", True), ("", "", False), ("[team] Re: Lunch on Friday?", "Fine.", False),
        ("[team] Lunch on Friday?", "Let me know.", True),
    ],
)  # fmt: skip
def test_a_question_in_the_subject_counts_in_the_first_mail_of_a_thread(title: str, text: str, asked: bool) -> None:
    assert asks(mail(title=title, text=text)) is asked


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("The contract", "The contract"), ("Re: The contract", "The contract"), ("RE: Fwd: AW: The contract", "The contract"),
        ("回复：合同", "合同"), ("Re:", ""), ("", ""), ("Reminder: the contract", "Reminder: the contract"), ("12:30 lunch", "12:30 lunch"),
        ("[team] Re: The contract", "The contract"), ("[team] The contract", "[team] The contract"), ("File::Spec", "File::Spec"),
        ("Dinner on Tuesday?", "Dinner on Tuesday"), ("AW: Mittag?! ", "Mittag"), ("明天？", "明天"), ("???", ""),
        ("Acme Inc.", "Acme Inc."),
    ],
)  # fmt: skip
def test_a_topic_is_the_subject_without_what_programs_put_before_it_and_the_signs_at_its_end(
    title: str, shown: str
) -> None:
    assert topic(title) == shown


ALMOST_TWO_DAYS, ALMOST_SIXTY = 2 + 1e-6, 60 - 1e-6


@pytest.mark.parametrize(
    ("changes", "waiting"),
    [
        ({}, True), ({"days_ago": 2}, False), ({"days_ago": ALMOST_TWO_DAYS}, True), ({"days_ago": 60}, False),
        ({"days_ago": ALMOST_SIXTY}, True), ({"days_ago": -1}, False), ({"score": 3}, False), ({"score": 3, "written_to": True}, True),
        ({"score": 7}, True), ({"to_me": False}, False), ({"text": "Signed."}, False), ({"text": "Signed.", "in_my_thread": True}, True),
        ({"to_me": False, "in_my_thread": True}, True), ({"score": 0, "in_my_thread": True}, False),
    ],
)  # fmt: skip
def test_mail_waits_by_its_age_by_who_wrote_it_and_by_what_it_asks(changes: dict[str, Any], waiting: bool) -> None:
    assert waits(mail(**changes), NOW) is waiting


def test_of_each_contact_the_newest_waits_at_most_five_the_newest_first() -> None:
    mails = [mail(number, days_ago=number + 2, contact_id=ContactId(UUID(int=number % 8))) for number in range(1, 17)]
    found = waiting_mail(reversed(mails), NOW)
    assert [found_mail.interaction_id.int for found_mail in found] == [1, 2, 3, 4, 5]
    assert waiting_mail([mail(1, text="No."), mail(2, days_ago=9)], NOW) == [mail(2, days_ago=9)], (
        "one that asks nothing hides none"
    )
    assert waiting_mail([], NOW) == []
