"""Webhook calls about contacts: gathered, tried again, never lost, and of the user's own contacts alone."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest

from libs.common.db import Connection, Pool
from libs.common.errors import Outage
from libs.common.events import ContactChanged
from libs.common.ids import ContactId, UserId, new_id
from libs.common.preferences import NotificationPreferences, Preferences
from libs.common.requests import GetSettings, PutSettings, UserPreferences
from libs.local.servers import Nats
from services.gateway.api.serving import PREFIX
from services.gateway.domain import webhook_delivery
from services.gateway.domain.contact_changes import EVERYTHING, LONGEST_WAIT, MAX_IDS, SETTLING, GatheredContacts
from services.gateway.handlers import contact_changes
from services.gateway.preferences import remember, wants_contact_calls
from services.gateway.store import operations, users, webhook_contacts
from services.gateway.store.webhook_contacts import DueContacts
from services.gateway.webhook_delivery import due_calls, sender
from tests.conftest import ServiceSettings
from tests.integration.gateway.test_gateway_store import database_of_the_module, db
from tests.support.bus import handled, unhandled
from tests.support.database import blocked
from tests.support.gateway import RunningGateway
from tests.support.gateway.world import World
from tests.support.webhooks import Receiver, choose_webhook, receiver, with_webhook

__all__ = ["database_of_the_module", "db", "receiver"]  # fixtures

ALICE, BOB = UserId(UUID(int=1)), UserId(UUID(int=2))
AT = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(minutes=2)
SECOND = timedelta(seconds=1)


def ids(*numbers: int) -> list[ContactId]:
    return [ContactId(UUID(int=number)) for number in numbers]


def named(*numbers: int) -> GatheredContacts:
    return GatheredContacts(frozenset(ids(*numbers)))


async def gather(db: Pool, contact_ids: Sequence[ContactId], seconds: float = 0, user_id: UserId = ALICE) -> None:
    """So many seconds after AT."""
    async with db.acquire() as connection, connection.transaction():
        await webhook_contacts.gather(connection, user_id, contact_ids, AT + seconds * SECOND)


async def leased(db: Pool, seconds: float) -> list[DueContacts]:
    async with db.acquire() as connection, connection.transaction():
        return await webhook_contacts.lease_due_contacts(connection, AT + seconds * SECOND, LEASE)


async def test_calls_are_leased_and_put_off_by_the_clock_of_the_database(
    db: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (due_calls, contact_changes):
        monkeypatch.setattr(module, "datetime", AnHourAhead, raising=False)
    monkeypatch.setattr(contact_changes, "wants_contact_calls", wants_them)
    context = cast(Any, SimpleNamespace(db=db, bus=None, cache=None))
    await contact_changes.gather_for_webhooks(context, [ContactChanged(user_id=ALICE, contact_ids=tuple(ids(1)))])
    assert abs(await due_in(db) - SETTLING) < 5 * SECOND
    assert await due_calls.lease_contacts_calls(db, LEASE) == [], "it was not quiet yet"
    await db.execute("UPDATE webhook_contacts SET due_at = now()")
    [call] = await due_calls.lease_contacts_calls(db, LEASE)
    assert abs(await due_in(db) - LEASE) < 5 * SECOND
    assert await due_calls.lease_contacts_calls(db, LEASE) == [], "it is somebody's"
    await call.postpone(db, 30 * SECOND)
    assert abs(await due_in(db) - 30 * SECOND) < 5 * SECOND


async def wants_them(*_: object) -> bool:
    return True


async def due_in(db: Pool) -> timedelta:
    """By the clock of the database."""
    left: timedelta = await db.fetchval("SELECT due_at - now() FROM webhook_contacts")
    return left


class AnHourAhead(datetime):
    """The clock of a machine that is wrong."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "AnHourAhead":
        return cls.fromisoformat((datetime.now(tz) + timedelta(hours=1)).isoformat())


