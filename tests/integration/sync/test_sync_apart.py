"""Each function of the store that is about one account, or one user, sees and changes nothing of the others, whose rows have the same ids.

Every call is made twice, with the others' rows there and without them: what it returns and what it leaves behind is the same.
"""

import inspect
import pkgutil
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

import services.sync.store
from libs.common.db import Connection
from libs.common.events import AccountConnected, AccountDisconnected, AccountReauthRequired
from libs.common.ids import AccountId, UserId, new_id
from libs.common.preferences import GmailPreferences
from libs.common.requests import HeldItem, PublishedItem
from libs.common.resources.gmail import MessagePage, MessageRef
from libs.common.scopes import ALL
from services.sync.domain.audit import AuditCount
from services.sync.domain.channels import Channel
from services.sync.domain.fetching import Prices
from services.sync.domain.freshness import MailboxWatch
from services.sync.domain.history import Touched
from services.sync.domain.item_audit import ItemCount
from services.sync.domain.ledger import PutOff, Removal, Settled, Suspect
from services.sync.domain.runs import Pause, Progress, RunRequest, Tally
from services.sync.store import (
    accounts,
    audits,
    channels,
    cursors,
    freshness,
    item_audits,
    leases,
    ledger,
    losses,
    meetings,
    messages,
    operations,
    people,
    prep_scans,
    runs,
)
from tests.support.sync_tables import DAY, NOW, TableAccount, fill, meeting, rows_of

MAYA, OLGA = UserId(new_id()), UserId(new_id())
OTHER, ACCOUNT = TableAccount(MAYA, 2), TableAccount(MAYA, 1)  # the other one's rows come first in each index
OLGAS = TableAccount(OLGA, 3)
ID, LEASE, AUDIT = ACCOUNT.account_id, ACCOUNT.lease(1), ACCOUNT.audit
COMPARED = [(PublishedItem(id="primary/e1", revision=1), HeldItem(id="primary/e1", revision=0))]
CARDS = [(PublishedItem(id="people/1", revision=1), HeldItem(id="people/1", revision=0))]
REFS = [MessageRef("m5", "t5"), MessageRef("m6", "t6"), MessageRef("fresh", "t")]
ENDED = [Touched("m1", "t1", 500, "hide", "trash"), Touched("fresh", "t", 501, "hide", "spam")]
SUSPECTS = [Suspect("m1", 400), Suspect("m2", 401)]
REQUEST = RunRequest(ID, "contacts", "user")
PERSON = {"user_id": MAYA, "account_id": ID}
ANOTHER_CHANNEL = new_id()

