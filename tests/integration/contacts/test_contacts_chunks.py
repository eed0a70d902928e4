"""Large work is done in committed chunks: a crash in the middle loses nothing, and others are served in between."""

from collections.abc import Awaitable, Callable

import pytest

from libs.common.events import Event, UserDeleted
from libs.common.requests import SearchContacts
from services.contacts import account_purge, rechecks, user_deletion
from services.contacts.context import pause_between_chunks
from services.contacts.handlers import contacts, messages
from tests.support.contacts_world import (
    ME,
    USER,
    WORK,
    World,
    account_id,
    card,
    connected,
    contacts_database,
    disconnected,
    identified,
    mail,
    meeting,
    settings,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, BOB, CAROL, LIST = "jane@acme.example", "bob@beta.example", "carol@gamma.example", "list@lists.example"
CHUNKED = (account_purge, rechecks, user_deletion)
TABLES = ("users", "accounts", "own_addresses", "contacts", "addresses", "interactions", "participants", "sightings", "cards", "rechecks",
          "groups_due", "bcc_offers", "merges", "profiles", "address_names")  # fmt: skip


class Crash(BaseException):
    """The process is gone."""


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, names in (
        (account_purge, ("OBSERVATIONS_AT_ONCE", "CARDS_AT_ONCE", "ADDRESSES_AT_ONCE")),
        (rechecks, ("INTERACTIONS_AT_ONCE", "ADDRESSES_AT_ONCE")),
        (user_deletion, ("ROWS_AT_ONCE",)),
    ):
        for name in names:
            monkeypatch.setattr(module, name, 2)


def crash_behind(chunks: int) -> Callable[[], Awaitable[None]]:
    """So many chunks are survived."""
    left = iter(range(chunks))

    async def crash() -> None:
        if next(left, None) is None:
            raise Crash

    return crash


def between_chunks(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[None]]) -> None:
    """Do something else whenever a chunk is committed."""
    for module in CHUNKED:
        monkeypatch.setattr(module, "pause_between_chunks", act)


HISTORY: list[Event] = [
    connected(2, WORK),
    mail("a1", JANE, [ME, WORK, CAROL], name="Jane"),
    mail("b1", JANE, [ME, WORK, CAROL], account=2, rfc_message_id="<a1@mail>", name="Jane"),
    mail("a2", ME, [BOB]),
    mail("b2", WORK, [CAROL, BOB], account=2, name="Me"),
    mail("b3", LIST, [WORK], account=2, automated="list", thread_id="t", name="List"),
    mail("b4", WORK, [LIST], account=2, thread_id="t"),
    mail("a3", LIST, [WORK], automated="list", thread_id="u", rfc_message_id="<b3@mail>", name="List"),
    mail("b5", "dora@x.example", [WORK], account=2, name="Dora"),
    mail("a4", "alias@x.example", [JANE, "erik@x.example"], name="Alias"),
    mail("a5", "noreply@shop.example", automated="noreply"),
    card("1", account=2, name="Carol Card", emails=[CAROL, "carol@home.example"]),
    card("2", account=2, name="Frank", emails=["frank@x.example"]),
    card("3", account=2, name="Grace", emails=["grace@x.example"]),
    meeting("e", [CAROL, "guest@x.example"], organizer=WORK, account=2),
]

CHANGES: dict[str, Event] = {
    "an account is purged": disconnected(2, purge=True),
    "an alias becomes mine": identified(ME, "alias@x.example", JANE),
    "everybody becomes a contact": settings(1, contact_creation="everyone"),
    "nobody becomes a contact": settings(1, contact_creation="none"),
    "an address of the settings is mine": settings(1, own_addresses=["alias@x.example"], contact_creation="sent_only"),
}


@pytest.mark.parametrize("change", list(CHANGES))
async def test_a_crash_between_any_two_chunks_changes_nothing_about_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    event = CHANGES[change]
    await world.receive(*HISTORY, event)
    expected = await world.state()
    survived, crashes = False, 0
    while not survived:
        await world.clear()
        await world.receive(connected(), *HISTORY)
        between_chunks(monkeypatch, crash_behind(crashes))
        try:
            await world.receive(event)
            survived = True
        except Crash:
            crashes += 1
        between_chunks(monkeypatch, pause_between_chunks)
        await world.receive(event)  # the bus brings it again
        assert await world.state() == expected, f"after a crash behind chunk {crashes}"
        assert await world.pool.fetchval("SELECT count(*) FROM rechecks") == 0
    assert crashes > 3, "it was large work"


async def test_the_changes_that_crashes_are_tried_with_change_something(world: World) -> None:
    await world.receive(*HISTORY)
    before = await world.state()
    for event in CHANGES.values():
        await world.clear()
        await world.receive(connected(), *HISTORY, event)
        assert await world.state() != before


async def test_a_deletion_that_crashes_again_and_again_leaves_nothing_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.receive(*HISTORY, settings(1))
    left = [await _rows(world)]

    async def crash() -> None:
        raise Crash

    between_chunks(monkeypatch, crash)
    with pytest.raises(Crash):
        await world.receive(UserDeleted(user_id=USER, account_ids=(account_id(1), account_id(2))))
    left.append(await _rows(world))
    await world.receive(
        mail("late", BOB), card("late", name="Late", emails=["late@x.example"]), connected(3, "new@x.example")
    )
    assert await _rows(world) == left[-1], "nothing about them is recorded any more"
    between_chunks(monkeypatch, pause_between_chunks)
    await world.receive(UserDeleted(user_id=USER, account_ids=(account_id(1), account_id(2))))
    assert left[0] > left[1] > 0
    assert await _rows(world) == 0


async def _rows(world: World) -> int:
    return sum([await world.pool.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES])


async def test_while_an_account_is_purged_mail_of_the_others_is_recorded_and_people_are_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.receive(*HISTORY)
    numbers = iter(range(1_000))

    async def others() -> None:
        number = next(numbers)
        await messages.record_messages(world.context, [mail(f"new{number}", f"new{number}@x.example")])
        page = await contacts.search_contacts(world.context, SearchContacts(user_id=USER, q=f"new{number}"))
        assert len(page.items) == 1

    between_chunks(monkeypatch, others)
    await world.receive(disconnected(2, purge=True))
    recorded = next(numbers)
    assert recorded > 3
    assert (await world.counts()).messages == 5 + recorded
