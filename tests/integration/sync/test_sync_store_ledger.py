"""The ledger, statement by statement: which messages are read next, and what each fact may change."""

from datetime import timedelta
from typing import Any

import pytest

from libs.common.db import Connection
from libs.common.ids import AccountId, UserId, new_id
from libs.common.requests import PublishedMessage
from libs.common.resources.gmail import MessageRef
from services.sync.domain.audit import MAX_RETRIES
from services.sync.domain.estimate import WorkEstimate
from services.sync.domain.fetching import Prices, Wanted
from services.sync.domain.history import NEVER_PUBLISHED, Touched
from services.sync.domain.ledger import PutOff, Removal, Settled, Suspect
from services.sync.store import ledger, losses, messages
from tests.support.sync_tables import DAY, NOW, add_account, add_row

HOUR = timedelta(hours=1)
# Every state in which a message may be, and whether it comes back when it is listed or touched again.
STATES = {
    "recorded": False, "pending": None, "set_aside": False, "gone": True, "filtered trash": True, "filtered spam": True,
    "filtered lookback": True, "filtered draft": False, "filtered prep_email": False,
}  # fmt: skip


@pytest.fixture
async def account_id(connection: Connection) -> AccountId:
    return await add_account(connection, UserId(new_id()))


async def add(
    connection: Connection, account_id: AccountId, gmail_id: str, state: str = "pending", **columns: Any
) -> None:
    """A message of the ledger; `state` with its rule."""
    state, _, rule = state.partition(" ")
    values = {"thread_id": f"t-{gmail_id}", "position": 0, "rule": rule, **columns}
    await add_row(connection, "messages", account_id=account_id, gmail_id=gmail_id, state=state, **values)


async def found(connection: Connection, column: str, *, of: str = "true") -> dict[str, Any]:
    """A column of messages, by Gmail id."""
    rows = await connection.fetch(f"SELECT gmail_id, {column} AS value FROM messages WHERE {of}")
    return {row["gmail_id"]: row["value"] for row in rows}


WRITTEN = "state || CASE WHEN state = 'filtered' THEN ' ' || rule ELSE '' END"


# --- listed and touched -------------------------------------------------------------------------------------------------


async def test_what_is_listed_is_pending_in_the_order_of_the_list_and_only_what_was_hidden_comes_back(
    connection: Connection, account_id: AccountId
) -> None:
    for state in STATES:
        await add(connection, account_id, state, state, position=7, generation=1)
    refs = [
        MessageRef("a", "ta"),
        MessageRef("b", "tb"),
        MessageRef("a", "ta"),
        *(MessageRef(state, "t") for state in STATES),
    ]
    assert await ledger.add_listed(connection, account_id, refs, 100, 5) == 2
    assert await found(connection, WRITTEN) == {
        "a": "pending", "b": "pending", **{state: "pending" if returns else state for state, returns in STATES.items()}
    }  # fmt: skip
    positions = await found(connection, "position")
    assert (positions["a"], positions["b"]) == (101, 102)
    assert {positions[state] for state in STATES} == {7}, "known ones keep their place"
    assert set((await found(connection, "generation")).values()) == {5}
    assert (await found(connection, "thread_id"))["b"] == "tb"
    assert await ledger.add_listed(connection, account_id, refs, 200, 6) == 0, "once more, and nothing is new"
    assert await found(connection, "position") == positions


async def test_a_change_brings_unknown_and_hidden_messages_to_the_front_unless_it_is_older_than_what_hid_them(
    connection: Connection, account_id: AccountId
) -> None:
    for state in STATES:
        await add(connection, account_id, state, state, position=7, revision=50)
    await add(connection, account_id, "hidden later", "filtered trash", position=7, revision=51)
    await add(connection, account_id, "hidden just then", "gone", position=7, revision=60)
    names = [*STATES, "hidden later", "hidden just then", "new"]
    touched = [Touched(name, "t", 51 if name == "hidden later" else 60, "fetch") for name in names]
    await ledger.add_touched(connection, account_id, touched)
    states = await found(connection, WRITTEN)
    assert states == {
        **{state: "pending" if returns else state for state, returns in STATES.items()},
        "hidden later": "filtered trash", "hidden just then": "gone", "new": "pending",
    }  # fmt: skip
    returned = {state for state, returns in STATES.items() if returns}
    assert await found(connection, "position", of="position < 0") == dict.fromkeys({*returned, "new"}, -60)