async def test_changes_are_one_call_when_it_was_quiet_for_a_while_and_after_a_minute_in_any_case(db: Pool) -> None:
    await gather(db, ids(1, 2))
    await gather(db, ids(2, 3), seconds=8)
    assert await leased(db, 17) == [], "it was not quiet yet"
    (call,) = await leased(db, 18)
    assert (call.user_id, call.changed, call.since, call.attempts) == (ALICE, named(1, 2, 3), AT, 1)
    assert await leased(db, 18) == [], "it is its sender's"
    await webhook_contacts.forget_called(db, call, AT + 18 * SECOND)
    assert await db.fetchval("SELECT count(*) FROM webhook_contacts") == 0
    for second in range(100, 160, 5):
        await gather(db, ids(second), seconds=second)
    assert await leased(db, 100 + LONGEST_WAIT.total_seconds() - 1) == []
    (call,) = await leased(db, 100 + LONGEST_WAIT.total_seconds())
    assert len(call.changed.contact_ids) == 12


async def test_operators_see_calls_about_contacts_among_those_that_wait(db: Pool) -> None:
    assert await operations.get_waiting_webhook_calls(db) == (0, 0.0)
    await gather(db, ids(1, 2))
    calls, age = await operations.get_waiting_webhook_calls(db)
    assert calls == 1
    assert age > timedelta(days=300).total_seconds()
    (call,) = await leased(db, 10)
    await webhook_contacts.give_up_contacts(db, call)
    assert await operations.get_waiting_webhook_calls(db) == (0, 0.0), "nothing is due before the next change"


async def test_what_changes_while_a_call_is_made_is_called_about_afterwards_also_a_contact_of_that_call(
    db: Pool,
) -> None:
    await gather(db, ids(1, 2))
    (first,) = await leased(db, 10)
    await gather(db, ids(2, 3), seconds=11)
    await webhook_contacts.forget_called(db, first, AT + 12 * SECOND)
    assert await leased(db, 12 + SETTLING.total_seconds() - 1) == []
    (second,) = await leased(db, 12 + SETTLING.total_seconds())
    assert (second.changed, second.attempts) == (named(2, 3), 1)
    assert second.call_id != first.call_id


class Interrupted:
    """A connection on which, before its statement of this number, a call is forgotten, where that can be done then."""

    def __init__(self, connection: Connection, db: Pool, statement: int, call: DueContacts) -> None:
        self._connection, self._db, self._left, self._call = connection, db, statement, call
        self.forgotten = False

    async def execute(self, *query: Any) -> Any:
        await self._interrupt()
        return await self._connection.execute(*query)

    async def fetchrow(self, *query: Any) -> Any:
        await self._interrupt()
        return await self._connection.fetchrow(*query)

    async def _interrupt(self) -> None:
        self._left -= 1
        if self._left:
            return
        async with self._db.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '1ms'")
            try:
                async with connection.transaction():
                    await webhook_contacts.forget_called(connection, self._call, AT + 11 * SECOND)
                self.forgotten = True
            except asyncpg.LockNotAvailableError:
                pass  # it waits, and is forgotten afterwards


async def test_what_changes_in_the_moment_in_which_a_call_is_taken_is_called_about_too(db: Pool) -> None:
    forgotten_before = 0
    for statement in range(1, 5):
        await gather(db, ids(1))
        (call,) = await leased(db, 10)
        async with db.acquire() as connection, connection.transaction():
            interrupted: Any = Interrupted(connection, db, statement, call)
            await webhook_contacts.gather(interrupted, ALICE, ids(2), AT + 11 * SECOND)
        forgotten_before += interrupted.forgotten
        if not interrupted.forgotten:
            await webhook_contacts.forget_called(db, call, AT + 11 * SECOND)
        (call,) = await leased(db, 30)
        assert call.changed == named(2), f"forgotten before statement {statement}"
        await webhook_contacts.forget_called(db, call, AT + 30 * SECOND)
    assert forgotten_before == 2, "until the row is locked"


async def test_a_call_that_is_tried_again_has_its_id_until_there_is_more_to_it(db: Pool) -> None:
    await gather(db, ids(1))
    (first,) = await leased(db, 10)
    await webhook_contacts.postpone_contacts(db, first, AT + 15 * SECOND)
    (again,) = await leased(db, 15)
    assert (again.call_id, again.changed, again.attempts) == (first.call_id, named(1), 2)
    await gather(db, ids(2), seconds=16)
    await webhook_contacts.postpone_contacts(db, again, AT + 45 * SECOND)
    await gather(db, ids(3), seconds=20)
    assert await leased(db, 44) == [], "a receiver that is down is not called more often because there is more"
    (grown,) = await leased(db, 45)
    assert (grown.changed, grown.attempts, grown.since) == (named(1, 2, 3), 3, AT)
    assert grown.call_id != first.call_id


