"""One attempt at a brief, against a mailbox that does what it likes: what is stored, published and tried again."""

from datetime import timedelta
from typing import Any

import pytest

from libs.common.errors import Outage, Throttled
from libs.common.events import MeetingUpcoming, PrepFailed, PrepSent, PrepSkipped
from libs.common.google.errors import (
    AccountUnknown,
    Forbidden,
    GoogleError,
    MissingScope,
    ReauthRequired,
    Rejected,
    Unauthorized,
)
from libs.common.ids import AccountId, new_id
from libs.common.requests import GetAttendees
from services.prep.briefing import CHANGED_PAUSE, UNCONFIRMED_PAUSE
from services.prep.handlers.meetings import brief_meeting
from services.prep.leasing import RETRY_PAUSES
from services.prep.outcomes import TOO_LATE
from services.prep.store import preps
from tests.support.meetings import ACCOUNT_ID, ME, MEETING_ID, USER_ID, account
from tests.support.prep_alone import SENT_ID, PrepAlone
from tests.support.prep_attempts import acquired_named, brief, cache, prep, raising
from tests.support.prep_stage import upcoming

__all__ = ["cache", "prep"]  # fixtures


async def test_a_brief_is_marked_before_gmail_gets_it(prep: PrepAlone) -> None:
    seen: list[tuple[str, bool]] = []

    async def send() -> str:
        (row,) = await prep.rows()
        seen.append((row["state"], row["handed_over_at"] is not None))
        return SENT_ID

    prep.mailbox.send_once = send
    await brief(prep, upcoming())
    assert seen == [("sending", True)]
    (row,) = await prep.rows()
    assert (row["state"], row["gmail_id"], row["ai"]) == ("sent", SENT_ID, False)
    assert prep.mailbox.opened == [ACCOUNT_ID]
    (sent,) = prep.received(PrepSent)
    assert (sent.user_id, sent.account_id, sent.meeting_id, sent.title) == (
        USER_ID,
        ACCOUNT_ID,
        MEETING_ID,
        "Pricing review",
    )
    assert (sent.starts_at, sent.ai, sent.cost_usd) == (row["starts_at"], False, 0.0)


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (MissingScope("no"), "skipped", "missing_scope"),
        (ReauthRequired("no"), "skipped", "reauth_required"),
        (Unauthorized("no"), "skipped", "reauth_required"),
        (AccountUnknown("no"), "skipped", "disconnected"),
        (Forbidden("domain_policy", "Not here."), "failed", "Not here."),
        (Rejected("Too large."), "failed", "Too large."),
    ],
)
async def test_what_gmail_refuses_for_good_is_settled_with_its_reason(
    prep: PrepAlone, error: GoogleError, state: str, reason: str
) -> None:
    prep.mailbox.send_once = raising(error)
    await brief(prep, upcoming())
    (row,) = await prep.rows()
    assert (row["state"], row["reason"], row["handed_over_at"]) == (state, reason, None)
    (published,) = prep.bus.published
    assert type(published) is (PrepSkipped if state == "skipped" else PrepFailed)
    assert reason in (getattr(published, "reason", None), getattr(published, "error", None))


@pytest.mark.parametrize(
    ("error", "pause", "handed_over", "reason"),
    [
        (Throttled("Slow down.", timedelta(seconds=42)), timedelta(seconds=42), False, "Slow down."),
        (Throttled("Slow down."), RETRY_PAUSES[0], False, "Slow down."),
        (Outage("reset"), UNCONFIRMED_PAUSE, True, "Gmail did not confirm that it sent the brief."),
        (TimeoutError(), UNCONFIRMED_PAUSE, True, "Gmail did not confirm that it sent the brief."),
    ],
)
async def test_an_attempt_that_failed_for_now_frees_the_brief_and_comes_back(
    prep: PrepAlone, error: Exception, pause: timedelta, handed_over: bool, reason: str
) -> None:
    prep.mailbox.send_once = raising(error)
    with pytest.raises(Throttled) as raised:
        await brief(prep, upcoming())
    assert raised.value.retry_after == pause
    (row,) = await prep.rows()
    assert (row["state"], row["reason"], row["handed_over_at"] is not None) == ("sending", reason, handed_over)
    assert await prep.db.fetchval("SELECT leased_until <= now() FROM preps"), "free at once"
    assert prep.bus.published == []


async def test_the_pauses_grow_with_the_attempts(prep: PrepAlone) -> None:
    prep.mailbox.send_once = raising(Throttled("Slow down."))
    about, pauses = upcoming(), []
    for _ in range(len(RETRY_PAUSES) + 1):
        with pytest.raises(Throttled) as raised:
            await brief(prep, about)
        pauses.append(raised.value.retry_after)
    assert pauses == [*RETRY_PAUSES, RETRY_PAUSES[-1]]


async def test_a_bug_frees_the_brief_and_is_no_sentence_for_the_user(prep: PrepAlone) -> None:
    prep.mailbox.send_once = raising(ValueError("anna@berg.example in hex"))
    with pytest.raises(ValueError, match="hex"):
        await brief(prep, upcoming())
    (row,) = await prep.rows()
    assert (row["state"], row["reason"]) == ("sending", "Something went wrong here. It is in the log.")
    assert await prep.db.fetchval("SELECT leased_until <= now() FROM preps")


