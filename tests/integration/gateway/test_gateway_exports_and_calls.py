"""The SQL of exports and of webhook calls: who comes late writes nothing, nothing is another user's, and nothing stays of who is gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from libs.common.config import Settings
from libs.common.db import Pool, open_pool
from libs.common.events import AccountReauthRequired
from libs.common.ids import AccountId, UserId, new_id
from services.gateway.domain.exports import MAX_CLAIMS
from services.gateway.domain.webhook_delivery import NEVER_MADE, CallOutcome, SecretGeneration
from services.gateway.store import accounts, exports, users, webhook_calls, webhook_secrets
from services.gateway.store.exports import Claim
from tests.support.database import Database, blocked

ALICE, BOB = UserId(UUID(int=1)), UserId(UUID(int=2))
LEASE = timedelta(seconds=60)
KEPT = 3
FINE = CallOutcome("", 5)


@pytest_asyncio.fixture
async def db(module_database: Database) -> AsyncIterator[Pool]:
    """The gateway's tables, empty."""
    pool = await open_pool(Settings(postgres_url=module_database.url_for("gateway")))
    await pool.execute("TRUNCATE exports CASCADE")
    await pool.execute("TRUNCATE notifications, webhook_calls, webhook_secrets, accounts, deleted_users CASCADE")
    yield pool
    await pool.close()


async def begin_export(db: Pool, user_id: UserId = ALICE) -> UUID:
    async with db.acquire() as connection, connection.transaction():
        export = await exports.insert_export(connection, user_id, new_id())
    assert export is not None
    return export.id


async def claimed(db: Pool) -> Claim:
    claim = await exports.claim(db, LEASE)
    assert claim is not None
    return claim


async def end_lease(db: Pool) -> None:
    await db.execute("UPDATE exports SET lease_until = '-infinity'")


async def everything(db: Pool) -> list[list[Any]]:
    """All that is stored of exports."""
    return [[dict(row) for row in await db.fetch(f"SELECT * FROM {name} ORDER BY 1, 2")]
            for name in ("exports", "export_pieces")]  # fmt: skip


# -- exports ---------------------------------------------------------------------------------------------------------------