async def test_a_longer_lookback_takes_back_only_what_lies_in_it_and_only_what_a_shorter_one_kept_out(
    connection: Connection, account_id: AccountId
) -> None:
    for name, age in (("inside", 9), ("edge", 10), ("older", 11)):
        await add(connection, account_id, name, "filtered lookback", occurred_at=NOW - age * DAY)
    await add(connection, account_id, "trash", "filtered trash", occurred_at=NOW)
    await add(connection, account_id, "gone", "gone", occurred_at=NOW)
    await ledger.reopen_within(connection, [account_id], NOW - 10 * DAY)
    assert set(await found(connection, "state", of="state = 'pending'")) == {"inside", "edge"}
    await ledger.reopen_within(connection, [account_id], None)
    assert set(await found(connection, "state", of="state = 'pending'")) == {"inside", "edge", "older"}


# --- hidden and gone ----------------------------------------------------------------------------------------------------


async def test_the_end_of_a_message_is_published_where_anything_was_or_may_have_been(
    connection: Connection, account_id: AccountId
) -> None:
    removed = {
        ("recorded", 5): True, ("pending", 0): True, ("pending", 5): True, ("filtered trash", 5): True, ("filtered spam", 5): True,
        ("gone", 0): True, ("gone", 5): False, ("set_aside", 0): False, ("set_aside", 5): True, ("recorded", 60): False,
        ("recorded", 61): False, **{(f"filtered {rule}", 0): False for rule in NEVER_PUBLISHED},
    }  # fmt: skip
    for state, revision in removed:
        await add(connection, account_id, f"{state} {revision}", state, revision=revision)
    touched = [
        Touched(f"{state} {revision}", "t", 60, "hide", "spam") if revision else Touched(f"{state} {revision}", "t", 60, "remove")
        for state, revision in removed
    ]  # fmt: skip
    removals = await ledger.list_to_remove(connection, account_id, [*touched, Touched("unknown", "t", 60, "remove")])
    assert {removal.gmail_id: removal for removal in removals} == {
        f"{state} {revision}": Removal(f"{state} {revision}", 60, "spam" if revision else "")
        for (state, revision), is_removed in removed.items() if is_removed
    }  # fmt: skip


async def test_why_unknown_messages_are_hidden_is_remembered_but_for_drafts(
    connection: Connection, account_id: AccountId
) -> None:
    await add(connection, account_id, "known", "recorded", revision=1)
    await ledger.add_hidden(
        connection, account_id,
        [Touched("spam", "t1", 60, "hide", "spam"), Touched("draft", "t2", 61, "hide", "draft"), Touched("deleted", "t3", 62, "remove"),
         Touched("known", "t4", 63, "hide", "trash")],
    )  # fmt: skip
    rows = await connection.fetch(
        "SELECT gmail_id, thread_id, state, rule, position, revision FROM messages ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [
        ("known", "t-known", "recorded", "", 0, 1), ("spam", "t1", "filtered", "spam", -60, 60),
    ]  # fmt: skip


