"""The gateway's SQL on a real database: only the user's own, once per event, and never after a deletion."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
import pytest_asyncio

from libs.common.config import Settings
from libs.common.db import Pool, open_pool
from libs.common.events import AccountDisconnected, AccountReauthRequired, Kind
from libs.common.ids import AccountId, RunId, UserId, new_id
from libs.local.secrets import Secrets
from services.gateway.domain.notifications import ItemCounts, NewNotification, RequestGroup
from services.gateway.store import accounts, notifications, users, webhook_deliveries
from tests.support.database import Database, blocked, fresh_database
from tests.support.servers import Servers

ALICE, BOB = UserId(UUID(int=1)), UserId(UUID(int=2))
HERS, HIS, HER_SECOND = (AccountId(UUID(int=number)) for number in (11, 12, 13))
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database_of_the_module(servers: Servers, secrets: Secrets) -> AsyncIterator[Database]:
    async with fresh_database(await servers.postgres(), secrets) as fresh:
        yield fresh


@pytest_asyncio.fixture
async def db(database_of_the_module: Database) -> AsyncIterator[Pool]:
    """The gateway's tables, empty."""
    pool = await open_pool(Settings(postgres_url=database_of_the_module.url_for("gateway")))
    await pool.execute(
        "TRUNCATE notifications, webhook_deliveries, webhook_calls, webhook_contacts, webhook_secrets, accounts, deleted_users"
    )
    yield pool
    await pool.close()


def new(user_id: UserId = ALICE, account_id: AccountId = HERS, key: str = "k", **changes: Any) -> NewNotification:
    fields: dict[str, Any] = {
        "user_id": user_id, "account_id": account_id, "kind": "sync.completed", "level": "info", "title": "Mail synced",
        "body": "1 new, 0 updated, 0 removed", "link": "/", "event_key": key,
    }  # fmt: skip
    return NewNotification(**fields | changes)


async def insert(db: Pool, notification: NewNotification) -> UUID | None:
    async with db.acquire() as connection, connection.transaction():
        return await notifications.insert_notification(connection, notification)


async def stored(db: Pool, notification: NewNotification) -> UUID:
    inserted = await insert(db, notification)
    assert inserted is not None
    return inserted


async def unread(db: Pool) -> dict[UserId, int]:
    return {user_id: await notifications.count_unread(db, user_id) for user_id in (ALICE, BOB)}


# -- whose -----------------------------------------------------------------------------------------------------------------


async def test_nobody_reads_marks_or_answers_the_notification_of_another_user(db: Pool) -> None:
    hers = await stored(db, new(offer="maya@office.example", kind="prep.sent"))
    await stored(db, new(BOB, HIS, kind="prep.failed"))
    assert [await notifications.has_notification(db, user, "prep.sent") for user in (ALICE, BOB)] == [True, False]
    assert await notifications.get_notification(db, BOB, hers) is None
    assert await notifications.mark_notification_read(db, BOB, hers) is None
    assert await notifications.record_answer(db, BOB, hers, "accepted") is None
    assert hers not in [found.id for found in await notifications.list_notifications(db, BOB)]
    assert await unread(db) == {ALICE: 1, BOB: 1}
    assert await notifications.mark_all_notifications_read(db, BOB) == 1
    assert await unread(db) == {ALICE: 1, BOB: 0}
    found = await notifications.get_notification(db, ALICE, hers)
    assert found is not None
    assert (found.read_at, found.action and found.action.answer) == (None, None)


async def test_a_purge_takes_the_notifications_of_that_account_alone(db: Pool) -> None:
    kept = {await stored(db, new(account_id=HER_SECOND, key="second")), await stored(db, new(BOB, HIS))}
    await stored(db, new())
    await notifications.delete_account_notifications(db, BOB, HERS)  # not an account of Bob's: nothing
    assert await unread(db) == {ALICE: 2, BOB: 1}
    await notifications.delete_account_notifications(db, ALICE, HERS)
    left = [*await notifications.list_notifications(db, ALICE), *await notifications.list_notifications(db, BOB)]
    assert {notification.id for notification in left} == kept


async def test_the_same_event_key_of_two_users_is_two_notifications(db: Pool) -> None:
    hers, his = await stored(db, new()), await stored(db, new(BOB, HIS))
    assert hers != his
    assert (await stored(db, new()), await stored(db, new(BOB, HIS))) == (hers, his), "delivered again"
    assert await unread(db) == {ALICE: 1, BOB: 1}