Call = Callable[[Connection], Awaitable[Any]]
# Of one account. By module, since two modules may have a function of the same name.
OF_ACCOUNT: dict[Any, dict[str, Call]] = {
    accounts: {
        "lock_account": lambda c: accounts.lock_account(c, ID),
        "replace_sequence": lambda c: accounts.replace_sequence(c, ID, 1, 9),
        "next_identification": lambda c: accounts.next_identification(c, ID),
        "set_aliases": lambda c: accounts.set_aliases(c, ID, ["x@example.com"]),
        "set_time_zone": lambda c: accounts.set_time_zone(c, ID, "Asia/Tokyo"),
        "delete_account": lambda c: accounts.delete_account(c, ID),
        "upsert_account": lambda c: accounts.upsert_account(
            c, AccountConnected(**PERSON, address="new@example.com", scopes=frozenset(ALL), again=True, at=NOW, sequence=9)
        ),
        "disconnect_account": lambda c: accounts.disconnect_account(
            c, AccountDisconnected(**PERSON, purge=False, at=NOW, sequence=9)
        ),
        "require_reauth": lambda c: accounts.require_reauth(
            c, AccountReauthRequired(**PERSON, address="maya@example.com", reason="So.", at=NOW, sequence=9)
        ),
        "list_held": lambda c: accounts.list_held(c, [ID]),
        "is_forgotten": lambda c: _forgotten_and_back(c),
    },
    audits: {
        "schedule": lambda c: audits.schedule(c, [(ID, -2 * DAY)]),
        "note_requested": lambda c: audits.note_requested(c, [ID]),
        "get_due": lambda c: audits.get_due(c, ID),
        "begin": lambda c: audits.begin(c, AUDIT, ID, 7, 8),
        "add_page": lambda c: audits.add_page(c, ID, AUDIT.__class__(AUDIT.audit_id, NOW, None, 0, 1, None, 5),
                                              MessagePage((MessageRef("m2", "t2"),), None)),
        "list_again": lambda c: audits.list_again(c, ID, AUDIT),
        "add_cost": lambda c: audits.add_cost(c, AUDIT, 2, 3),
        "add_missing": lambda c: audits.add_missing(c, ID, AUDIT, None),
        "retry_refused": lambda c: audits.retry_refused(c, ID),
        "list_unlisted": lambda c: audits.list_unlisted(c, ID, AUDIT, None, "", 10),
        "count_removed": lambda c: audits.count_removed(c, AUDIT, 4),
        "count_listed": lambda c: audits.count_listed(c, ID, 0),
        "end": lambda c: audits.end(c, ID, AUDIT, AuditCount(4, 3, {}, 0, 0, 0)),
        "get_last": lambda c: audits.get_last(c, ID),
        "is_under_way": lambda c: _under_way_after_the_end(c),
    },
    channels: {
        "list_channels": lambda c: channels.list_channels(c, ID),
        "insert_channel": lambda c: channels.insert_channel(c, MAYA, ID, Channel(ANOTHER_CHANNEL, "team", NOW), b"another"),
        "set_channel": lambda c: channels.set_channel(c, Channel(ACCOUNT.channel_id, "primary", NOW + DAY, "r", NOW + 2 * DAY)),
        "delete_channel": lambda c: channels.delete_channel(c, ACCOUNT.channel_id),
        "delete_of_account": lambda c: channels.delete_of_account(c, ID),
        "get_account_id": lambda c: channels.get_account_id(c, ACCOUNT.channel_id, b"hash"),
    },
    cursors: {
        "get_cursor": lambda c: cursors.get_cursor(c, ID, "mail"),
        "upsert_cursor": lambda c: cursors.upsert_cursor(c, ID, "mail", {"listing": None, "history_id": 9}),
        "list_calendars": lambda c: cursors.list_calendars(c, ID),
        "delete_cursor": lambda c: cursors.delete_cursor(c, ID, "calendar", "primary"),
    },
    freshness: {
        "set_poll": lambda c: freshness.set_poll(c, [(ID, DAY)]),
        "note_activity": lambda c: freshness.note_activity(c, ID, DAY, polled_at=NOW),
        "set_watch": lambda c: freshness.set_watch(c, ID, MailboxWatch("new", NOW, NOW)),
    },
    item_audits: {
        "schedule": lambda c: item_audits.schedule(c, "contacts", [(ID, DAY)]),
        "is_due": lambda c: item_audits.is_due(c, ID, "calendar"),
        "end": lambda c: item_audits.end(c, ID, "calendar", ItemCount(5, 4, 3)),
        "get_last": lambda c: item_audits.get_last(c, ID, "contacts"),
    },
    leases: {
        "renew": lambda c: leases.renew(c, [LEASE]),
        "hold": lambda c: leases.hold(c, LEASE),
        "release": lambda c: leases.release(c, LEASE),
    },
    ledger: {
        "add_listed": lambda c: ledger.add_listed(c, ID, REFS, 100, 7),
        "add_touched": lambda c: ledger.add_touched(c, ID, [Touched("m6", "t6", 99, "fetch"), Touched("fresh", "t", 99, "fetch")]),
        "reopen_within": lambda c: ledger.reopen_within(c, [ID], None),
        "list_to_remove": lambda c: ledger.list_to_remove(c, ID, ENDED),
        "add_hidden": lambda c: ledger.add_hidden(c, ID, ENDED),
        "remove": lambda c: ledger.remove(c, ID, [Removal("m1", 500, "trash"), Removal("m2", 501)]),
        "list_pending": lambda c: ledger.list_pending(c, ID, None, 1, ()),
        "get_estimate": lambda c: ledger.get_estimate(c, ID, Prices(20, 40)),
        "settle": lambda c: ledger.settle(c, [(ID, Settled("m3", "recorded", 77)), (ID, Settled("m1", "gone", 88))]),
        "put_off": lambda c: ledger.put_off(c, ID, [PutOff("m3", DAY, "Not now.")]),
        "get_recorded": lambda c: ledger.get_recorded(c, ID, ["m2"]),
        "list_unlisted": lambda c: ledger.list_unlisted(c, ID, 2, None, 50, 10),
        "count_by_state": lambda c: _sorted(ledger.count_by_state(c, ID)),
    },
    losses: {
        "list_published": lambda c: losses.list_published(c, ID, "", 3),
        "add_lost": lambda c: losses.add_lost(c, ID, SUSPECTS, NOW - 1.5 * DAY),
        "list_removals": lambda c: losses.list_removals(c, ID, [Suspect("m6", 50), Suspect("m7", 51)]),
        "raise_revisions": lambda c: losses.raise_revisions(c, ID, SUSPECTS),
    },
    meetings: {
        "upsert_meetings": lambda c: meetings.upsert_meetings(c, ID, "primary", [meeting(MAYA, ID, "e1", NOW)], 9),
        "cancel_events": lambda c: meetings.cancel_events(c, ID, "primary", ["e1", "e2"]),
        "cancel_older": lambda c: meetings.cancel_older(c, ID, "primary", 9, None),
        "list_unpublished": lambda c: meetings.list_unpublished(c, ID, "primary", 10),
        "list_unpublished_calendars": lambda c: _sorted(meetings.list_unpublished_calendars(c, ID)),
        "list_published": lambda c: meetings.list_published(c, ID, None, 10),
        "mark_lost": lambda c: meetings.mark_lost(c, ID, COMPARED),
        "mark_meetings_published": lambda c: _publish_unpublished(c),
        "list_upcoming": lambda c: meetings.list_upcoming(c, ID, NOW, NOW + DAY),
    },
    messages: {
        "list_by_id": lambda c: _found_both_ways(c),
        "get_place": lambda c: messages.get_place(c, ID, 4),
        "add_wanted": lambda c: messages.add_wanted(c, ID, "m0", "t0"),
        "is_any_set_aside": lambda c: _set_aside_after_retry(c),
        "retry": lambda c: messages.retry(c, ID, None),
    },
    people: {
        "upsert_people": lambda c: people.upsert_people(c, ID, {"people/1": "g", "people/3": "f"}, 9),
        "delete_people": lambda c: people.delete_people(c, ID, ["people/1"]),
        "delete_older_people": lambda c: people.delete_older_people(c, ID, 9),
        "list_unpublished_deletions": lambda c: people.list_unpublished_deletions(c, ID),
        "mark_people_published": lambda c: people.mark_people_published(c, ID, {"people/2": 1, "people/3": 1}),
        "has_unpublished_cards": lambda c: _unpublished_after_publishing(c),
        "list_published": lambda c: people.list_published(c, ID, None, 10),
        "mark_lost": lambda c: people.mark_lost(c, ID, CARDS),
    },
    prep_scans: {
        "is_due": lambda c: prep_scans.is_due(c, ACCOUNT.run_id(2)),
        "clear": lambda c: prep_scans.clear(c, ACCOUNT.run_id(2)),
        "take_left": lambda c: prep_scans.take_left(c, ACCOUNT.run_id(2)),
    },
    runs: {
        "insert_requests": lambda c: runs.insert_requests(c, [RunRequest(ID, "calendar", "user"), RunRequest(ID, "mail", "user")]),
        "add_progress": lambda c: runs.add_progress(c, LEASE, Progress(Tally(2, 1, 1, 1, {"a": 1}), 3, 4.0, "So.")),
        "add_progress_of_all": lambda c: runs.add_progress_of_all(c, [(LEASE, Progress(Tally(2)))]),
        "set_estimate": lambda c: runs.set_estimate(c, LEASE, Progress(Tally(), 3), 4),
        "get_done": lambda c: runs.get_done(c, LEASE),
        "add_cost": lambda c: runs.add_cost(c, LEASE, 2, 3),
        "pause": lambda c: runs.pause(c, LEASE, Pause(NOW, why="So."), NOW),
        "end": lambda c: runs.end(c, LEASE),
        "get_stall": lambda c: runs.get_stall(c, LEASE),
        "delete_if_unreported": lambda c: runs.delete_if_unreported(c, LEASE),
        "delete_run": lambda c: runs.delete_run(c, LEASE.run_id),
        "cancel_runs": lambda c: _cancelled(c),
        "list_runs": lambda c: runs.list_runs(c, MAYA, ID, None, 10),
    },
}  # fmt: skip
# Of one user, with all accounts.
OF_USER: dict[Any, dict[str, Call]] = {
    accounts: {
        "get_account": lambda c: accounts.get_account(c, ID),
        "list_account_ids": lambda c: accounts.list_account_ids(c, MAYA),
        "lock_accounts_of": lambda c: accounts.lock_accounts_of(c, MAYA),
        "list_time_zones": lambda c: accounts.list_time_zones(c, MAYA),
        "delete_user": lambda c: accounts.delete_user(c, MAYA),
    },
    runs: {"list_latest": lambda c: runs.list_latest(c, MAYA)},
    meetings: {
        "list_meetings": lambda c: meetings.list_meetings(c, MAYA, NOW, NOW + DAY, None, None, 10),
        "get_meeting": lambda c: _first_meeting(c),
    },
}
# Of everybody, or of what is handed over; tests of their own are about them.
OF_ALL = {
    accounts: {"may_be_synced", "lock_user", "insert_forgotten", "list_forgotten", "make_aliases_due", "upsert_preferences",
               "list_settings_versions", "get_preferences"},
    audits: {"list_due"},
    freshness: {"list_behind", "note_pushed", "list_due", "make_watches_due"},
    leases: {"acquire"},
    operations: {"list_unfinished", "get_late_polls", "count_pending_messages"},
    prep_scans: {"list_overdue"},
    runs: {"list_requestable", "count_requestable", "insert_failed", "delete_old"},
}  # fmt: skip