async def test_a_removal_counts_what_was_recorded_and_an_older_one_changes_nothing(
    connection: Connection, account_id: AccountId
) -> None:
    for name, state, revision in (
        ("deleted", "recorded", 5), ("hidden", "recorded", 5), ("pending", "pending", 0), ("newer", "recorded", 60), ("same", "gone", 60)
    ):  # fmt: skip
        await add(connection, account_id, name, state, revision=revision)
    removals = [
        Removal("deleted", 60), Removal("hidden", 61, "trash"), Removal("pending", 60), Removal("newer", 59, "spam"),
        Removal("same", 60, "spam"),
    ]  # fmt: skip
    assert await ledger.remove(connection, account_id, removals) == 3, "recorded until then"
    assert await found(connection, WRITTEN) == {
        "deleted": "gone", "hidden": "filtered trash", "pending": "gone", "newer": "recorded", "same": "gone",
    }  # fmt: skip
    assert await found(connection, "revision") == {"deleted": 60, "hidden": 61, "pending": 60, "newer": 60, "same": 60}
    assert (await found(connection, "reason"))["deleted"] == "deleted in Gmail"


async def test_what_a_complete_listing_did_not_meet_is_gone_as_of_then(
    connection: Connection, account_id: AccountId
) -> None:
    gone = {
        "recorded 5": ("recorded", 5, 1, 1), "recorded 90": ("recorded", 90, 1, 1), "pending": ("pending", 0, 1, None),
        "restored": ("gone", 0, 1, 1), "hidden": ("filtered trash", 0, 1, 1), "junk": ("filtered spam", 0, 1, 1),
        "at the edge": ("recorded", 5, 1, 10),
    }  # fmt: skip
    stays = {
        "met": ("recorded", 5, 2, 1), "older": ("recorded", 5, 1, 11), "known to be gone": ("gone", 7, 1, 1),
        "known to be hidden": ("filtered trash", 7, 1, 1), "draft": ("filtered draft", 0, 1, 1), "aside": ("set_aside", 0, 1, 1),
    }  # fmt: skip
    for name, (state, revision, generation, age) in {**gone, **stays}.items():
        occurred_at = NOW - age * DAY if age else None
        await add(
            connection, account_id, name, state, revision=revision, generation=generation, occurred_at=occurred_at
        )
    unlisted = await ledger.list_unlisted(connection, account_id, 2, NOW - 10 * DAY, 50, 100)
    assert {removal.gmail_id: removal.revision for removal in unlisted} == {
        name: 91 if revision == 90 else 50 for name, (_, revision, _, _) in gone.items()
    }
    assert {removal.rule for removal in unlisted} == {""}
    assert len(await ledger.list_unlisted(connection, account_id, 2, NOW - 10 * DAY, 50, 3)) == 3
    everything = await ledger.list_unlisted(connection, account_id, 2, None, 50, 100)
    assert {removal.gmail_id for removal in everything} == {*gone, "older"}


# --- what is read next --------------------------------------------------------------------------------------------------


async def test_pending_messages_come_newest_first_with_their_threads_up_to_where_the_listing_is(
    connection: Connection, account_id: AccountId
) -> None:
    for name, thread, position in (
        ("first", "a", -9), ("of the thread", "a", 40), ("second", "b", 10), ("third", "c", 20), ("far", "d", 30)
    ):  # fmt: skip
        await add(connection, account_id, name, thread_id=thread, position=position, revision=position + 10, failures=3)
    await add(connection, account_id, "later", thread_id="b", position=11, due_at=NOW + HOUR)
    await add(connection, account_id, "again", thread_id="e", position=12, due_at=NOW - HOUR)
    await add(connection, account_id, "done", "recorded", thread_id="a", position=-20)

    async def pending(*arguments: Any) -> tuple[list[str], int | None]:
        wanted, last = await ledger.list_pending(connection, account_id, *arguments)
        return [message.gmail_id for message in wanted], last

    assert await pending(None, 1, ()) == (["first", "of the thread"], -9)
    assert await pending(None, 2, ()) == (["first", "second", "of the thread"], 10)
    assert await pending(-9, 2, ()) == (["second", "again"], 12)
    assert await pending(10, 9, ()) == (["first", "again", "third", "far", "of the thread"], 40)
    assert await pending(None, 9, ("a", "b")) == (["again", "third", "far"], 30)
    assert await pending(None, 9, ("a",), 20) == (["second", "again", "third"], 20)
    assert await pending(40, 9, ()) == ([], None)
    [only], _ = await ledger.list_pending(connection, account_id, 20, 9, ("a",))
    assert only == Wanted("far", "d", 40, 3)


