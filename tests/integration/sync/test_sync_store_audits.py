"""Audits, statement by statement: when one is due, how far it is, and what it finds missing or too much."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.db import Connection
from libs.common.ids import AccountId, UserId, new_id
from libs.common.requests import AuditedItems
from libs.common.resources.gmail import MessagePage, MessageRef
from services.sync.domain.audit import MAX_RETRIES, AuditCount
from services.sync.domain.item_audit import ItemCount
from services.sync.domain.ledger import Suspect
from services.sync.store import audits, item_audits
from services.sync.store.audits import Audit
from tests.support.sync_tables import DAY, NOW, add_account, add_row

HOUR = timedelta(hours=1)


@pytest.fixture
async def account_id(connection: Connection) -> AccountId:
    return await add_account(connection, UserId(new_id()))


async def add(connection: Connection, account_id: AccountId, **columns: Any) -> Audit:
    values = {"audit_id": new_id(), "due_at": NOW - HOUR, "history_id": 50, **columns}
    await add_row(connection, "audits", account_id=account_id, **values)
    row = await connection.fetchrow("SELECT * FROM audits WHERE audit_id = $1", values["audit_id"])
    assert row is not None
    return Audit(**{name: row[name] for name in Audit.__slots__})


async def row_of(connection: Connection, audit_id: UUID) -> Any:
    return await connection.fetchrow("SELECT *, now() AS now FROM audits WHERE audit_id = $1", audit_id)


async def add_message(connection: Connection, account_id: AccountId, gmail_id: str, state: str, **columns: Any) -> None:
    state, _, rule = state.partition(" ")
    values = {"thread_id": f"t-{gmail_id}", "position": 0, "rule": rule, "occurred_at": NOW - DAY, **columns}
    await add_row(connection, "messages", account_id=account_id, gmail_id=gmail_id, state=state, **values)


async def list_pages(connection: Connection, account_id: AccountId, *pages: tuple[str, ...]) -> None:
    for number, ids in enumerate(pages):
        await add_row(
            connection, "audit_pages", account_id=account_id, number=number, gmail_ids=list(ids),
            thread_ids=[f"t-{gmail_id}" for gmail_id in ids],
        )  # fmt: skip


# --- when ---------------------------------------------------------------------------------------------------------------


async def test_of_each_account_one_audit_is_scheduled_at_a_time_for_the_sooner_moment(connection: Connection) -> None:
    ids = [await add_account(connection, UserId(new_id())) for _ in range(3)]
    await add(connection, ids[0], finished_at=NOW)
    await audits.schedule(connection, [(ids[0], HOUR), (ids[1], HOUR), (ids[2], 0 * HOUR)])
    await audits.schedule(connection, [(ids[0], 2 * HOUR), (ids[1], HOUR / 2)])
    rows = await connection.fetch("SELECT account_id, due_at - now() AS delay FROM audits WHERE finished_at IS NULL")
    assert {row["account_id"]: row["delay"] for row in rows} == {ids[0]: HOUR, ids[1]: HOUR / 2, ids[2]: 0 * HOUR}


async def test_a_run_is_requested_for_an_audit_that_is_due_and_again_after_some_hours(connection: Connection) -> None:
    long_ago = audits.REQUEST_AGAIN_AFTER + timedelta(minutes=1)
    made = {
        "due": {}, "requested": {"asked_at": NOW}, "requested long ago": {"asked_at": NOW - long_ago},
        "not due": {"due_at": NOW + HOUR}, "over": {"finished_at": NOW},
    }  # fmt: skip
    ids = {name: await add_account(connection, UserId(new_id())) for name in made}
    for name, columns in made.items():
        await add(connection, ids[name], **columns)
    assert set(await audits.list_due(connection)) == {ids["due"], ids["requested long ago"]}
    assert {name for name in made if await audits.get_due(connection, ids[name])} == {
        "due",
        "requested",
        "requested long ago",
    }
    assert {name for name in made if not await audits.is_under_way(connection, ids[name])} == {"over"}
    await audits.note_requested(connection, [ids["due"], ids["over"]])
    assert await audits.list_due(connection) == [ids["requested long ago"]]
    rows = await connection.fetch("SELECT account_id FROM audits WHERE asked_at = now()")
    assert [row["account_id"] for row in rows] == [ids["due"]]


# --- the list -----------------------------------------------------------------------------------------------------------


async def test_an_audit_begins_anew_lists_page_by_page_and_begins_again(
    connection: Connection, account_id: AccountId
) -> None:
    audit = await add(connection, account_id)
    await list_pages(connection, account_id, ("of the one before",))
    await add_row(connection, "audit_missing", account_id=account_id, gmail_id="of the one before")
    await audits.begin(connection, audit, account_id, 7, 8)
    assert not await connection.fetch("SELECT FROM audit_pages UNION ALL SELECT FROM audit_missing")
    row = await row_of(connection, audit.audit_id)
    assert (row["began_at"], row["since_s"], row["history_id"]) == (row["now"], 7, 8)

    for next_page in ("second", None):
        page = MessagePage((MessageRef(f"before {next_page}", "t"),), next_page)
        await audits.add_page(connection, account_id, audit, page)
        row = await row_of(connection, audit.audit_id)
        assert (row["page"], row["listed_at"]) == (next_page, None if next_page else row["now"])
        audit = replace(audit, pages=audit.pages + 1)
        assert row["pages"] == audit.pages
    pages = await connection.fetch("SELECT number, gmail_ids, thread_ids FROM audit_pages ORDER BY number")
    assert [tuple(page) for page in pages] == [(0, ["before second"], ["t"]), (1, ["before None"], ["t"])]

    await connection.execute("UPDATE audits SET page = 'third'")
    await audits.list_again(connection, account_id, audit)
    row = await row_of(connection, audit.audit_id)
    assert (row["page"], row["pages"], await connection.fetch("SELECT FROM audit_pages")) == (None, 0, [])
    await audits.add_cost(connection, audit, 2, 3)
    await audits.add_cost(connection, audit, 20, 30)
    await audits.count_removed(connection, audit, 4)
    await audits.count_removed(connection, audit, 40)
    row = await row_of(connection, audit.audit_id)
    assert (row["requests"], row["units"], row["healed_removed"]) == (22, 33, 44)


# --- what it finds ------------------------------------------------------------------------------------------------------

MISSING = {
    "unknown": None, "gone": ("gone", 50), "trash": ("filtered trash", 50), "spam": ("filtered spam", 0), "draft": ("filtered draft", 0),
    "chat": ("filtered chat", 0), "lookback": ("filtered lookback", 0), "at the edge": ("filtered lookback", 0),
}  # fmt: skip
NOT_MISSING = {
    "recorded": ("recorded", 1), "pending": ("pending", 0), "set aside": ("set_aside", 0), "brief": ("filtered prep_email", 0),
    "gone since": ("gone", 51), "trash since": ("filtered trash", 51), "too old": ("filtered lookback", 0),
}  # fmt: skip


async def test_what_is_listed_and_hidden_without_a_reason_is_fetched_and_what_happened_since_is_history(
    connection: Connection, account_id: AccountId
) -> None:
    audit = await add(connection, account_id)
    ages = {"at the edge": 10, "too old": 11}
    for name, known in {**MISSING, **NOT_MISSING}.items():
        if known:
            state, revision = known
            await add_message(
                connection, account_id, name, state, revision=revision, occurred_at=NOW - ages.get(name, 1) * DAY
            )
    await list_pages(connection, account_id, tuple(MISSING), (*NOT_MISSING, "unknown"))
    await add_message(connection, account_id, "not listed", "gone")
    assert await audits.add_missing(connection, account_id, audit, NOW - 10 * DAY) == len(MISSING)
    rows = await connection.fetch("SELECT gmail_id FROM audit_missing")
    assert {row["gmail_id"] for row in rows} == set(MISSING)
    rows = await connection.fetch("SELECT gmail_id FROM messages WHERE state = 'pending' AND gmail_id <> 'pending'")
    assert {row["gmail_id"] for row in rows} == set(MISSING)
    assert await connection.fetchval("SELECT thread_id FROM messages WHERE gmail_id = 'unknown'") == "t-unknown"
    assert await audits.add_missing(connection, account_id, audit, NOW - 10 * DAY) == 0
    assert await audits.add_missing(connection, account_id, audit, None) == 1, (
        "the whole of the past: also what was too old"
    )


async def test_messages_of_the_second_page_are_read_after_those_of_the_first(
    connection: Connection, account_id: AccountId
) -> None:
    audit = await add(connection, account_id)
    await list_pages(connection, account_id, ("a", "b"), ("c",))
    await audits.add_missing(connection, account_id, audit, None)
    rows = await connection.fetch("SELECT gmail_id FROM messages ORDER BY position")
    assert [row["gmail_id"] for row in rows] == ["a", "b", "c"]


async def test_what_gmail_refuses_to_give_out_is_tried_a_bounded_number_of_times(
    connection: Connection, account_id: AccountId
) -> None:
    for name, state, retries in (
        ("once more", "set_aside refused", MAX_RETRIES - 1), ("enough", "set_aside refused", MAX_RETRIES), ("unreadable", "set_aside", 0),
        ("recorded", "recorded", 0), ("tried just now", "pending refused", 1),
    ):  # fmt: skip
        await add_message(connection, account_id, name, state, retries=retries)
    await audits.retry_refused(connection, account_id)
    rows = await connection.fetch("SELECT gmail_id, retries FROM messages WHERE state = 'pending' ORDER BY gmail_id")
    assert [tuple(row) for row in rows] == [("once more", MAX_RETRIES), ("tried just now", 1)]


async def test_what_is_recorded_and_not_listed_is_suspected_page_by_page(
    connection: Connection, account_id: AccountId
) -> None:
    audit = await add(connection, account_id)
    for name, state, revision, age in (
        ("a", "recorded", 50, 1), ("b", "recorded", 2, 10), ("c", "recorded", 3, 1), ("changed since", "recorded", 51, 1),
        ("listed", "recorded", 1, 1), ("older", "recorded", 1, 11), ("gone", "gone", 1, 1), ("pending", "pending", 0, 1),
    ):  # fmt: skip
        await add_message(connection, account_id, name, state, revision=revision, occurred_at=NOW - age * DAY)
    await list_pages(connection, account_id, ("x",), ("listed",))
    since = NOW - 10 * DAY
    every = [Suspect("a", 50), Suspect("b", 2), Suspect("c", 3)]
    assert await audits.list_unlisted(connection, account_id, audit, since, "", 99) == every
    assert await audits.list_unlisted(connection, account_id, audit, since, "", 2) == every[:2]
    assert await audits.list_unlisted(connection, account_id, audit, since, "b", 99) == every[2:]
    assert len(await audits.list_unlisted(connection, account_id, audit, None, "", 99)) == 4


async def test_what_is_listed_is_counted_once_by_what_became_of_it(
    connection: Connection, account_id: AccountId
) -> None:
    for name, state in (
        ("a", "recorded"), ("b", "recorded"), ("c", "filtered spam"), ("d", "filtered spam"), ("e", "filtered lookback"),
        ("f", "set_aside"), ("g", "pending"), ("not listed", "recorded"),
    ):  # fmt: skip
        await add_message(connection, account_id, name, state)
    await list_pages(connection, account_id, ("a", "b", "c", "d"), ("d", "e", "f", "g", "unknown"))
    counted = await audits.count_listed(connection, account_id, 9)
    assert counted == AuditCount(8, 2, {"spam": 2, "lookback": 1}, 1, 2, 9)


# --- the end ------------------------------------------------------------------------------------------------------------


async def test_an_audit_ends_with_what_it_counted_and_the_oldest_ones_go(
    connection: Connection, account_id: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "KEPT", 3)
    other_id = await add_account(connection, UserId(new_id()))
    for days in range(1, 6):
        await add(connection, account_id, began_at=NOW, finished_at=NOW - days * DAY, listed=days)
        await add(connection, other_id, began_at=NOW, finished_at=NOW - days * DAY)
    audit = await add(connection, account_id, began_at=NOW, page="p")
    for name, state in (("a", "recorded"), ("b", "recorded"), ("c", "pending"), ("not missed", "recorded")):
        await add_message(connection, account_id, name, state)
        if name != "not missed":
            await add_row(connection, "audit_missing", account_id=account_id, gmail_id=name)
    await list_pages(connection, account_id, ("a",))
    last = await audits.get_last(connection, account_id)
    assert last is not None
    assert last.listed == 1, "the newest"

    result = await audits.end(connection, account_id, audit, AuditCount(10, 4, {"spam": 3}, 2, 1, 5))
    assert (result.listed, result.recorded, result.filtered, result.set_aside, result.pending, result.unhealed) == (
        10, 4, {"spam": 3}, 2, 1, 5,
    )  # fmt: skip
    assert (result.healed_added, result.complete) == (2, AuditCount(10, 4, {"spam": 3}, 2, 1, 5).complete)
    row = await row_of(connection, audit.audit_id)
    assert (row["finished_at"], row["page"]) == (row["now"], None)
    assert not await connection.fetch("SELECT FROM audit_pages UNION ALL SELECT FROM audit_missing")
    assert await audits.get_last(connection, account_id) == result
    assert not await audits.is_under_way(connection, account_id)
    kept = await connection.fetch(
        "SELECT listed FROM audits WHERE account_id = $1 ORDER BY finished_at DESC", account_id
    )
    assert [row["listed"] for row in kept] == [10, 1, 2]
    assert await connection.fetchval("SELECT count(*) FROM audits WHERE account_id = $1", other_id) == 5


# --- meetings and cards -------------------------------------------------------------------------------------------------


async def test_an_audit_of_meetings_or_cards_is_due_once_at_the_sooner_moment_until_it_ends(
    connection: Connection, account_id: AccountId
) -> None:
    for delay in (HOUR, HOUR / 2, 2 * HOUR):
        await item_audits.schedule(connection, "calendar", [(account_id, delay)])
    [row] = await connection.fetch("SELECT kind, due_at - now() AS delay FROM item_audits")
    assert tuple(row) == ("calendar", HOUR / 2)
    assert not await item_audits.is_due(connection, account_id, "calendar")
    await item_audits.schedule(connection, "calendar", [(account_id, 0 * HOUR)])
    assert await item_audits.is_due(connection, account_id, "calendar")
    assert not await item_audits.is_due(connection, account_id, "contacts")
    await item_audits.schedule(connection, "contacts", [(account_id, 0 * HOUR)])

    waits = await item_audits.get_last(connection, account_id, "calendar")
    assert (waits.finished_at, waits.under_way, waits.summary) == (
        None, True, "The meetings were not compared yet; that is done once a day.",
    )  # fmt: skip
    assert await item_audits.end(connection, account_id, "calendar", ItemCount(9, 8, 7)) == 0
    assert await item_audits.end(connection, account_id, "calendar", ItemCount(6, 5, 4)) == 7, (
        "what the one before left"
    )
    assert not await item_audits.is_due(connection, account_id, "calendar")
    assert await item_audits.is_due(connection, account_id, "contacts")
    ended = await item_audits.get_last(connection, account_id, "calendar")
    assert ended == AuditedItems(
        summary=ended.summary, finished_at=await connection.fetchval("SELECT now()"), compared=6, healed=5, unhealed=4
    )
    assert ended.summary.startswith("4 of 6 meetings")
    await item_audits.schedule(connection, "calendar", [(account_id, 0 * HOUR)])
    assert await item_audits.is_due(connection, account_id, "calendar"), "the next day"
    assert (await item_audits.get_last(connection, account_id, "contacts")).finished_at is None