async def _forgotten_and_back(connection: Connection) -> tuple[bool, bool]:
    await accounts.insert_forgotten(connection, OTHER.account_id)
    return await accounts.is_forgotten(connection, ID), await accounts.is_forgotten(connection, OTHER.account_id)


async def _under_way_after_the_end(connection: Connection) -> tuple[bool, bool]:
    before = await audits.is_under_way(connection, ID)
    await audits.end(connection, ID, AUDIT, AuditCount(4, 3, {}, 0, 0, 0))
    return before, await audits.is_under_way(connection, ID)


async def _publish_unpublished(connection: Connection) -> list[Any]:
    found = await meetings.list_unpublished(connection, ID, "primary", 10)
    await meetings.mark_meetings_published(
        connection, {change.meeting.meeting_id: change.meeting.revision for change in found}
    )
    return found


async def _found_both_ways(connection: Connection) -> list[Any]:
    return [
        await messages.list_by_id(connection, ID, gmail_id, "two@example.org", 5) for gmail_id in ("m1", "m0", "none")
    ]


async def _set_aside_after_retry(connection: Connection) -> list[bool]:
    before = [await messages.is_any_set_aside(connection, ID, gmail_id) for gmail_id in ("m8", "m1", None)]
    await messages.retry(connection, ID, "m8")
    return before + [await messages.is_any_set_aside(connection, ID, gmail_id) for gmail_id in ("m8", None)]