async def test_an_estimate_takes_the_cheaper_way_for_each_thread_that_is_due(
    connection: Connection, account_id: AccountId
) -> None:
    for name, thread in (("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")):
        await add(connection, account_id, name, thread_id=thread)
    await add(connection, account_id, "later", thread_id="b", due_at=NOW + HOUR)
    await add(connection, account_id, "again", thread_id="c", due_at=NOW - HOUR)
    await add(connection, account_id, "done", "recorded", thread_id="d")
    assert await ledger.get_estimate(connection, account_id, Prices(message=20, thread=40)) == WorkEstimate(
        5, 40 + 20 + 20
    )
    await connection.execute("DELETE FROM messages")
    assert await ledger.get_estimate(connection, account_id, Prices(20, 40)) == WorkEstimate(0, 0)


async def test_what_became_of_a_message_is_written_once(connection: Connection, account_id: AccountId) -> None:
    for name in ("a", "b", "c"):
        await add(connection, account_id, name, failures=4, due_at=NOW, occurred_at=NOW - DAY)
    await add(connection, account_id, "done", "gone", revision=9)
    settled = [
        Settled("a", "recorded", 5, rfc_message_id="a@example.org", occurred_at=NOW - HOUR), Settled("b", "filtered", 6, "spam", "So."),
        Settled("done", "recorded", 10),
    ]  # fmt: skip
    await ledger.settle(connection, [(account_id, message) for message in settled])
    names = "gmail_id, state, rule, reason, rfc_message_id, occurred_at, revision, failures, due_at"
    rows = await connection.fetch(f"SELECT {names} FROM messages ORDER BY gmail_id")
    assert [tuple(row) for row in rows] == [
        ("a", "recorded", "", "", "a@example.org", NOW - HOUR, 5, 0, None),
        ("b", "filtered", "spam", "So.", None, NOW - DAY, 6, 0, None),
        ("c", "pending", "", "", None, NOW - DAY, 0, 4, NOW),
        ("done", "gone", "", "", None, None, 9, 0, None),
    ]


async def test_a_message_that_is_put_off_is_due_after_its_delay_and_counts_its_failures(
    connection: Connection, account_id: AccountId
) -> None:
    await add(connection, account_id, "a", failures=4)
    await add(connection, account_id, "b")
    await add(connection, account_id, "done", "recorded")
    await ledger.put_off(
        connection, account_id, [PutOff("a", HOUR, "Now."), PutOff("b", DAY, "Later."), PutOff("done", HOUR, "Never.")]
    )
    rows = await connection.fetch("SELECT failures, due_at - now() AS delay, reason FROM messages ORDER BY gmail_id")
    assert [tuple(row) for row in rows] == [(5, HOUR, "Now."), (1, DAY, "Later."), (0, None, "")]


async def test_whether_gmail_gives_anything_out_is_tried_with_the_newest_that_it_gave(
    connection: Connection, account_id: AccountId
) -> None:
    for name, state in (("1", "recorded"), ("2", "recorded"), ("3", "recorded"), ("4", "gone"), ("5", "pending")):
        await add(connection, account_id, name, state)
    assert await ledger.get_recorded(connection, account_id, []) == "3"
    assert await ledger.get_recorded(connection, account_id, ["3"]) == "2"
    assert await ledger.get_recorded(connection, account_id, ["1", "2", "3"]) is None


async def test_messages_are_counted_by_state_and_rule(connection: Connection, account_id: AccountId) -> None:
    for name, state in (("1", "recorded"), ("2", "recorded"), ("3", "filtered spam"), ("4", "filtered trash")):
        await add(connection, account_id, name, state)
    counted = await ledger.count_by_state(connection, account_id)
    assert sorted(counted) == [("filtered", "spam", 1), ("filtered", "trash", 1), ("recorded", "", 2)]