async def test_a_deleted_user_takes_everything_along_and_nobody_else_s(db: Pool) -> None:
    for user_id, account_id in ((ALICE, HERS), (BOB, HIS)):
        await stored(db, new(user_id, account_id))
        await accounts.note_event(db, reauth(user_id, account_id))  # type: ignore[arg-type]
    await delete_user(db, ALICE)
    await delete_user(db, ALICE)  # delivered twice
    for table in ("notifications", "accounts"):
        assert await db.fetchval(f"SELECT array_agg(user_id) FROM {table}") == [BOB], table
    assert await db.fetchval("SELECT count(*) FROM webhook_deliveries") == 1
    assert await insert(db, new(key="late")) is None
    assert await unread(db) == {ALICE: 0, BOB: 1}


# -- order, once, and what comes late -------------------------------------------------------------------------------------


async def test_lists_are_newest_first_from_page_to_page_and_unread_ones_are_those_that_are_counted(db: Pool) -> None:
    ids = [await stored(db, new(key=str(number))) for number in range(5)]
    await notifications.mark_notification_read(db, ALICE, ids[3])
    newest = [ids[number] for number in (4, 3, 2, 1, 0)]
    assert await listed(db) == newest
    assert await listed(db, limit=2) == newest[:2]
    assert await listed(db, before=newest[1], limit=2) == newest[2:4]
    found_unread = await listed(db, unread=True)
    assert found_unread == [ids[number] for number in (4, 2, 1, 0)]
    assert len(found_unread) == await notifications.count_unread(db, ALICE)


async def listed(db: Pool, **options: Any) -> list[UUID]:
    return [notification.id for notification in await notifications.list_notifications(db, ALICE, **options)]


async def test_reading_and_answering_keep_what_was_first(db: Pool) -> None:
    offered = await stored(db, new(offer="maya@office.example"))
    plain = await stored(db, new(key="plain"))
    first = await notifications.mark_notification_read(db, ALICE, offered)
    assert await notifications.mark_notification_read(db, ALICE, offered) == first
    answered = await notifications.record_answer(db, ALICE, offered, "dismissed")
    again = await notifications.record_answer(db, ALICE, offered, "accepted")
    assert first is not None
    assert answered == again
    assert again is not None
    assert again.action is not None
    assert (again.read_at, again.action.answer) == (first.read_at, "dismissed")
    assert await notifications.record_answer(db, ALICE, plain, "accepted") is None, "it offers nothing"
    await notifications.mark_all_notifications_read(db, ALICE)
    read = await notifications.get_notification(db, ALICE, offered)
    assert read is not None
    assert read.read_at == first.read_at


def counted(run: int, number: int) -> NewNotification:
    counts = ItemCounts(number, 0, 0)
    return new(counts=counts, run_id=RunId(UUID(int=run)), body=f"Mail: {counts}.")


async def body(db: Pool) -> str:
    (notification,) = await notifications.list_notifications(db, ALICE)
    return notification.body


async def test_runs_that_share_a_notification_and_end_at_once_are_both_counted(db: Pool) -> None:
    await stored(db, counted(1, 1))
    async with db.acquire() as first, db.acquire() as second:
        async with first.transaction():
            await notifications.insert_notification(first, counted(2, 10))
            adding = asyncio.create_task(in_transaction(second, counted(3, 100)))
            await blocked(db, adding)
        await adding
    assert await body(db) == "Mail: 111 new, 0 updated, 0 removed."
    await stored(db, counted(3, 100))
    assert await body(db) == "Mail: 111 new, 0 updated, 0 removed.", "delivered again it counts once"


def requested(kind: Kind, number: int, *, seconds: float = 0, name: str = "HERS:user") -> NewNotification:
    """A run of this kind that was requested so long after the first one."""
    run = RunId(uuid5(HERS, f"{kind} {number}"))
    group = RequestGroup(name, AT + timedelta(seconds=seconds), kind)
    return new(key=f"{kind} {number}", counts=ItemCounts(number, 0, 0), run_id=run, group=group, body="as it was first")