Write = Callable[[Any, Claim], Awaitable[object]]
WRITES: dict[str, Write] = {
    "begin": lambda connection, claim: exports.begin(connection, claim, 7),
    "renew": lambda connection, claim: exports.renew(connection, claim, timedelta(hours=1)),
    "return": exports.return_claim,
    "piece": lambda connection, claim: exports.add_piece(connection, claim, 8, b"late", 8),
    "finish": exports.finish,
    "fail": lambda connection, claim: exports.finish(connection, claim, "late"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_who_has_lost_an_export_to_another_replica_writes_nothing_of_it(db: Pool, write: Write) -> None:
    await begin_export(db)
    late = await claimed(db)
    await end_lease(db)
    holder = await claimed(db)
    async with db.acquire() as connection, connection.transaction():
        assert await exports.begin(connection, holder, 5)
        assert await exports.add_piece(connection, holder, 0, b"data", 2)
    before = await everything(db)
    async with db.acquire() as connection, connection.transaction():
        assert not await write(connection, late)
    assert await everything(db) == before


async def test_two_replicas_that_look_at_once_make_an_export_once(db: Pool) -> None:
    await begin_export(db)
    async with db.acquire() as connection, connection.transaction():
        mine = await exports.claim(connection, LEASE)
        async with asyncio.timeout(10):  # without waiting for the first one's transaction
            assert await exports.claim(db, LEASE) is None
    assert mine is not None
    assert await exports.claim(db, LEASE) is None, "it is being made"


async def test_an_export_that_is_made_for_the_last_time_is_not_given_up_before_it_ends(db: Pool) -> None:
    export_id = await begin_export(db)
    for _ in range(MAX_CLAIMS):
        await end_lease(db)
        last = await claimed(db)
        assert await exports.list_given_up(db) == []
    await end_lease(db)
    assert await exports.claim(db, LEASE) is None
    assert await exports.list_given_up(db) == [last]
    assert last == Claim(export_id, ALICE, MAX_CLAIMS)


async def test_a_replica_that_stops_uses_up_no_attempt(db: Pool) -> None:
    await begin_export(db)
    for _ in range(MAX_CLAIMS + 1):
        claim = await claimed(db)
        assert claim.number == 1
        await exports.return_claim(db, claim)


async def test_an_export_that_is_begun_anew_or_fails_has_nothing_of_the_try_before(db: Pool) -> None:
    export_id = await begin_export(db)
    for number in (1, 2):
        await end_lease(db)
        claim = await claimed(db)
        async with db.acquire() as connection, connection.transaction():
            await exports.begin(connection, claim, None)
            for piece in range(number):
                await exports.add_piece(connection, claim, piece, b"data", piece)
        export = await exports.get_export(db, ALICE, export_id)
        assert export is not None
        assert export.bytes == 4 * number
        assert await db.fetchval("SELECT count(*) FROM export_pieces") == number
    async with db.acquire() as connection, connection.transaction():
        await exports.finish(connection, claim, "It broke off.")
    assert await db.fetchval("SELECT count(*) FROM export_pieces") == 0


# -- webhook calls and secrets ---------------------------------------------------------------------------------------------


async def note_calls(db: Pool, user_id: UserId, *attempts: int) -> None:
    async with db.acquire() as connection, connection.transaction():
        for attempt in attempts:
            await webhook_calls.insert_call(connection, user_id, None, attempt, FINE)


async def test_the_last_calls_of_each_user_are_kept_newest_first(db: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_calls, "KEPT", KEPT)
    await note_calls(db, BOB, 1, 2)
    await note_calls(db, ALICE, *range(1, 6))
    await note_calls(db, BOB, 3)
    for user_id, attempts in ((ALICE, [5, 4, 3]), (BOB, [3, 2, 1])):
        assert [call.attempt for call in await webhook_calls.list_calls(db, user_id)] == attempts
    assert await db.fetchval("SELECT count(*) FROM webhook_calls") == 2 * KEPT


async def test_a_new_secret_is_counted_and_dated_for_its_own_user(db: Pool) -> None:
    assert await webhook_secrets.get_generation(db, ALICE) == NEVER_MADE
    await next_secret(db, BOB)
    first = await next_secret(db, ALICE)
    await db.execute("UPDATE webhook_secrets SET made_at = made_at - interval '2 days'")
    second = await next_secret(db, ALICE)
    assert (first.number, second.number) == (1, 2)
    assert datetime.now(UTC) - second.made_at < timedelta(days=1), "the former one signs for another day"
    assert await webhook_secrets.get_generation(db, ALICE) == second
    assert (await webhook_secrets.get_generation(db, BOB)).number == 1


async def next_secret(db: Pool, user_id: UserId) -> SecretGeneration:
    async with db.acquire() as connection, connection.transaction():
        return await webhook_secrets.next_generation(connection, user_id)


# -- who is gone -----------------------------------------------------------------------------------------------------------

OF_USERS = ("webhook_calls", "webhook_secrets", "accounts", "exports", "notifications")


async def note_event(connection: Any, user_id: UserId) -> bool:
    return await accounts.note_event(
        connection,
        AccountReauthRequired(
            user_id=user_id, account_id=AccountId(UUID(int=10 + user_id.int)), address="", reason="", sequence=3, at=datetime.now(UTC)
        ),
    )  # fmt: skip


# What each may come to late: whatever stores something of a user.
STORES: dict[str, Callable[[Any, UserId], Awaitable[object]]] = {
    "call": lambda connection, user_id: webhook_calls.insert_call(connection, user_id, None, 1, FINE),
    "secret": webhook_secrets.next_generation,
    "event": note_event,
    "export": lambda connection, user_id: exports.insert_export(connection, user_id, new_id()),
}


async def test_whoever_is_deleted_takes_everything_along_and_nothing_comes_after(db: Pool) -> None:
    async def store_all(user_id: UserId) -> None:
        for store in STORES.values():
            async with db.acquire() as connection, connection.transaction():
                await store(connection, user_id)

    for user_id in (ALICE, BOB):
        await store_all(user_id)
    async with db.acquire() as connection, connection.transaction():
        await users.delete_user(connection, ALICE)
    await store_all(ALICE)
    for table in OF_USERS[:-1]:
        assert await db.fetchval(f"SELECT array_agg(user_id) FROM {table}") == [BOB], table


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
async def test_what_is_stored_while_its_user_is_deleted_goes_too(
    db: Pool, store: Callable[[Any, UserId], Awaitable[object]]
) -> None:
    async with db.acquire() as storing, storing.transaction():
        await store(storing, ALICE)
        deleting = asyncio.create_task(delete(db, ALICE))
        await blocked(db, deleting)
    await deleting
    for table in OF_USERS:
        assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def delete(db: Pool, user_id: UserId) -> None:
    async with db.acquire() as connection, connection.transaction():
        await users.delete_user(connection, user_id)