async def test_what_was_given_up_is_made_good_by_the_next_call(db: Pool) -> None:
    await gather(db, ids(1))
    (call,) = await leased(db, 10)
    await gather(db, ids(2), seconds=11)
    await webhook_contacts.give_up_contacts(db, call)
    assert await leased(db, 100_000) == [], "there is no use in calling again before something happens"
    await gather(db, ids(3), seconds=200_000)
    (next_call,) = await leased(db, 200_010)
    assert (next_call.changed, next_call.since, next_call.attempts) == (EVERYTHING, AT + 200_000 * SECOND, 1)
    await webhook_contacts.forget_called(db, next_call, AT + 200_010 * SECOND)
    await gather(db, ids(4), seconds=200_020)
    (call_after,) = await leased(db, 200_030)
    assert call_after.changed == named(4)


async def test_more_contacts_than_a_call_can_name_are_everything_and_take_no_more_room(db: Pool) -> None:
    await gather(db, ids(*range(MAX_IDS)))
    await gather(db, ids(*range(MAX_IDS)))
    assert len(await db.fetchval("SELECT waiting FROM webhook_contacts")) == MAX_IDS
    for first in range(0, 10_000, 500):
        await gather(db, ids(*range(first, first + 500)), seconds=1)
    assert await db.fetchval("SELECT waiting FROM webhook_contacts") == []
    (call,) = await leased(db, 11)
    assert call.changed == EVERYTHING


async def test_who_comes_late_changes_nothing_and_what_was_not_made_uses_up_no_attempt(db: Pool) -> None:
    await gather(db, ids(1))
    (late,) = await leased(db, 10)
    (holder,) = await leased(db, 10 + LEASE.total_seconds())
    assert (holder.call_id, holder.attempts) == (late.call_id, 2), "after a crash another sender makes the same call"
    await gather(db, ids(2), seconds=131)
    await webhook_contacts.forget_called(db, late, AT)
    await webhook_contacts.give_up_contacts(db, late)
    await webhook_contacts.postpone_contacts(db, late, AT)
    await webhook_contacts.return_contacts(db, late, AT)
    assert await leased(db, 135) == []
    await webhook_contacts.return_contacts(db, holder, AT + 140 * SECOND)
    (again,) = await leased(db, 140)
    assert (again.attempts, again.changed) == (2, named(1, 2))


async def test_each_user_s_contacts_are_called_about_apart_and_go_with_the_user(db: Pool) -> None:
    await gather(db, ids(1))
    await gather(db, ids(2), user_id=BOB)
    async with db.acquire() as connection:
        async with connection.transaction():
            await users.delete_user(connection, ALICE)
            late = asyncio.create_task(gather(db, ids(3)))
            await blocked(db, late)
        await late
    assert [(call.user_id, call.changed) for call in await leased(db, 60)] == [(BOB, named(2))]
    assert await db.fetchval("SELECT array_agg(user_id) FROM webhook_contacts") == [BOB]


async def publish_changed(running: RunningGateway, contact_ids: Iterable[ContactId], *user_ids: UserId) -> None:
    await running.buses["contacts"].publish(
        *(ContactChanged(user_id=user_id, contact_ids=tuple(contact_ids)) for user_id in user_ids)
    )


async def choose(running: RunningGateway, *events: str, status: int = 200) -> None:
    """Alice chooses anew what she is called about."""
    async with running.client() as client:
        response = await client.put(f"{PREFIX}/settings", json={"notifications": {"webhook_events": events}})
        assert response.status == status