async def _unpublished_after_publishing(connection: Connection) -> tuple[bool, bool]:
    before = await people.has_unpublished_cards(connection, ID)
    await people.mark_people_published(connection, ID, {"people/2": 1})
    return before, await people.has_unpublished_cards(connection, ID)


async def _cancelled(connection: Connection) -> list[Any]:
    await connection.execute("UPDATE runs SET reason = 'user' WHERE run_id = $1", ACCOUNT.run_id(2))
    return await runs.cancel_runs(connection, [ID], "disconnected", "So.")


async def _first_meeting(connection: Connection) -> Any:
    meeting_id = await connection.fetchval(
        "SELECT meeting_id FROM meetings WHERE account_id = $1 AND event_id = 'e2'", ID
    )
    return await meetings.get_meeting(connection, MAYA, meeting_id)


async def _sorted(found: Awaitable[list[Any]]) -> list[Any]:
    return sorted(await found)


def _store_functions() -> Iterator[tuple[Any, str]]:
    for module in pkgutil.iter_modules(services.sync.store.__path__):
        store = import_module(f"services.sync.store.{module.name}")
        for name, function in inspect.getmembers(store, inspect.isfunction):
            if function.__module__ == store.__name__ and not name.startswith("_"):
                yield store, name


def test_every_function_of_the_store_is_tried() -> None:
    tried = {
        (store, name) for table in (OF_ACCOUNT, OF_USER, OF_ALL) for store, names in table.items() for name in names
    }
    assert tried == set(_store_functions())


async def test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another(
    connection: Connection,
) -> None:
    await _are_the_same_beside(connection, [ACCOUNT], [OTHER, OLGAS], OF_ACCOUNT)


async def test_what_is_about_one_user_touches_no_other_user(connection: Connection) -> None:
    await _are_the_same_beside(connection, [OTHER, ACCOUNT], [OLGAS], OF_USER)


