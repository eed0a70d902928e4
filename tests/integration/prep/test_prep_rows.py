"""The rows of briefs: who may acquire one, that a late writer changes none, which are listed, and what a purge takes with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from libs.common.config import Settings
from libs.common.db import Connection, Pool, Record, get_time, open_pool
from libs.common.events import Meeting
from libs.common.ids import AccountId, MeetingId, UserId, new_id
from libs.common.requests import Brief
from services.prep.domain.rules import USEFUL_UNTIL
from services.prep.store import preps
from services.prep.store.preps import GRACE, LEASE, StoredPrep
from tests.support.database import Database
from tests.support.meetings import ACCOUNT_ID, MEETING_ID, USER_ID, meeting

START = datetime(2026, 11, 24, 14, tzinfo=UTC)
MEETING = meeting(starts_at=START)
SECOND = timedelta(seconds=1)


@pytest_asyncio.fixture
async def pool(module_database: Database) -> AsyncIterator[Pool]:
    pool = await open_pool(Settings(postgres_url=module_database.url_for("prep")))
    yield pool
    await pool.execute("DELETE FROM preps")
    await pool.close()


@pytest_asyncio.fixture
async def db(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as connection:
        yield connection


def brief(cost: float = 0.25) -> Brief:
    return Brief(
        meeting_id=MEETING_ID, subject="", html="", text="", points=(), ai=True, input_tokens=7, output_tokens=3, cost_usd=cost
    )  # fmt: skip


async def everything(db: Connection) -> list[Record]:
    return list(await db.fetch("SELECT * FROM preps ORDER BY id"))


async def set_row(db: Connection, prep_id: object, **fields: Any) -> None:
    for name, value in fields.items():
        await db.execute(f"UPDATE preps SET {name} = $2 WHERE id = $1", prep_id, value)


async def end_lease(db: Connection) -> None:
    await db.execute("UPDATE preps SET leased_until = now()")


async def acquired(db: Connection, about: Meeting = MEETING, token: str = "token") -> StoredPrep:
    stored = await preps.acquire(db, about, token)
    assert stored is not None
    return stored


# -- the automatic brief ---------------------------------------------------------------------------------------------------


async def test_a_brief_is_acquired_by_whoever_comes_first(db: Connection) -> None:
    stored = await acquired(db)
    assert (stored.state, stored.attempt, stored.resumed, stored.handed_over) == ("sending", 1, False, False)
    assert (stored.user_id, stored.account_id, stored.meeting_id) == (USER_ID, ACCOUNT_ID, MEETING_ID)
    assert (stored.title, stored.starts_at, stored.token, stored.by_hand) == ("Pricing review", START, "token", False)
    assert timedelta(0) < stored.lease_left <= LEASE
    assert await preps.acquire(db, MEETING, "another") is None
    assert len(await everything(db)) == 1


async def test_of_many_who_come_at_once_a_single_one_acquires_it(pool: Pool) -> None:
    async def come(number: int) -> StoredPrep | None:
        async with pool.acquire() as connection:
            return await preps.acquire(connection, MEETING, f"token {number}")

    outcomes = await asyncio.gather(*(come(number) for number in range(8)))
    assert len([stored for stored in outcomes if stored]) == 1


async def test_a_lease_that_is_over_passes_on_with_the_token_that_gmail_may_have(db: Connection) -> None:
    first = await acquired(db)
    await end_lease(db)
    renamed = meeting(starts_at=START, title="Renamed", meeting_id=MeetingId(new_id()))
    second = await acquired(db, renamed, "another token")
    assert (second.id, second.attempt, second.resumed, second.token) == (first.id, 2, True, "token")
    assert (second.title, second.meeting_id) == ("Renamed", renamed.meeting_id)
    assert timedelta(0) < second.lease_left <= LEASE
    assert await preps.acquire(db, MEETING, "third") is None, "its lease is a whole one"


def copy(name: str, **fields: Any) -> Meeting:
    """The meeting in another calendar, where Google calls it something else."""
    return meeting(starts_at=START, ical_uid="uid@calendars.example", event_id=name, **fields)


@pytest.mark.parametrize(
    ("state", "again"), [("sending", False), ("sent", False), ("failed", False), ("skipped", True)]
)
async def test_a_meeting_in_two_calendars_of_an_account_has_one_brief(db: Connection, state: Any, again: bool) -> None:
    stored = await acquired(db, copy("in mine"))
    if state != "sending":
        assert await preps.settle(db, stored, state, "why")
    assert (await preps.acquire(db, copy("in the team's"), "another") is not None) is again


@pytest.mark.parametrize(
    "fields",
    [
        {"starts_at": START + SECOND}, {"original_start": "2026-11-23T14:00:00+00:00"}, {"ical_uid": "another@calendars.example"},
        {"ical_uid": ""}, {"account_id": AccountId(new_id())},
    ],
)  # fmt: skip
async def test_what_only_resembles_a_meeting_has_a_brief_of_its_own(db: Connection, fields: Any) -> None:
    await acquired(db, copy("this"))
    await acquired(db, copy("that").model_copy(update=fields), "another")


async def test_a_skipped_copy_comes_back_only_where_the_other_one_has_no_brief(db: Connection) -> None:
    skipped = await acquired(db, copy("skipped"))
    assert await preps.settle(db, skipped, "skipped", "cancelled")
    sent = await acquired(db, copy("sent"), "another")
    assert await preps.settle(db, sent, "sent")
    assert await preps.acquire(db, copy("skipped"), "third") is None


@pytest.mark.parametrize(("state", "again"), [("sent", False), ("failed", False), ("skipped", True)])
async def test_what_is_settled_stays_so_except_a_skip(db: Connection, state: Any, again: bool) -> None:
    stored = await acquired(db)
    assert await preps.settle(db, stored, state, "why")
    later = await preps.acquire(db, MEETING, "another")
    assert (later is not None) is again
    if later:
        assert (later.attempt, later.resumed, later.reason) == (2, False, "why")


@pytest.mark.parametrize(
    "other",
    [
        {"account_id": AccountId(new_id())},
        {"event_id": "event2"},
        {"starts_at": START + timedelta(minutes=15)},
    ],
    ids=["account", "event", "start"],
)
async def test_each_account_event_and_start_has_a_brief_of_its_own(db: Connection, other: dict[str, Any]) -> None:
    about = meeting(**{"starts_at": START, **other})
    first = await acquired(db)
    second = await acquired(db, about, "another")
    assert second.id != first.id
    for mine, stored in ((MEETING, first), (about, second)):
        found = await preps.get_automatic(db, mine)
        assert found is not None
        assert found.id == stored.id
    assert await preps.get_automatic(db, meeting(starts_at=START + timedelta(days=1))) is None


async def test_a_brief_by_hand_is_none_of_the_automatic_ones(db: Connection) -> None:
    by_hand = await preps.acquire_by_hand(db, new_id(), MEETING, "by hand")
    assert by_hand is not None
    assert by_hand.by_hand
    assert await preps.get_automatic(db, MEETING) is None
    assert (await acquired(db)).id != by_hand.id


# -- late writers ----------------------------------------------------------------------------------------------------------

Write = Callable[[Connection, StoredPrep], Awaitable[object]]
WRITES: dict[str, Write] = {
    "hand over": lambda db, stored: preps.mark_handed_over(db, stored, brief()),
    "take back": preps.clear_handed_over,
    "release": lambda db, stored: preps.release(db, stored, "late"),
    "settle": lambda db, stored: preps.settle(db, stored, "sent", "late", "gmail1"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_who_lost_the_lease_writes_nothing(db: Connection, write: Write) -> None:
    late = await acquired(db)
    await end_lease(db)
    holder = await acquired(db)
    assert await preps.mark_handed_over(db, holder, brief())
    before = await everything(db)
    assert not await write(db, late)
    assert await everything(db) == before


@pytest.mark.parametrize("name", ["hand over", "release", "settle"])
async def test_what_is_settled_is_written_to_no_more(db: Connection, name: str) -> None:
    stored = await acquired(db)
    assert await preps.settle(db, stored, "failed", "because")
    before = await everything(db)
    assert not await WRITES[name](db, stored)
    assert await everything(db) == before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_holder_writes_to_no_other_brief(db: Connection, write: Write) -> None:
    other = await acquired(db, meeting(starts_at=START, event_id="another"), "another")
    assert await preps.mark_handed_over(db, other, brief())
    stored = await acquired(db)
    before = await db.fetchrow("SELECT * FROM preps WHERE id = $1", other.id)
    await write(db, stored)
    assert await db.fetchrow("SELECT * FROM preps WHERE id = $1", other.id) == before


async def test_handing_over_renews_the_lease_and_adds_what_it_cost(db: Connection) -> None:
    stored = await acquired(db)
    await end_lease(db)
    assert await preps.mark_handed_over(db, stored, brief(0.25))
    (row,) = await everything(db)
    assert row["handed_over_at"] is not None
    assert await db.fetchval("SELECT leased_until - now() FROM preps") > LEASE - 20 * SECOND
    assert (row["ai"], row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (True, 7, 3, 0.25)
    await preps.clear_handed_over(db, stored)
    await preps.release(db, stored, "Gmail was away.")
    again = await acquired(db)
    assert (again.handed_over, again.reason, again.resumed) == (False, "Gmail was away.", True)
    assert await preps.mark_handed_over(db, again, brief(0.5))
    prep = await preps.settle(db, again, "sent", gmail_id="gmail1")
    assert prep is not None
    assert (prep.state, prep.reason, prep.ai, prep.input_tokens, prep.output_tokens) == ("sent", "", True, 14, 6)
    assert prep.cost_usd == 0.75
    (row,) = await everything(db)
    assert (row["state"], row["gmail_id"], row["reason"]) == ("sent", "gmail1", "")
    assert row["updated_at"] == prep.at


async def test_what_was_written_last_is_what_happened_last(db: Connection) -> None:
    """`updated_at` orders the briefs of a meeting: each step sets it."""
    stored = await acquired(db)
    steps: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: preps.mark_handed_over(db, stored, brief()),
        lambda: preps.release(db, stored, ""),
        lambda: acquired(db),
        lambda: preps.settle(db, replace(stored, attempt=2), "skipped", ""),
    )
    for step in steps:
        before = await db.fetchval("SELECT updated_at FROM preps")
        await step()
        assert await db.fetchval("SELECT updated_at FROM preps") > before
    assert await db.fetchval("SELECT leased_until <= now() FROM preps"), "what is settled is leased to nobody"
    by_hand = await preps.acquire_by_hand(db, new_id(), MEETING, "by hand")
    assert by_hand is not None
    await end_lease(db)
    before = await db.fetchval("SELECT updated_at FROM preps WHERE by_hand")
    assert await preps.acquire_by_hand(db, by_hand.id, MEETING, "again")
    assert await db.fetchval("SELECT updated_at FROM preps WHERE by_hand") > before


# -- by hand ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "goes_on"),
    [
        ({"state": "sending"}, False),
        ({"state": "sending", "leased_until": START - timedelta(days=2000)}, True),
        ({"state": "sending", "leased_until": START - timedelta(days=2000), "handed_over_at": START}, True),
        ({"state": "failed"}, True),
        ({"state": "failed", "handed_over_at": START}, False),
        ({"state": "skipped"}, True),
        ({"state": "skipped", "handed_over_at": START}, False),
        ({"state": "sent"}, False),
        ({"state": "sent", "handed_over_at": START}, False),
    ],
)
async def test_a_brief_by_hand_goes_on_where_nothing_of_it_can_be_sent_twice(
    db: Connection, fields: dict[str, Any], goes_on: bool
) -> None:
    prep_id = new_id()
    first = await preps.acquire_by_hand(db, prep_id, MEETING, "token")
    assert first is not None
    assert (first.id, first.attempt, first.resumed, first.by_hand) == (prep_id, 1, False, True)
    await set_row(db, prep_id, reason="before", **fields)
    moved = meeting(starts_at=START + timedelta(hours=1), title="Renamed")
    again = await preps.acquire_by_hand(db, prep_id, moved, "another")
    assert (again is not None) is goes_on
    if again:
        assert (again.state, again.attempt, again.resumed, again.reason) == ("sending", 2, True, "")
        assert (again.token, again.title, again.starts_at) == ("token", "Renamed", moved.starts_at)
        assert again.lease_left > LEASE - 20 * SECOND


@pytest.mark.parametrize(
    "fields", [{"user_id": UserId(new_id())}, {"meeting_id": MeetingId(new_id())}], ids=["user", "meeting"]
)
async def test_a_brief_by_hand_is_taken_up_by_its_user_for_its_meeting_alone(
    db: Connection, fields: dict[str, Any]
) -> None:
    prep_id = new_id()
    assert await preps.acquire_by_hand(db, prep_id, MEETING, "token")
    await end_lease(db)
    before = await everything(db)
    assert await preps.acquire_by_hand(db, prep_id, meeting(starts_at=START, **fields), "another") is None
    assert await everything(db) == before


# -- abandoned -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by_hand", "state", "over_for", "starts_in", "abandoned"),
    [
        (True, "sending", GRACE + 20 * SECOND, timedelta(hours=1), True),
        (True, "sending", GRACE - 20 * SECOND, timedelta(hours=1), False),
        (True, "failed", GRACE + 20 * SECOND, timedelta(hours=1), False),
        (False, "sending", GRACE + 20 * SECOND, USEFUL_UNTIL - 20 * SECOND, True),
        (False, "sending", GRACE - 20 * SECOND, USEFUL_UNTIL - 20 * SECOND, False),
        (False, "sending", GRACE + 20 * SECOND, USEFUL_UNTIL + 20 * SECOND, False),
        (False, "sent", GRACE + 20 * SECOND, -timedelta(hours=1), False),
        (False, "skipped", GRACE + 20 * SECOND, -timedelta(hours=1), False),
    ],
)
async def test_a_brief_is_abandoned_when_nobody_can_come_back_to_it(
    db: Connection, by_hand: bool, state: str, over_for: timedelta, starts_in: timedelta, abandoned: bool
) -> None:
    stored = await preps.acquire_by_hand(db, new_id(), MEETING, "token") if by_hand else await acquired(db)
    assert stored is not None
    now = await get_time(db)
    await set_row(db, stored.id, state=state, leased_until=now - over_for, starts_at=now + starts_in)
    found = await preps.list_abandoned(db, USEFUL_UNTIL)
    assert [prep.id for prep in found] == ([stored.id] if abandoned else [])


async def test_two_who_look_for_abandoned_briefs_find_each_once_the_earliest_first(pool: Pool) -> None:
    async with pool.acquire() as mine, pool.acquire() as theirs:
        for number in (2, 1, 3):
            starts_at = START - timedelta(days=number)
            await acquired(mine, meeting(starts_at=starts_at, event_id=str(number)), str(number))
        await mine.execute("UPDATE preps SET leased_until = now() - interval '1 hour'")
        async with mine.transaction():
            found = await preps.list_abandoned(mine, USEFUL_UNTIL)
            assert [prep.token for prep in found] == ["3", "2", "1"]
            assert await preps.list_abandoned(theirs, USEFUL_UNTIL) == []
        assert len(await preps.list_abandoned(theirs, USEFUL_UNTIL)) == 3


# -- reading and purging ---------------------------------------------------------------------------------------------------


async def test_the_latest_brief_of_each_meeting_is_the_one_written_last(db: Connection) -> None:
    elsewhere = meeting(starts_at=START, meeting_id=MeetingId(new_id()), event_id="elsewhere")
    foreign = meeting(starts_at=START, user_id=UserId(new_id()), account_id=AccountId(new_id()))
    for number, about in enumerate((elsewhere, MEETING, foreign)):
        assert await preps.settle(db, await acquired(db, about, str(number)), "skipped", str(number))
    for number in (3, 4):
        by_hand = await preps.acquire_by_hand(db, new_id(), MEETING, str(number))
        assert by_hand is not None
        assert await preps.settle(db, by_hand, "failed", str(number))

    async def latest(user_id: UserId, *meeting_ids: MeetingId) -> list[str]:
        return sorted(prep.reason for prep in await preps.list_latest(db, user_id, meeting_ids))

    assert await latest(USER_ID, MEETING_ID, elsewhere.meeting_id, MeetingId(new_id())) == ["0", "4"]
    assert await latest(USER_ID, elsewhere.meeting_id) == ["0"]
    assert await latest(foreign.user_id, MEETING_ID, elsewhere.meeting_id) == ["2"]
    again = await acquired(db)
    assert await preps.settle(db, again, "sent", "5")
    assert await latest(USER_ID, MEETING_ID) == ["5"], "an old row that was written to last"


async def test_a_brief_and_its_token_are_their_owners(db: Connection) -> None:
    stored = await acquired(db)
    nobody, elsewhere = UserId(new_id()), AccountId(new_id())
    assert await preps.get_prep(db, USER_ID, stored.id) is not None
    assert await preps.get_prep(db, nobody, stored.id) is None
    assert await preps.list_tokens(db, USER_ID, ACCOUNT_ID, ["token", "made up"]) == {"token"}
    assert await preps.list_tokens(db, USER_ID, ACCOUNT_ID, ["made up"]) == frozenset()
    assert await preps.list_tokens(db, nobody, ACCOUNT_ID, ["token"]) == frozenset()
    assert await preps.list_tokens(db, USER_ID, elsewhere, ["token"]) == frozenset()


async def test_a_purge_takes_what_is_its_own_and_nothing_else(db: Connection) -> None:
    second_account, second_user = AccountId(new_id()), UserId(new_id())
    about = {
        "mine": MEETING,
        "also mine": meeting(starts_at=START, event_id="another"),
        "my other account's": meeting(starts_at=START, account_id=second_account),
        "another user's": meeting(starts_at=START, account_id=AccountId(new_id()), user_id=second_user),
    }
    stored = {name: await acquired(db, of, name) for name, of in about.items()}

    async def left() -> set[str]:
        return {row["token"] for row in await everything(db)}

    await preps.delete_prep(db, stored["also mine"])
    assert await left() == set(about) - {"also mine"}
    await preps.delete_of_account(db, ACCOUNT_ID)
    assert await left() == {"my other account's", "another user's"}
    await preps.delete_of_user(db, USER_ID)
    assert await left() == {"another user's"}
