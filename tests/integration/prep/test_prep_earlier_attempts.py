"""An earlier attempt at a brief got no answer from Gmail: whether the brief is in Sent decides what follows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.errors import Outage, Throttled
from libs.common.events import Meeting, PrepFailed, PrepSent, PrepSkipped
from libs.common.google.errors import (
    Forbidden,
    MissingScope,
    Rejected,
)
from libs.common.resources.gmail import GmailMessage
from libs.common.scopes import ALL, GMAIL_SEND
from services.prep.outcomes import UNCONFIRMED
from services.prep.store import preps
from services.prep.store.preps import StoredPrep
from tests.support.meetings import account
from tests.support.prep_alone import SENT_ID, PrepAlone
from tests.support.prep_attempts import brief, cache, in_sent, prep, raising
from tests.support.prep_stage import upcoming

__all__ = ["cache", "prep"]  # fixtures


async def handed_over_before(prep: PrepAlone, about: Meeting) -> StoredPrep:
    """As an attempt leaves it that got no answer; its token."""
    prep.mailbox.send_once = raising(Outage("reset"))
    with pytest.raises(Throttled):
        await brief(prep, about)
    prep.mailbox.send_once = raising(AssertionError("sent again"))
    async with prep.db.acquire() as connection:
        stored = await preps.get_automatic(connection, about)
    assert stored is not None
    assert stored.handed_over
    return stored


async def test_a_brief_whose_answer_was_lost_is_found_in_sent_and_not_sent_again(prep: PrepAlone) -> None:
    about = upcoming()
    before = await handed_over_before(prep, about)
    in_sent(prep, before.token)
    await brief(prep, about)
    (row,) = await prep.rows()
    assert (row["state"], row["gmail_id"], row["token"]) == ("sent", "found1", before.token)
    assert prep.mailbox.looks == ["Sent", "found1"]
    assert len(prep.mailbox.raw) == 1
    assert len(prep.received(PrepSent)) == 1


@pytest.mark.parametrize("headers", [None, {}, {"x-pingcrm-prep": ("another's",)}, {"subject": ("the token",)}])
async def test_a_brief_that_is_not_in_sent_is_sent_under_the_same_token(prep: PrepAlone, headers: Any) -> None:
    about = upcoming()
    before = await handed_over_before(prep, about)
    prep.mailbox.sent = [GmailMessage("found1", "t", None, frozenset(), None, "", headers, before.token)]
    prep.mailbox.send_once = type(prep.mailbox).send_once
    await brief(prep, about)
    (row,) = await prep.rows()
    assert (row["state"], row["gmail_id"], row["attempts"]) == ("sent", SENT_ID, 2)
    assert [before.token.encode() in raw for raw in prep.mailbox.raw] == [True, True]


SENT_BEFORE = timedelta(hours=2)


@pytest.mark.parametrize(
    ("newer", "older", "looked_at"),
    [
        (0, 30, 10),  # the first group is older than the brief: it is not there
        (1, 30, 20),
        (30, 10, 40),
        (0, 0, 0),
    ],
)
async def test_sent_is_looked_through_as_far_as_the_brief_can_be(
    prep: PrepAlone, newer: int, older: int, looked_at: int
) -> None:
    about = upcoming()
    await handed_over_before(prep, about)
    now = datetime.now(UTC)
    moments = [now] * newer + [now - SENT_BEFORE] * older
    prep.mailbox.sent = [
        GmailMessage(f"sent{number}", "t", None, frozenset(), int(at.timestamp() * 1000), "", {}, "")
        for number, at in enumerate(moments)
    ]
    prep.mailbox.send_once = type(prep.mailbox).send_once
    await brief(prep, about)
    assert prep.mailbox.looks == ["Sent", *(f"sent{number}" for number in range(looked_at))]


async def test_a_missing_permission_is_on_record_for_each_meeting_and_notified_for_none_and_the_next_one_is_briefed(
    prep: PrepAlone,
) -> None:
    """That it is missing was notified of when the account was connected: one cause, one notification."""
    prep.accounts = (account(scopes=frozenset(ALL) - {GMAIL_SEND}),)
    for number in range(3):
        await brief(prep, upcoming(event_id=f"e{number}"))
    assert [row["reason"] for row in await prep.rows()] == ["missing_scope"] * 3
    assert {type(event) for event in prep.bus.published} == {PrepSkipped}
    prep.accounts = (account(status="reauth_required"),)
    await brief(prep, upcoming(event_id="e3"))
    assert {type(event) for event in prep.bus.published} == {PrepSkipped}
    prep.accounts = (account(),)
    await brief(prep, upcoming(event_id="e4"))
    assert (await prep.rows())[-1]["state"] == "sent"


@pytest.mark.parametrize(
    ("refusal", "code"),
    [(Forbidden("api_disabled", "Switched off."), "api_disabled"), (Rejected("No such recipient."), "")],
)
async def test_what_stands_in_the_way_of_every_brief_is_named_in_its_failure(
    prep: PrepAlone, refusal: Exception, code: str
) -> None:
    prep.mailbox.send_once = raising(refusal)
    await brief(prep, upcoming())
    assert [event.code for event in prep.received(PrepFailed)] == [code]


async def test_a_sent_mail_that_is_deleted_meanwhile_is_passed_over(prep: PrepAlone) -> None:
    about = upcoming()
    before = await handed_over_before(prep, about)
    in_sent(prep, before.token)
    prep.mailbox.sent.insert(0, GmailMessage("gone", "t", None, frozenset(), None, "", {}, ""))
    prep.mailbox.deleted = {"gone"}
    await brief(prep, about)
    (row,) = await prep.rows()
    assert (row["state"], row["gmail_id"]) == ("sent", "found1")


async def test_where_sent_can_not_be_read_the_brief_ends_with_a_notification(prep: PrepAlone) -> None:
    about = upcoming()
    await handed_over_before(prep, about)
    prep.mailbox.finding = MissingScope("no")
    await brief(prep, about)
    (row,) = await prep.rows()
    assert (row["state"], row["reason"]) == ("failed", UNCONFIRMED)
    assert [event.error for event in prep.received(PrepFailed)] == [UNCONFIRMED]


async def test_while_sent_can_not_be_reached_nothing_is_sent_or_settled(prep: PrepAlone) -> None:
    about = upcoming()
    await handed_over_before(prep, about)
    prep.mailbox.finding = Outage("away")
    with pytest.raises(Throttled):
        await brief(prep, about)
    (row,) = await prep.rows()
    assert (row["state"], row["handed_over_at"] is not None) == ("sending", True)
    assert len(prep.mailbox.raw) == 1