async def test_olga_sees_neither_runs_nor_meetings_of_mayas_though_she_knows_their_ids(connection: Connection) -> None:
    for account in (OTHER, ACCOUNT, OLGAS):
        await fill(connection, account)
    meeting_id = await connection.fetchval(
        "SELECT meeting_id FROM meetings WHERE account_id = $1 AND NOT cancelled LIMIT 1", ID
    )
    assert await meetings.get_meeting(connection, MAYA, meeting_id)
    assert await meetings.get_meeting(connection, OLGA, meeting_id) is None
    assert await meetings.list_meetings(connection, MAYA, NOW, NOW + DAY, ID, None, 10)
    assert await meetings.list_meetings(connection, OLGA, NOW, NOW + DAY, ID, None, 10) == []
    assert await runs.list_runs(connection, MAYA, ID, None, 10)
    assert await runs.list_runs(connection, OLGA, ID, None, 10) == []


async def test_of_all_mayas_meetings_those_of_one_account_can_be_listed(connection: Connection) -> None:
    for account in (OTHER, ACCOUNT):
        await fill(connection, account)
    found = await meetings.list_meetings(connection, MAYA, NOW, NOW + DAY, ID, None, 10)
    assert {listed.account_id for listed in found} == {ID}
    every = await meetings.list_meetings(connection, MAYA, NOW, NOW + DAY, None, None, 10)
    assert {listed.account_id for listed in every} == {ID, OTHER.account_id}


async def test_settings_of_one_user_are_of_that_user_alone(connection: Connection) -> None:
    for user_id, days in ((MAYA, 30), (OLGA, 60)):
        await accounts.upsert_preferences(connection, user_id, 1, GmailPreferences(mail_lookback_days=days))
    for account in (ACCOUNT, OLGAS):
        await fill(connection, account)
    for account, days in ((ACCOUNT, 30), (OLGAS, 60)):
        stored = await accounts.get_account(connection, account.account_id)
        assert stored is not None
        assert stored.gmail.mail_lookback_days == days
    assert await accounts.list_settings_versions(connection, [MAYA]) == {MAYA: 1}
    assert (await accounts.get_preferences(connection, MAYA)).mail_lookback_days == 30
    await accounts.delete_user(connection, MAYA)
    assert await accounts.list_forgotten(connection, [MAYA, OLGA, ID]) == {MAYA}
    assert [row["user_id"] for row in await connection.fetch("SELECT user_id FROM preferences")] == [OLGA]


async def _are_the_same_beside(
    connection: Connection, ours: list[TableAccount], others: list[TableAccount], table: dict[Any, dict[str, Call]]
) -> None:
    for account in (*others, *ours):
        await fill(connection, account)
    await connection.execute("UPDATE meetings SET meeting_id = md5(account_id || calendar_id || event_id)::uuid")
    our_ids, other_ids = ([account.account_id for account in some] for some in (ours, others))
    before = await rows_of(connection)
    for name, call in (
        (f"{store.__name__}.{name}", call) for store, calls in table.items() for name, call in calls.items()
    ):
        result, rows = await _outcome(connection, call)
        result_alone, rows_alone = await _outcome(connection, call, without=other_ids)
        assert {key: rows.get(key) for key in other_ids} == {key: before[key] for key in other_ids}, (
            f"{name} changes others"
        )
        assert result == result_alone, f"{name} sees others"
        assert _comparable(rows, our_ids) == _comparable(rows_alone, our_ids), f"{name} goes by others"
        came_of_it = result or rows != before or name.endswith((".lock_account", ".hold"))
        assert came_of_it, f"{name}: nothing came of it"


async def _outcome(
    connection: Connection, call: Call, without: Sequence[AccountId] = ()
) -> tuple[Any, dict[AccountId, list[str]]]:
    """What the call returns, and the rows that are there then. What it has done is undone."""
    trial = connection.transaction()
    await trial.start()
    await connection.execute("DELETE FROM accounts WHERE account_id = ANY ($1::uuid[])", list(without))
    result = await call(connection)
    rows = await rows_of(connection)
    await trial.rollback()
    return result, rows


def _comparable(rows: dict[AccountId, list[str]], ids: list[AccountId]) -> list[list[str]]:
    """Without the ids that are made up anew each time."""
    kept = {str(account.run_id(number)) for account in (ACCOUNT, OTHER) for number in range(8)}
    made_up = re.compile(r'"(?:run_id|audit_id)": "([^"]+)"')
    return [
        sorted(made_up.sub(lambda match: match[0] if match[1] in kept else "", row) for row in rows.get(key, ()))
        for key in ids
    ]
