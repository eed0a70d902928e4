"""One attempt at a brief, against a mailbox that does what it likes: what is stored, published and tried again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from libs.common.cache import Cache, open_cache
from libs.common.config import Settings
from libs.common.errors import Outage, Throttled
from libs.common.events import Meeting, MeetingUpcoming, PrepFailed, PrepSent, PrepSkipped
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
from libs.common.resources.gmail import GmailMessage
from libs.common.scopes import ALL, GMAIL_SEND
from services.prep.briefing import CHANGED_PAUSE, UNCONFIRMED_PAUSE, brief_once
from services.prep.domain.rules import SkipReason
from services.prep.gathering import get_people
from services.prep.handlers.meetings import brief_meeting
from services.prep.leasing import RETRY_PAUSES
from services.prep.outcomes import TOO_LATE, UNCONFIRMED, fail_abandoned, record_failed, record_sent, record_skipped
from services.prep.store import preps
from services.prep.store.preps import StoredPrep
from tests.support.database import Database
from tests.support.meetings import ACCOUNT_ID, ME, MEETING_ID, USER_ID, account
from tests.support.prep_alone import SENT_ID, PrepAlone, prep_alone
from tests.support.prep_stage import upcoming

AWAY = "redis://127.0.0.1:1"


@pytest_asyncio.fixture
async def cache() -> AsyncIterator[Cache]:
    """A Redis that is away: what is promised here is kept by the rows alone."""
    cache = open_cache(Settings(redis_url=AWAY), "prep")
    yield cache
    await cache.close()


@pytest_asyncio.fixture
async def prep(module_database: Database, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PrepAlone]:
    async def away(*_: object) -> None:
        return None

    monkeypatch.setattr("services.prep.leasing._set_dedup_key", away)  # as where Redis is away, without its retries
    async with prep_alone(module_database, cache) as alone:
        yield alone
        await alone.db.execute("DELETE FROM preps")
        await alone.db.execute("DELETE FROM outbox")


def raising(error: Exception) -> Callable[[], Awaitable[str]]:
    async def send() -> str:
        raise error

    return send


def in_sent(prep: PrepAlone, token: str) -> None:
    """The brief with this token is in Sent."""
    headers = {"x-pingcrm-prep": (token,)}
    prep.mailbox.sent = [GmailMessage("found1", "t", None, frozenset(), None, "", headers, "")]


async def acquired(prep: PrepAlone, about: Meeting) -> StoredPrep:
    async with prep.db.acquire() as connection:
        stored = await preps.acquire(connection, about, "pcrm" + "a" * 20)
    assert stored is not None
    return stored


async def brief(prep: PrepAlone, about: Meeting, obstacle: SkipReason | None = None) -> None:
    """One attempt at the brief of a meeting that stands."""
    prep.meetings = [about]
    await brief_once(prep.context, about, obstacle)


# -- what Gmail may answer -------------------------------------------------------------------------------------------------


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


# -- an earlier attempt got no answer --------------------------------------------------------------------------------------


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


# -- a holder who comes late -----------------------------------------------------------------------------------------------


async def test_who_lost_the_lease_before_handing_over_sends_nothing(
    prep: PrepAlone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt writes for so long that a second one overtakes it."""
    about = upcoming()
    written, go_on = asyncio.Event(), asyncio.Event()
    calls = 0

    async def slow(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            written.set()
            await go_on.wait()
        return await get_people(*arguments)

    monkeypatch.setattr("services.prep.briefing.get_people", slow)
    late = asyncio.create_task(brief(prep, about))
    await written.wait()
    await prep.end_leases()
    await brief(prep, about)
    before = await prep.rows()
    go_on.set()
    await late
    assert await prep.rows() == before
    assert len(prep.mailbox.raw) == 1
    assert len(prep.bus.published) == 1


Record = Callable[[PrepAlone, StoredPrep], Awaitable[object]]
RECORDS: dict[str, Record] = {
    "sent": lambda prep, stored: record_sent(prep.context, stored, "late"),
    "skipped": lambda prep, stored: record_skipped(prep.context, stored, "disabled"),
    "failed": lambda prep, stored: record_failed(prep.context, stored, "late"),
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
async def test_who_lost_the_lease_settles_and_publishes_nothing(prep: PrepAlone, record: Record) -> None:
    about = upcoming()
    late = await acquired(prep, about)
    await prep.end_leases()
    await acquired(prep, about)
    before = await prep.rows()
    assert await record(prep, late) is None
    assert await prep.rows() == before
    assert prep.bus.published == []
    assert await prep.waiting_events() == 0


# -- the row and its event in one transaction ------------------------------------------------------------------------------


async def test_a_brief_is_settled_together_with_its_event_or_not_at_all(database: Database, cache: Cache) -> None:
    async with prep_alone(database, cache) as prep:
        await prep.refuse_events()
        stored = await acquired(prep, upcoming(minutes=-1))
        works: list[Callable[[], Awaitable[object]]] = [
            lambda record=record: record(prep, stored)  # type: ignore[misc]
            for record in RECORDS.values()
        ]
        works.append(lambda: fail_abandoned(prep.context))
        await prep.end_leases()
        before = await prep.rows()
        for work in works:
            with pytest.raises(Exception, match="refused"):
                await work()
            assert await prep.rows() == before
        assert prep.bus.published == []


@pytest.mark.parametrize("record", [*RECORDS.values(), lambda prep, _: fail_abandoned(prep.context)])
async def test_an_event_is_published_at_once_and_waits_where_the_bus_is_away(prep: PrepAlone, record: Record) -> None:
    stored = await acquired(prep, upcoming(minutes=-1))
    await prep.end_leases()
    prep.bus.away = True
    with pytest.raises(Outage):
        await record(prep, stored)
    assert await prep.waiting_events() == 1
    await prep.db.execute("DELETE FROM outbox")
    await prep.db.execute("UPDATE preps SET state = 'sending', reason = ''")
    await prep.end_leases()
    prep.bus.away = False
    await record(prep, stored)
    assert len(prep.bus.published) == 1
    assert await prep.waiting_events() == 0


async def test_a_skip_is_published_once_per_reason(prep: PrepAlone) -> None:
    about = upcoming()
    for reason in ("nobody_known", "nobody_known", "private", "private", "nobody_known"):
        await record_skipped(prep.context, await acquired(prep, about), reason)  # type: ignore[arg-type]
        (row,) = await prep.rows()
        assert (row["state"], row["reason"]) == ("skipped", reason)
    assert [event.reason for event in prep.received(PrepSkipped)] == ["nobody_known", "private", "nobody_known"]
    (first, *_) = prep.received(PrepSkipped)
    assert (first.user_id, first.account_id, first.meeting_id) == (USER_ID, ACCOUNT_ID, MEETING_ID)
    assert first.starts_at == about.starts_at


async def test_abandoned_briefs_fail_with_what_stood_in_the_way(prep: PrepAlone) -> None:
    late, unconfirmed, fresh = (upcoming(minutes=-1, event_id=name) for name in ("late", "unconfirmed", "fresh"))
    stored = await acquired_named(prep, late, "late")
    async with prep.db.acquire() as connection:
        await preps.release(connection, stored, "Gmail was away.")
        await preps.acquire(connection, late, "")
        handed_over = await acquired_named(prep, unconfirmed, "unconfirmed")
        await connection.execute("UPDATE preps SET handed_over_at = now() WHERE id = $1", handed_over.id)
    await prep.end_leases()
    await acquired_named(prep, fresh, "fresh")
    await fail_abandoned(prep.context)
    rows = {row["event_id"]: (row["state"], row["reason"]) for row in await prep.rows()}
    assert rows == {
        "late": ("failed", f"{TOO_LATE} Gmail was away."),
        "unconfirmed": ("failed", UNCONFIRMED),
        "fresh": ("sending", ""),
    }
    assert {event.error for event in prep.received(PrepFailed)} == {f"{TOO_LATE} Gmail was away.", UNCONFIRMED}
    (event, _) = prep.received(PrepFailed)
    assert (event.user_id, event.account_id, event.meeting_id, event.title) == (
        USER_ID, ACCOUNT_ID, MEETING_ID, "Pricing review",
    )  # fmt: skip
    assert event.starts_at in (late.starts_at, unconfirmed.starts_at)


async def acquired_named(prep: PrepAlone, about: Meeting, token: str) -> StoredPrep:
    async with prep.db.acquire() as connection:
        stored = await preps.acquire(connection, about, token)
    assert stored is not None
    return stored


# -- whether and when ------------------------------------------------------------------------------------------------------


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