async def test_a_webhook_is_called_about_changed_contacts_of_its_user_where_that_was_chosen(
    service_settings: ServiceSettings, receiver: Receiver, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(webhook_contacts, "call_time", lambda since, now: now)
    monkeypatch.setattr(webhook_delivery, "RETRY_DELAYS", (timedelta(0),))
    receiver.statuses = [500]
    contact_ids, quiet = [ContactId(new_id()) for _ in range(3)], ContactId(new_id())
    async with with_webhook(service_settings, receiver.url) as running:
        alice, bob = running.world.alice.id, running.world.bob.id
        await publish_changed(running, [quiet], alice)  # not chosen yet
        await handled(nats_server, "gateway", ContactChanged)
        await choose(running, "contact.changed")
        await publish_changed(running, contact_ids, alice, bob)
        await receiver.wait(2)
        await handled(nats_server, "gateway", ContactChanged)
        async with asyncio.timeout(10):
            while await running.resources.db.fetchval("SELECT count(*) FROM webhook_contacts"):
                await asyncio.sleep(0.02)
    first, again = receiver.messages
    assert first == again
    assert first["type"] == "contact.changed"
    assert first["data"] == {"contact_ids": sorted(map(str, contact_ids)), "resync": False}
    assert len({headers["webhook-id"] for headers in receiver.headers}) == 1


async def test_what_changed_while_the_gateway_was_off_is_called_about_when_it_is_back(
    service_settings: ServiceSettings, receiver: Receiver, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(webhook_contacts, "call_time", lambda since, now: now)
    changed = ContactId(new_id())
    async with with_webhook(service_settings, receiver.url) as running:
        choose_webhook(running, receiver.url, webhook_events=("contact.changed",))
        await running.resources.bus.stop_listening()
        await publish_changed(running, [changed], running.world.alice.id)
        async with asyncio.timeout(10):
            while not await unhandled(nats_server, "gateway", ContactChanged):
                await asyncio.sleep(0.02)
        async with running.replica():
            await receiver.wait(1)
    assert receiver.messages[0]["data"]["contact_ids"] == [str(changed)]


async def change(running: RunningGateway, nats_server: Nats, *user_ids: UserId) -> None:
    """A contact of each of them changes, and the gateway has handled that."""
    await publish_changed(running, [ContactId(new_id())], *user_ids)
    await handled(nats_server, "gateway", ContactChanged)


async def gathered_for(running: RunningGateway) -> list[UserId]:
    return [row["user_id"] for row in await running.resources.db.fetch("SELECT user_id FROM webhook_contacts")]


async def test_however_often_contacts_change_their_user_s_settings_are_requested_once_until_they_change(
    service_settings: ServiceSettings, receiver: Receiver, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 3600)  # no call is made, for which the URL would be requested
    requested: list[UserId] = []
    original = World.get_settings

    async def get_settings(world: World, query: GetSettings) -> UserPreferences:
        requested.append(query.user_id)
        return await original(world, query)

    monkeypatch.setattr(World, "get_settings", get_settings)
    async with with_webhook(service_settings, receiver.url) as running, running.replica():
        alice, bob = running.world.alice.id, running.world.bob.id
        for _ in range(5):
            await change(running, nats_server, alice, bob)
        assert sorted(requested) == sorted([alice, bob]), "of both replicas together"
        assert await gathered_for(running) == []
        for events, expected in (("contact.changed",), [alice]), ((), []):
            await choose(running, *events)
            requested.clear()
            await running.resources.db.execute("DELETE FROM webhook_contacts")
            for _ in range(5):
                await change(running, nats_server, alice, bob)
            assert await gathered_for(running) == expected
            assert requested == [], "it is known from the change of the settings"


async def test_a_choice_whose_response_was_lost_counts_from_when_it_is_stored(
    service_settings: ServiceSettings, receiver: Receiver, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 3600)
    original = World.put_settings

    async def put_settings(world: World, command: PutSettings) -> UserPreferences:
        await original(world, command)
        raise Outage("restarting")

    monkeypatch.setattr(World, "put_settings", put_settings)
    async with with_webhook(service_settings, receiver.url) as running:
        alice = running.world.alice.id
        await change(running, nats_server, alice)
        assert await gathered_for(running) == []
        await choose(running, "contact.changed", status=503)
        await change(running, nats_server, alice)
        assert await gathered_for(running) == [alice]


async def test_settings_that_were_read_before_a_change_say_nothing_after_it(
    service_settings: ServiceSettings, receiver: Receiver
) -> None:
    hook = NotificationPreferences.model_validate({"webhook_url": receiver.url, "webhook_events": ["contact.changed"]})
    off, on = Preferences(), Preferences(notifications=hook)
    async with with_webhook(service_settings, receiver.url) as running:
        bus, cache, user_id = running.resources.bus, running.resources.cache, UserId(new_id())
        for version, preferences, wanted in (
            (9, off, False),
            (10, on, True),
            (9, off, True),
            (11, off, False),
            (10, on, False),
        ):
            await remember(cache, user_id, UserPreferences(version=version, preferences=preferences))
            assert await wants_contact_calls(bus, cache, user_id) == wanted, version
