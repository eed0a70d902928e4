"""Large work for one user, which holds that user's lock, holds up nobody else and loses nothing."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import asyncpg
import pytest

from libs.common.config import Settings
from libs.common.db import Connection, open_pool
from libs.common.errors import Refused, Throttled
from libs.common.ids import UserId, new_id
from libs.common.requests import AddExclusion, ContactFields, CreateContact, SearchContacts
from services.contacts import context as context_module
from services.contacts.duplicates import refresh_due_duplicates
from services.contacts.exclusion_work import work_off_exclusions
from services.contacts.handlers import contacts, exclusions, messages
from services.contacts.scoring import refresh_due_scores
from services.contacts.store.users import lock_free_users
from tests.support.contacts_world import ME, NOW, USER, World, card, contacts_database, mail, world
from tests.support.database import Database

__all__ = ["contacts_database", "world"]

JANE, BOB = "jane@acme.example", "bob@beta.example"
OTHER = UserId(new_id())


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context_module, "LOCK_WAIT_SECONDS", 0.3)


@asynccontextmanager
async def work_for(user_id: UserId, database: Database) -> AsyncIterator[None]:
    """Somebody on another replica holds the user's lock."""
    connection = await asyncpg.connect(database.url_for("contacts"))
    try:
        async with connection.transaction():
            assert await lock_free_users(connection, [user_id]) == {user_id}
            yield
    finally:
        await connection.close()


async def test_mail_of_a_busy_user_comes_again_and_that_of_others_in_the_same_batch_is_recorded(
    world: World, contacts_database: Database
) -> None:
    batch = [mail("m1", JANE), mail("m2", BOB).model_copy(update={"user_id": OTHER})]
    async with work_for(USER, contacts_database):
        with pytest.raises(Throttled, match="being changed by somebody else"):
            await messages.record_messages(world.context, batch)
        assert await world.pool.fetch("SELECT user_id FROM interactions") == [(OTHER,)]
    await messages.record_messages(world.context, batch)
    assert (await world.pool.fetchval("SELECT count(*) FROM interactions")) == 2
    assert [line.title for line in await world.timeline(JANE)] == ["about m1"]


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Patient writers; grows with each try to get a lock."""
    monkeypatch.setattr(context_module, "LOCK_WAIT_SECONDS", 60)
    counted: list[int] = []

    async def lock(connection: Connection, user_ids: Collection[UserId]) -> set[UserId]:
        counted.append(len(user_ids))
        return await lock_free_users(connection, user_ids)

    monkeypatch.setattr(context_module, "lock_free_users", lock)
    return counted


async def until_tried(tries: list[int], times: int) -> None:
    async with asyncio.timeout(60):
        while len(tries) < times:
            await asyncio.sleep(0.005)


async def test_twenty_events_for_a_busy_user_leave_the_only_connection_to_others(
    contacts_database: Database, tries: list[int]
) -> None:
    pool = await open_pool(Settings(postgres_url=contacts_database.url_for("contacts"), pool_size=1))
    try:
        small = World(pool)
        await small.clear()
        async with work_for(USER, contacts_database):
            waiting = [
                asyncio.create_task(messages.record_messages(small.context, [mail(f"m{n}", JANE)])) for n in range(20)
            ]
            await until_tried(tries, 40)
            page = await contacts.search_contacts(small.context, SearchContacts(user_id=OTHER, q="jane"))
            assert page.items == ()
            assert not any(task.done() for task in waiting), "they were waiting all the time"
        await asyncio.gather(*waiting)
        assert (await small.counts()).messages == 20
    finally:
        await pool.close()


async def test_what_waits_for_a_moment_only_is_done_without_an_error(
    world: World, contacts_database: Database, tries: list[int]
) -> None:
    async with work_for(USER, contacts_database):
        recording = asyncio.create_task(messages.record_messages(world.context, [mail("m1", JANE)]))
        await until_tried(tries, 2)
        assert not recording.done()
    await recording
    assert (await world.counts()).messages == 1


async def test_of_a_batch_whose_user_gets_free_nothing_is_done_twice_for_the_others(
    world: World, contacts_database: Database, tries: list[int]
) -> None:
    batch = [mail("m1", JANE), mail("m2", BOB).model_copy(update={"user_id": OTHER})]
    async with work_for(USER, contacts_database):
        recording = asyncio.create_task(messages.record_messages(world.context, batch))
        await until_tried(tries, 3)
    await recording
    assert tries[:3] == [2, 1, 1], "only who is left is tried again"
    changed = [event.user_id for event in world.published]  # type: ignore[attr-defined]
    assert changed == [OTHER, USER], "each once, after its own commit"


async def test_who_edits_while_their_contacts_are_busy_may_try_again_shortly(
    world: World, contacts_database: Database
) -> None:
    command = CreateContact(user_id=USER, fields=ContactFields(name="Dora"))
    async with work_for(USER, contacts_database):
        with pytest.raises(Refused, match="try again shortly") as refused:
            await contacts.create_contact(world.context, command)
        assert (refused.value.status, refused.value.code) == (503, "busy")
        page = await contacts.search_contacts(world.context, SearchContacts(user_id=USER))
        assert page.items == (), "reading goes on"
    assert (await contacts.create_contact(world.context, command)).name == "Dora"


async def test_scores_of_others_are_computed_while_one_user_is_busy(world: World, contacts_database: Database) -> None:
    await world.receive(mail("m1", JANE), card("1", name="Bob", emails=[BOB]).model_copy(update={"user_id": OTHER}))
    async with work_for(USER, contacts_database):
        assert await refresh_due_scores(world.context, NOW) == 1
    assert await refresh_due_scores(world.context, NOW) == 1


async def test_rules_are_worked_off_and_duplicates_found_for_others_while_one_user_is_busy(
    world: World, contacts_database: Database
) -> None:
    for number, user_id in enumerate((USER, OTHER)):
        await exclusions.add_exclusion(world.context, AddExclusion(user_id=user_id, value="nobody@zeta.example"))
        await world.receive(card(str(number), name="Jane", emails=[JANE]).model_copy(update={"user_id": user_id}))
    async with work_for(USER, contacts_database):
        assert await work_off_exclusions(world.context) == 1
        assert await refresh_due_duplicates(world.context) == 1
    assert await work_off_exclusions(world.context) == 1
    assert await refresh_due_duplicates(world.context) == 1


@pytest.mark.usefixtures("tries")
async def test_two_batches_of_the_same_users_in_opposite_order_are_both_recorded(world: World) -> None:
    users = [UserId(new_id()) for _ in range(20)]
    batch = [mail(f"m{n}", JANE, [ME]).model_copy(update={"user_id": user}) for n, user in enumerate(users)]
    other = [mail(f"o{n}", BOB, [ME], account=2).model_copy(update={"user_id": user}) for n, user in enumerate(users)]
    await asyncio.gather(
        messages.record_messages(world.context, batch), messages.record_messages(world.context, other[::-1])
    )
    assert await world.pool.fetchval("SELECT count(*) FROM interactions") == 40