# --- single messages ----------------------------------------------------------------------------------------------------


async def test_a_message_is_found_by_its_gmail_id_else_by_its_message_id_the_newest_copy_first(
    connection: Connection, account_id: AccountId
) -> None:
    for name, age in (("old", 9), ("undated", None), ("new", 1), ("older", 10)):
        occurred_at = NOW - age * DAY if age else None
        await add(connection, account_id, name, "recorded", rfc_message_id="x@example.org", occurred_at=occurred_at)
    await add(connection, account_id, "x@example.org", "recorded")

    async def ids(gmail_id: str, message_id: str, limit: int = 9) -> list[str]:
        return [
            entry.gmail_id for entry in await messages.list_by_id(connection, account_id, gmail_id, message_id, limit)
        ]

    assert await ids("old", "x@example.org") == ["old"]
    assert await ids("none", "x@example.org") == ["new", "old", "older", "undated"]
    assert await ids("none", "x@example.org", 2) == ["new", "old"]
    assert await ids("none", "X@example.org") == []


async def test_the_place_of_a_pending_message_is_how_many_are_read_before_it(
    connection: Connection, account_id: AccountId
) -> None:
    for position in (-5, 3, 4, 5):
        await add(connection, account_id, f"at {position}", position=position)
    await add(connection, account_id, "done", "recorded", position=1)
    assert await messages.get_place(connection, account_id, 4) == (2, None)
    columns = {
        "run_id": new_id(),
        "user_id": new_id(),
        "account_id": account_id,
        "reason": "poll",
        "done": 10,
        "total": 20,
    }
    await add_row(connection, "runs", **columns, kind="mail", state="running", eta_seconds=5.0)
    await add_row(
        connection, "runs", **{**columns, "run_id": new_id()}, kind="calendar", state="running", eta_seconds=500.0
    )
    await add_row(
        connection,
        "runs",
        **{**columns, "run_id": new_id()},
        kind="mail",
        state="failed",
        eta_seconds=900.0,
        finished_at=NOW,
    )
    assert await messages.get_place(connection, account_id, 4) == (2, 1.5)
    await connection.execute("UPDATE runs SET done = total")
    assert await messages.get_place(connection, account_id, -5) == (0, None)


async def test_a_message_that_only_gmail_knew_is_the_next_to_be_read_and_a_known_one_stays_as_it_is(
    connection: Connection, account_id: AccountId
) -> None:
    await add(connection, account_id, "known", "recorded")
    await ledger.add_touched(connection, account_id, [Touched("changed just now", "t", 2**61, "fetch")])
    for name in ("known", "new"):
        await messages.add_wanted(connection, account_id, name, "t-new")
    assert await found(connection, "state") == {"known": "recorded", "changed just now": "pending", "new": "pending"}
    [first, *_], _ = await ledger.list_pending(connection, account_id, None, 1, ())
    assert (first.gmail_id, first.thread_id) == ("new", "t-new")


async def test_what_was_set_aside_is_tried_again_one_or_all_and_nothing_else(
    connection: Connection, account_id: AccountId
) -> None:
    for name, state in (("a", "set_aside"), ("b", "set_aside refused"), ("gone", "gone"), ("recorded", "recorded")):
        await add(connection, account_id, name, state, reason="So.", retries=7)
    assert await messages.retry(connection, account_id, "gone") == 0
    assert not await messages.is_any_set_aside(connection, account_id, "gone")
    assert await messages.is_any_set_aside(connection, account_id, "b")
    assert await messages.retry(connection, account_id, "a") == 1
    assert await messages.is_any_set_aside(connection, account_id, None)
    assert await found(connection, "retries", of="state = 'pending' AND reason = ''") == {"a": 0}
    assert await messages.retry(connection, account_id, None) == 1
    assert not await messages.is_any_set_aside(connection, account_id, None)
    assert await found(connection, "state") == {"a": "pending", "b": "pending", "gone": "gone", "recorded": "recorded"}