async def test_kinds_that_were_requested_together_share_a_notification_that_grows_and_is_news_again(db: Pool) -> None:
    async with db.acquire() as connection:
        async with connection.transaction():
            first = await notifications.insert_notification(connection, requested("contacts", 2))
            adding = asyncio.create_task(insert(db, requested("mail", 10, seconds=0.2)))
            await blocked(db, adding)
        assert await adding == first
    await notifications.mark_all_notifications_read(db, ALICE)
    assert await stored(db, requested("calendar", 0, seconds=-29)) == first
    assert await body(db) == "Mail: 10 new. Google Contacts: 2 new. Calendar: nothing had changed."
    assert await unread(db) == {ALICE: 1, BOB: 0}, "there is more to it than was read"
    await notifications.mark_all_notifications_read(db, ALICE)
    assert await stored(db, requested("mail", 10, seconds=0.2)) == first
    assert await unread(db) == {ALICE: 0, BOB: 0}, "delivered again it is no news"
    for other in (requested("mail", 1, seconds=31), requested("mail", 3, name="HERS:connected")):
        assert await stored(db, other) != first
    assert await unread(db) == {ALICE: 2, BOB: 0}


async def in_transaction(connection: Any, notification: NewNotification) -> None:
    """The second half of storing, where the first has found that there is an earlier one."""
    async with connection.transaction():
        await notifications._add_to_earlier(connection, notification)


async def delete_user(db: Pool, user_id: UserId) -> None:
    async with db.acquire() as connection, connection.transaction():
        await users.delete_user(connection, user_id)


def disconnected() -> AccountDisconnected:
    return AccountDisconnected(user_id=ALICE, account_id=HERS, purge=True, sequence=5, at=AT)


async def purge_account(db: Pool, _: UserId) -> None:
    async with db.acquire() as connection, connection.transaction():
        await accounts.mark_purged(connection, disconnected())
        await notifications.delete_account_notifications(connection, ALICE, HERS)


@pytest.mark.parametrize("delete", [delete_user, purge_account])
async def test_what_is_stored_while_its_owner_is_deleted_goes_too(
    db: Pool, delete: Callable[[Pool, UserId], Coroutine[Any, Any, None]]
) -> None:
    async with db.acquire() as connection:
        async with connection.transaction():
            await notifications.insert_notification(connection, new())
            deleting = asyncio.create_task(delete(db, ALICE))
            await blocked(db, deleting)
        await deleting
    assert await unread(db) == {ALICE: 0, BOB: 0}


def reauth(user_id: UserId = ALICE, account_id: AccountId = HERS, sequence: int = 1) -> AccountReauthRequired:
    return AccountReauthRequired(
        user_id=user_id, account_id=account_id, address="a@example.com", reason="", sequence=sequence, at=AT
    )


async def test_events_of_an_account_count_in_their_order_and_never_after_its_purge(db: Pool) -> None:
    async with db.acquire() as connection:
        current = [await accounts.note_event(connection, reauth(sequence=number)) for number in (2, 2, 1, 3, 2)]
        assert current == [True, True, False, True, False], "the same one may come again, an earlier one is late"
        assert await accounts.note_event(connection, reauth(BOB, HIS, 1)), "each account has its own count"
        async with connection.transaction():
            await accounts.mark_purged(connection, disconnected())
        assert not await accounts.note_event(connection, reauth(sequence=6))
        assert await accounts.note_event(connection, reauth(BOB, HIS, 2))
        assert await accounts.note_event(connection, reauth(ALICE, HER_SECOND))
    assert await insert(db, new(key="late")) is None
    assert await insert(db, new(account_id=HER_SECOND, key="other")) is not None


# -- webhook calls ---------------------------------------------------------------------------------------------------------

LEASE = timedelta(minutes=2)


async def leased(db: Any, lease: timedelta = LEASE, limit: int = 20) -> list[webhook_deliveries.DueDelivery]:
    return await webhook_deliveries.lease_due_deliveries(db, lease, limit)


async def due(db: Pool) -> tuple[float, int]:
    """In how many seconds the only call is due, and how many attempts were begun."""
    row = await db.fetchrow(
        "SELECT extract(epoch FROM due_at - now())::float AS seconds, attempts FROM webhook_deliveries"
    )
    assert row is not None
    return row["seconds"], row["attempts"]


async def test_a_call_is_one_sender_s_until_its_lease_ends(db: Pool) -> None:
    await stored(db, new())
    (first,) = await leased(db)
    assert (first.user_id, first.attempts) == (ALICE, 1)
    assert await leased(db) == []
    seconds, _ = await due(db)
    assert 60 < seconds <= LEASE.total_seconds()
    await end_lease(db)
    (second,) = await leased(db)
    assert (second.notification, second.attempts) == (first.notification, 2)