async def test_who_purged_the_account_meanwhile_finds_no_trace_of_it(prep: PrepAlone) -> None:
    about, elsewhere = upcoming(), upcoming(event_id="kept", account_id=AccountId(new_id()))
    await acquired_named(prep, elsewhere, "kept")
    for prep.accounts, prep.user_exists in (((account(id=AccountId(new_id())),), True), ((), False)):
        await brief(prep, about)
        assert [row["event_id"] for row in await prep.rows()] == ["kept"]
    assert (prep.bus.published, prep.mailbox.raw) == ([], [])


async def test_an_obstacle_is_settled_without_a_question_about_people(prep: PrepAlone) -> None:
    await brief(prep, upcoming(), "cancelled")
    (row,) = await prep.rows()
    assert (row["state"], row["reason"]) == ("skipped", "cancelled")
    assert prep.bus.requested(GetAttendees) == []


async def test_a_brief_that_became_too_late_has_failed_and_one_that_was_never_tried_is_skipped(prep: PrepAlone) -> None:
    tried, fresh = upcoming(minutes=4, event_id="tried"), upcoming(minutes=4, event_id="fresh")
    stored = await acquired_named(prep, tried, "tried")
    async with prep.db.acquire() as connection:
        await preps.release(connection, stored, "Gmail was away.")
    for about in (tried, fresh):
        await brief(prep, about)
    rows = {row["event_id"]: (row["state"], row["reason"]) for row in await prep.rows()}
    assert rows == {"tried": ("failed", f"{TOO_LATE} Gmail was away."), "fresh": ("skipped", "too_late")}
    assert prep.mailbox.raw == []


async def test_the_account_whose_calendar_holds_the_meeting_sends_it_to_itself(prep: PrepAlone) -> None:
    other = account(id=AccountId(new_id()), address="sam@work.example")
    prep.accounts = (account(), other)
    await brief(prep, upcoming(account_id=other.id, event_id="work"))
    await brief(prep, upcoming())
    assert prep.mailbox.opened == [other.id, ACCOUNT_ID]
    for raw, address in zip(prep.mailbox.raw, (other.address, ME), strict=True):
        assert f"From: {address}".encode() in raw
        assert f"To: {address}".encode() in raw


@pytest.mark.parametrize(
    ("published_in", "now_in", "briefed"),
    [
        (35, 35, "sent"),
        (38, 33, "sent"),
        (33, 39, "sent"),
        (33, 41, None),
        (33, 6, "sent"),
        (33, 4, None),
        (33, 24 * 60, None),
    ],
)
async def test_a_moved_meeting_is_briefed_at_once_where_the_next_scan_would_be_too_late(
    prep: PrepAlone, published_in: float, now_in: float, briefed: str | None
) -> None:
    """The window ends 40 minutes ahead; what is less than 5 minutes ahead is of no use."""
    announced = upcoming(minutes=published_in)
    current = announced if now_in == published_in else upcoming(minutes=now_in)
    prep.meetings = [current]
    await brief_meeting(prep.context, MeetingUpcoming(meeting=announced))
    rows = {row["starts_at"]: (row["state"], row["reason"]) for row in await prep.rows()}
    expected: dict[Any, Any] = {}
    if announced.starts_at != current.starts_at:
        expected[announced.starts_at] = ("skipped", "moved")
    if briefed:
        expected[current.starts_at] = (briefed, "")
    assert rows == expected


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        (None, "skipped", "cancelled"),
        ({"my_answer": "declined"}, "skipped", "declined"),
        ({"starts_at": upcoming(minutes=24 * 60).starts_at}, "skipped", "moved"),
        ({"title": "Renamed"}, "sent", ""),
    ],
)
async def test_what_changes_while_its_brief_is_written_is_decided_anew(
    prep: PrepAlone, changes: dict[str, Any] | None, state: str, reason: str
) -> None:
    about = upcoming()
    find_people = prep.bus.answers[GetAttendees]

    def change_meanwhile(query: GetAttendees) -> Any:
        prep.meetings = [] if changes is None else [about.model_copy(update={**changes, "revision": 2})]
        return find_people(query)

    prep.bus.answers[GetAttendees] = change_meanwhile
    prep.meetings = [about]
    with pytest.raises(Throttled) as raised:
        await brief_meeting(prep.context, MeetingUpcoming(meeting=about))
    assert raised.value.retry_after == CHANGED_PAUSE
    assert prep.mailbox.raw == []
    await brief_meeting(prep.context, MeetingUpcoming(meeting=about))
    (row,) = await prep.rows()
    assert (row["state"], row["reason"]) == (state, reason)
    assert [b"Renamed" in raw for raw in prep.mailbox.raw] == ([True] if state == "sent" else [])


async def test_a_meeting_is_briefed_as_it_stands_now(prep: PrepAlone) -> None:
    starts_at = upcoming().starts_at
    announced, current = upcoming(), upcoming(title="Renamed")
    prep.meetings = [current.model_copy(update={"starts_at": starts_at})]
    await brief_meeting(prep.context, MeetingUpcoming(meeting=announced.model_copy(update={"starts_at": starts_at})))
    (row,) = await prep.rows()
    assert (row["state"], row["title"]) == ("sent", "Renamed")
    assert b"Renamed" in prep.mailbox.raw[0]