# --- what contacts lost -------------------------------------------------------------------------------------------------


async def test_what_was_published_of_each_message_comes_page_by_page(
    connection: Connection, account_id: AccountId
) -> None:
    published = {"recorded": False, "gone": True, "filtered trash": True, "filtered spam": True}
    for state in (*STATES, "filtered chat"):
        await add(connection, account_id, state, state, revision=3)
    await add(connection, account_id, "never published", "gone", revision=0)
    every = [PublishedMessage(gmail_id=state, revision=3, removed=published[state]) for state in sorted(published)]
    assert await losses.list_published(connection, account_id, "", 99) == every
    first = await losses.list_published(connection, account_id, "", 2)
    assert first == every[:2]
    assert await losses.list_published(connection, account_id, first[-1].gmail_id, 99) == every[2:]


async def test_lost_messages_are_fetched_again_or_published_again_a_bounded_number_of_times(
    connection: Connection, account_id: AccountId
) -> None:
    for name, age, retries in (
        ("young", 1, 0), ("edge", 10, MAX_RETRIES - 1), ("old", 11, 0), ("tried", 1, MAX_RETRIES), ("gone", 1, 0)
    ):  # fmt: skip
        state = "gone" if name == "gone" else "recorded"
        await add(connection, account_id, name, state, occurred_at=NOW - age * DAY, retries=retries, revision=20)
    lost = [Suspect(name, held) for name, held in (("young", 30), ("edge", 5), ("old", 40), ("tried", 9), ("gone", 9))]
    old, given_up = await losses.add_lost(connection, account_id, lost, NOW - 10 * DAY)
    assert old == [Suspect("old", 40)]
    assert given_up == 2
    assert await found(connection, "state") == {
        "young": "pending", "edge": "pending", "old": "recorded", "tried": "recorded", "gone": "gone",
    }  # fmt: skip
    assert await found(connection, "revision") == {"young": 30, "edge": 20, "old": 40, "tried": 20, "gone": 20}
    assert await found(connection, "retries") == {
        "young": 1,
        "edge": MAX_RETRIES,
        "old": 1,
        "tried": MAX_RETRIES,
        "gone": 0,
    }
    missing = await connection.fetch("SELECT account_id, gmail_id FROM audit_missing ORDER BY gmail_id")
    assert [tuple(row) for row in missing] == [(account_id, name) for name in ("edge", "old", "young")]
    assert await losses.add_lost(connection, account_id, [Suspect("old", 0)], None) == ([], 0), (
        "all of the past is to be fetched"
    )


async def test_removals_and_old_messages_are_published_again_above_what_is_held(
    connection: Connection, account_id: AccountId
) -> None:
    for name, state in (
        ("gone", "gone"),
        ("trash", "filtered trash"),
        ("recorded", "recorded"),
        ("pending", "pending"),
    ):
        await add(connection, account_id, name, state, revision=20)
    lost = [Suspect("gone", 30), Suspect("trash", 10), Suspect("recorded", 10), Suspect("pending", 10)]
    removals = await losses.list_removals(connection, account_id, lost)
    assert sorted(removals, key=lambda removal: removal.gmail_id) == [
        Removal("gone", 31),
        Removal("trash", 21, "trash"),
    ]
    await add(connection, account_id, "another", "recorded", revision=20)
    await losses.raise_revisions(
        connection, account_id, [Suspect("gone", 24), Suspect("recorded", 25), Suspect("another", 26)]
    )
    assert await found(connection, "revision") == {
        "gone": 20,
        "trash": 20,
        "recorded": 25,
        "another": 26,
        "pending": 20,
    }
    await losses.raise_revisions(connection, account_id, [Suspect("recorded", 24)])
    assert (await found(connection, "revision"))["recorded"] == 25, "never lower"