async def end_lease(db: Pool) -> None:
    await db.execute("UPDATE webhook_deliveries SET due_at = now() - interval '1 s'")


async def test_a_sender_that_comes_late_does_not_take_the_call_from_the_one_who_has_it(db: Pool) -> None:
    await stored(db, new())
    (late,) = await leased(db)
    await end_lease(db)
    (holder,) = await leased(db)
    for settle in (webhook_deliveries.postpone_delivery, webhook_deliveries.return_delivery):
        await settle(db, late, timedelta(0))
        assert await leased(db) == [], settle.__name__
    assert (await due(db))[1] == holder.attempts
    await webhook_deliveries.postpone_delivery(db, holder, timedelta(seconds=30))
    seconds, attempts = await due(db)
    assert (0 < seconds <= 30, attempts) == (True, 2)


async def test_a_call_that_was_not_made_uses_up_no_attempt(db: Pool) -> None:
    await stored(db, new())
    for _ in range(3):
        (held,) = await leased(db)
        assert held.attempts == 1
        await webhook_deliveries.return_delivery(db, held, timedelta(0))


async def test_two_senders_at_once_get_different_calls_and_the_oldest_go_first(db: Pool) -> None:
    ids = [await stored(db, new(key=str(number))) for number in range(4)]
    await db.execute(
        "UPDATE webhook_deliveries SET due_at = now() - interval '1 h' WHERE notification_id = ANY($1)", ids[2:]
    )
    async with db.acquire() as connection, connection.transaction():
        mine = await leased(connection, limit=2)
        async with asyncio.timeout(10):  # without waiting for the first one's transaction
            others = await leased(db, limit=3)
    assert [delivery.notification.id for delivery in mine] == ids[2:]
    assert [delivery.notification.id for delivery in others] == ids[:2]


async def test_a_call_that_is_made_is_gone_and_no_other(db: Pool) -> None:
    ids = [await stored(db, new(key=str(number))) for number in range(2)]
    (first,) = await leased(db, limit=1)
    await webhook_deliveries.delete_delivery(db, first)
    assert [delivery.notification.id for delivery in await leased(db)] == [
        id_ for id_ in ids if id_ != first.notification.id
    ]


async def test_a_notification_that_has_grown_and_is_news_again_is_called_again(db: Pool) -> None:
    """Whether it grows before, while or after it is called; delivered again it does not grow, and what grows quietly is no news."""
    await stored(db, requested("contacts", 2))
    await stored(db, requested("mail", 10))
    (first,) = await leased(db)
    assert (first.notification.revision, first.notification.body) == (2, "Mail: 10 new. Google Contacts: 2 new.")
    await stored(db, requested("calendar", 3))
    assert await leased(db) == [], "the first call is not over"
    await webhook_deliveries.delete_delivery(db, first)
    (second,) = await leased(db)
    assert (second.notification.id, second.notification.revision) == (first.notification.id, 3)
    assert second.attempts == 1, "it is tried as often as any other"
    await webhook_deliveries.delete_delivery(db, first)
    assert await leased(db) == [], "who comes late has no part in it"
    await webhook_deliveries.delete_delivery(db, second)
    await stored(db, requested("calendar", 3))
    await stored(db, counted(1, 1))
    (of_a_day,) = await leased(db)
    await webhook_deliveries.delete_delivery(db, of_a_day)
    await stored(db, counted(2, 10))
    assert await leased(db) == []
    await stored(db, requested("mail", 0))
    assert await leased(db) == [], "a run that found nothing is no news"
    await stored(db, requested("mail", 1))
    (third,) = await leased(db)
    assert (third.notification.id, third.notification.revision) == (first.notification.id, 4)


async def test_a_notification_that_grows_at_the_moment_its_call_ends_is_called_again(db: Pool) -> None:
    await stored(db, requested("contacts", 2))
    (first,) = await leased(db)
    async with db.acquire() as connection:
        async with connection.transaction():
            await notifications.insert_notification(connection, requested("mail", 10))
            ending = asyncio.create_task(webhook_deliveries.delete_delivery(db, first))
            await blocked(db, ending)
        await ending
    (second,) = await leased(db)
    assert second.notification.revision == 2


async def test_ids_follow_the_order_in_which_notifications_are_stored(db: Pool) -> None:
    """The list is sorted by id, so ids have to grow: also within a millisecond."""
    ids = [new_id() for _ in range(1_000)]
    assert ids == sorted(ids)
