"""Accounts, settings and freshness, statement by statement: older news never wins, and each mailbox is looked at when it is due."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from libs.common.config import Settings
from libs.common.db import Connection, open_pool
from libs.common.events import AccountConnected, AccountDisconnected, AccountReauthRequired
from libs.common.ids import AccountId, UserId, new_id
from libs.common.preferences import GmailPreferences
from libs.common.scopes import ALL, CALENDAR_READ, GMAIL_READ
from services.sync.domain.account_states import HeldAccount
from services.sync.domain.freshness import MailboxWatch
from services.sync.store import accounts, cursors, freshness
from tests.support.database import Database
from tests.support.sync_tables import DAY, NOW, add_account, add_row

MAYA, OLGA = UserId(new_id()), UserId(new_id())
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def row_of(connection: Connection, account_id: AccountId) -> Any:
    return await connection.fetchrow("SELECT *, now() AS now FROM accounts WHERE account_id = $1", account_id)


@asynccontextmanager
async def two_connections(database: Database) -> AsyncIterator[tuple[Connection, Connection]]:
    """The second one does not wait for locks."""
    pool = await open_pool(Settings(postgres_url=database.url_for("sync")))
    try:
        async with pool.acquire() as first, pool.acquire() as second:
            await second.execute("SET lock_timeout = '200ms'")
            yield first, second
    finally:
        await pool.close()


# --- events -------------------------------------------------------------------------------------------------------------

ORDERS = [  # the account's sequence and age in hours, the event's; whether it is applied
    ((3, 5), (4, 9), True),
    ((3, 5), (3, 1), False),
    ((3, 5), (2, 1), False),
    ((3, 5), (0, 1), False),
    ((0, 5), (1, 9), True),
    ((0, 5), (0, 4), True),
    ((0, 5), (0, 5), True),
    ((0, 5), (0, 6), False),
]


@pytest.mark.parametrize(("held", "event", "is_applied"), ORDERS)
async def test_an_event_about_an_account_is_applied_where_it_is_later_than_what_is_known(
    connection: Connection, held: tuple[int, int], event: tuple[int, int], is_applied: bool
) -> None:
    common = {"user_id": MAYA, "at": NOW - event[1] * HOUR, "sequence": event[0]}
    states = {"connect": "active", "disconnect": "disconnected", "reauth": "reauth_required"}
    for what, state in states.items():
        before = "disconnected" if what == "connect" else "active"
        account_id = await add_account(
            connection,
            MAYA,
            sequence=held[0],
            changed_at=NOW - held[1] * HOUR,
            state=before,
            aliases_due=False,
            watch_due_at=NOW,
        )
        about = {**common, "account_id": account_id}
        match what:
            case "connect":
                connected = AccountConnected(
                    **about, address="M.aya+x@gmail.com", scopes=frozenset({GMAIL_READ}), again=True
                )
                applied = await accounts.upsert_account(connection, connected)
            case "disconnect":
                applied = await accounts.disconnect_account(connection, AccountDisconnected(**about, purge=False))
            case _:
                applied = await accounts.require_reauth(
                    connection, AccountReauthRequired(**about, address="x", reason="So.")
                )
        assert applied == is_applied, what
        row = await row_of(connection, account_id)
        assert row["state"] == (state if is_applied else before)
        assert (row["sequence"], row["changed_at"]) == (
            (event[0], NOW - event[1] * HOUR) if is_applied else (held[0], NOW - held[1] * HOUR)
        )
        if what == "connect" and is_applied:
            assert [row[name] for name in ("address", "canonical", "scopes", "aliases_due", "watch_due_at")] == [
                "M.aya+x@gmail.com", "maya@gmail.com", [GMAIL_READ], True, None,
            ]  # fmt: skip
        else:
            assert (row["address"], row["aliases_due"], row["watch_due_at"]) == ("maya@example.com", False, NOW)


async def test_a_new_account_has_all_that_its_connection_brings_and_one_that_ended_before_it_began_has_nothing(
    connection: Connection,
) -> None:
    begun, ended = AccountId(new_id()), AccountId(new_id())
    connected = AccountConnected(
        user_id=MAYA,
        account_id=begun,
        address="M.aya@gmail.com",
        scopes=frozenset(ALL),
        again=False,
        at=NOW,
        sequence=1,
    )
    assert await accounts.upsert_account(connection, connected)
    row = await row_of(connection, begun)
    names = ("user_id", "address", "canonical", "state", "sequence", "changed_at", "aliases_due", "watch_due_at")
    assert [row[name] for name in names] == [MAYA, "M.aya@gmail.com", "maya@gmail.com", "active", 1, NOW, True, None]
    assert set(row["scopes"]) == set(ALL)
    await accounts.disconnect_account(
        connection, AccountDisconnected(user_id=MAYA, account_id=ended, purge=False, at=NOW, sequence=2)
    )
    row = await row_of(connection, ended)
    assert [row[name] for name in ("user_id", "address", "scopes", "state", "sequence", "aliases_due")] == [
        MAYA, "", [], "disconnected", 2, False,
    ]  # fmt: skip
    reauth = AccountReauthRequired(
        user_id=MAYA, account_id=AccountId(new_id()), address="x", reason="So.", at=NOW, sequence=9
    )
    assert not await accounts.require_reauth(connection, reauth), "an unknown account"


async def test_settings_are_replaced_by_newer_ones_only(connection: Connection) -> None:
    for version, days, is_applied in ((5, 50, True), (4, 40, False), (5, 55, False), (6, 60, True)):
        gmail = GmailPreferences(mail_lookback_days=days)
        assert await accounts.upsert_preferences(connection, MAYA, version, gmail) == is_applied
    row = await connection.fetchrow("SELECT version, gmail->>'mail_lookback_days' FROM preferences")
    assert tuple(row or ()) == (6, "60")


async def test_the_own_addresses_of_a_user_are_those_of_all_accounts_with_all_aliases_and_of_the_settings(
    connection: Connection,
) -> None:
    first = await add_account(
        connection, MAYA, address="M.aya@gmail.com", aliases=["Sales@example.com"], time_zone="Asia/Tokyo"
    )
    await add_account(
        connection, MAYA, address="maya@work.example", aliases=["info@work.example"], state="disconnected"
    )
    await add_account(connection, OLGA, address="olga@example.com", aliases=["o@example.com"])
    await accounts.upsert_preferences(connection, MAYA, 1, GmailPreferences(own_addresses=("me@home.example",)))
    found = await accounts.get_account(connection, first)
    assert found is not None
    assert found.own_addresses == {
        "maya@gmail.com", "sales@example.com", "maya@work.example", "info@work.example", "me@home.example",
    }  # fmt: skip
    assert (found.addresses, found.time_zone) == (("M.aya@gmail.com", "Sales@example.com"), "Asia/Tokyo")
    assert await accounts.get_account(connection, AccountId(new_id())) is None


async def test_what_is_read_of_an_account_is_written_to_it(connection: Connection) -> None:
    account_id, stopped = (
        await add_account(connection, MAYA, identified=4),
        await add_account(connection, MAYA, state="disconnected"),
    )
    assert await accounts.next_identification(connection, account_id) == 5
    await accounts.set_aliases(connection, account_id, ["b@example.com", "a@example.com"])
    await accounts.set_aliases(connection, stopped, [])
    await accounts.set_time_zone(connection, account_id, "Asia/Tokyo")
    row = await row_of(connection, account_id)
    assert [row[name] for name in ("identified", "aliases", "aliases_due", "time_zone")] == [
        5, ["b@example.com", "a@example.com"], False, "Asia/Tokyo",
    ]  # fmt: skip
    await accounts.make_aliases_due(connection)
    assert (await row_of(connection, account_id))["aliases_due"] is True
    assert (await row_of(connection, stopped))["aliases_due"] is False, "of it nothing is read"
    assert await accounts.list_account_ids(connection, MAYA) == [account_id]


async def test_the_count_of_events_is_corrected_only_where_none_came_meanwhile(connection: Connection) -> None:
    account_id = await add_account(connection, MAYA, sequence=7, scopes=[GMAIL_READ])
    await accounts.replace_sequence(connection, account_id, 6, 2)
    assert (await row_of(connection, account_id))["sequence"] == 7
    await accounts.replace_sequence(connection, account_id, 7, 2)
    assert await accounts.list_held(connection, [account_id, AccountId(new_id())]) == {
        account_id: HeldAccount("active", "maya@example.com", frozenset({GMAIL_READ}), 2)
    }


async def test_a_deleted_account_takes_everything_along_and_is_remembered(connection: Connection) -> None:
    account_id, user_id = await add_account(connection, MAYA), UserId(new_id())
    await cursors.upsert_cursor(connection, account_id, "mail", {})
    await accounts.delete_account(connection, account_id)
    await accounts.delete_account(connection, account_id)
    assert await connection.fetch("SELECT FROM accounts UNION ALL SELECT FROM cursors") == []
    assert await accounts.is_forgotten(connection, MAYA, account_id)
    assert not await accounts.is_forgotten(connection, MAYA)
    theirs = await add_account(connection, user_id)
    await accounts.upsert_preferences(connection, user_id, 1, GmailPreferences())
    await accounts.delete_user(connection, user_id)
    assert await connection.fetch("SELECT FROM accounts UNION ALL SELECT FROM preferences") == []
    assert await accounts.list_forgotten(connection, [user_id, account_id, theirs, MAYA]) == {user_id, account_id}


async def test_events_about_one_user_are_applied_one_at_a_time_and_an_account_is_held_until_the_commit(
    emptied_database: Database,
) -> None:
    async with two_connections(emptied_database) as (mine, theirs):
        account_id, second_id = await add_account(mine, MAYA), await add_account(mine, MAYA)
        locks = {
            "user": (accounts.lock_user(mine, MAYA), lambda: accounts.lock_user(theirs, MAYA)),
            "account": (accounts.lock_account(mine, account_id), lambda: accounts.lock_account(theirs, account_id)),
            "accounts": (accounts.lock_accounts_of(mine, MAYA), lambda: accounts.lock_account(theirs, second_id)),
        }
        for name, (lock, again) in locks.items():
            async with mine.transaction():
                await lock
                await accounts.lock_user(theirs, OLGA)
                with pytest.raises(asyncpg.LockNotAvailableError):
                    await again()
                if name != "user":  # rows that refer to it can be written meanwhile
                    await cursors.upsert_cursor(theirs, account_id, "mail", {})
            await again()
        async with mine.transaction():
            assert await accounts.lock_accounts_of(mine, MAYA) == sorted([account_id, second_id])


# --- freshness ----------------------------------------------------------------------------------------------------------


async def add_mailbox(connection: Connection, **columns: Any) -> AccountId:
    """At rest, and due."""
    values = {"poll_at": NOW - HOUR, **columns}
    account_id = await add_account(connection, UserId(new_id()), **values)
    await cursors.upsert_cursor(connection, account_id, "mail", {"history_id": 100, "listing": None})
    return account_id


async def test_a_hint_concerns_the_connected_mailboxes_of_its_address_that_have_not_read_so_far(
    connection: Connection,
) -> None:
    maya = [await add_mailbox(connection) for _ in range(2)]
    unread = await add_account(connection, MAYA)
    await cursors.upsert_cursor(connection, unread, "contacts", {"history_id": 1_000})
    olga = await add_mailbox(connection, canonical="olga@example.com")
    gone = await add_mailbox(connection, state="disconnected")

    async def behind(**hints: int) -> set[AccountId]:
        return set(
            await freshness.list_behind(connection, {f"{name}@example.com": number for name, number in hints.items()})
        )

    assert await behind(maya=101) == {*maya, unread}
    assert await behind(maya=100, olga=101, nobody=10**9) == {unread, olga}
    assert await behind(maya=99, olga=100) == {unread}
    await freshness.note_pushed(connection, ["maya@example.com", "nobody@example.com"])
    rows = await connection.fetch("SELECT account_id FROM accounts WHERE pushed_at = now()")
    assert {row["account_id"] for row in rows} == {*maya, unread}
    assert (await row_of(connection, gone))["pushed_at"] is None


async def test_a_notification_waits_for_nobody_and_of_two_replicas_one_polls(emptied_database: Database) -> None:
    async with two_connections(emptied_database) as (mine, theirs):
        account_id = await add_mailbox(mine)
        async with mine.transaction():
            assert [due.account_id for due in await freshness.list_due(mine, 9)] == [account_id]
            assert await freshness.list_due(theirs, 9) == []
            await freshness.note_pushed(theirs, ["maya@example.com"])
            assert (await row_of(theirs, account_id))["pushed_at"] is None
        assert len(await freshness.list_due(theirs, 9)) == 1


async def test_mailboxes_at_rest_are_polled_when_they_are_due_the_longest_overdue_first(connection: Connection) -> None:
    due = [await add_mailbox(connection, poll_at=NOW - hours * HOUR) for hours in (1, 3, 2)]
    await add_mailbox(connection, poll_at=NOW + HOUR)
    await add_mailbox(connection, state="reauth_required")
    await add_mailbox(connection, scopes=[CALENDAR_READ])
    never_read = await add_account(connection, MAYA, poll_at=NOW - HOUR)
    await cursors.upsert_cursor(connection, never_read, "calendar", {"listing": None}, "primary")
    listing = await add_mailbox(connection)
    await cursors.upsert_cursor(connection, listing, "mail", {"history_id": 1, "listing": {"page": None}})
    busy = await add_mailbox(connection)
    run = {"user_id": MAYA, "reason": "poll", "kind": "mail"}
    await add_row(connection, "runs", **run, run_id=new_id(), account_id=busy, state="queued")
    await add_row(connection, "runs", **run, run_id=new_id(), account_id=due[0], state="completed", finished_at=NOW)
    await add_row(connection, "runs", **{**run, "kind": "calendar"}, run_id=new_id(), account_id=due[0], state="queued")
    assert [mailbox.account_id for mailbox in await freshness.list_due(connection, 9)] == [due[1], due[2], due[0]]
    assert [mailbox.account_id for mailbox in await freshness.list_due(connection, 1)] == [due[1]]
    await freshness.set_poll(connection, [(due[1], HOUR), (due[2], 2 * HOUR)])
    assert [mailbox.account_id for mailbox in await freshness.list_due(connection, 9)] == [due[0]]
    for account_id, pause in ((due[1], HOUR), (due[2], 2 * HOUR)):
        row = await row_of(connection, account_id)
        assert row["poll_at"] == row["now"] + pause


@pytest.mark.parametrize(
    ("watched_for", "pushed", "missed", "is_pushed"),
    [
        (HOUR, HOUR, None, True),
        (HOUR, HOUR, 2 * HOUR, True),
        (HOUR, 2 * HOUR, HOUR, False),
        (HOUR, None, None, False),
        (-HOUR, HOUR, None, False),
        (None, HOUR, None, False),
    ],
)
async def test_notifications_are_relied_on_while_the_watch_lasts_and_none_failed_to_come(
    connection: Connection,
    watched_for: timedelta | None,
    pushed: timedelta | None,
    missed: timedelta | None,
    is_pushed: bool,
) -> None:
    await add_mailbox(
        connection, news_at=NOW - DAY, watch_expires_at=watched_for and NOW + watched_for, pushed_at=pushed and NOW - pushed,
        missed_at=missed and NOW - missed,
    )  # fmt: skip
    [mailbox] = await freshness.list_due(connection, 9)
    assert mailbox.is_pushed is is_pushed
    assert DAY <= mailbox.quiet < DAY + HOUR


@pytest.mark.parametrize(
    ("columns", "polled_at", "has_failed"),
    [
        ({"watch_expires_at": NOW, "pushed_at": None}, NOW, True),
        ({"watch_expires_at": NOW, "pushed_at": NOW - HOUR}, NOW, True),
        ({"watch_expires_at": NOW, "pushed_at": NOW + HOUR}, NOW, False),
        ({"watch_expires_at": NOW, "pushed_at": NOW}, NOW, False),
        ({"watch_expires_at": NOW, "pushed_at": NOW - HOUR}, None, False),
        ({"watch_expires_at": None, "pushed_at": None}, NOW, False),
    ],
)
async def test_what_a_poll_found_without_a_notification_counts_against_the_watch(
    connection: Connection, columns: dict[str, Any], polled_at: Any, has_failed: bool
) -> None:
    account_id = await add_mailbox(connection, watch_due_at=NOW + DAY, poll_at=NOW + DAY, news_at=NOW - DAY, **columns)
    await freshness.note_activity(connection, account_id, HOUR, polled_at=polled_at)
    row = await row_of(connection, account_id)
    assert (row["news_at"], row["poll_at"]) == (row["now"], row["now"] + HOUR)
    assert row["missed_at"] == (row["now"] if has_failed else None)
    assert row["watch_due_at"] == (row["now"] + 5 * MINUTE if has_failed else NOW + DAY)
    await connection.execute("UPDATE accounts SET poll_at = $1, watch_due_at = $2", NOW - DAY, NOW)
    await freshness.note_activity(connection, account_id, HOUR, polled_at=polled_at)
    row = await row_of(connection, account_id)
    assert (row["poll_at"], row["watch_due_at"]) == (NOW - DAY, NOW), "never later than it was"


async def test_watches_are_renewed_of_connected_accounts_that_have_one(connection: Connection) -> None:
    made = [
        await add_account(connection, MAYA, watch_topic=topic, watch_due_at=NOW + DAY, state=state)
        for topic, state in (("t", "active"), ("", "active"), ("t", "disconnected"))
    ]
    await freshness.make_watches_due(connection)
    assert [(await row_of(connection, account_id))["watch_due_at"] for account_id in made] == [
        None,
        NOW + DAY,
        NOW + DAY,
    ]
    await freshness.set_watch(connection, made[0], MailboxWatch("new", NOW + HOUR, NOW + MINUTE))
    row = await row_of(connection, made[0])
    assert (row["watch_topic"], row["watch_expires_at"], row["watch_due_at"]) == ("new", NOW + HOUR, NOW + MINUTE)
    found = await accounts.get_account(connection, made[0])
    assert found is not None
    assert found.watch == MailboxWatch("new", NOW + HOUR, NOW + MINUTE)
