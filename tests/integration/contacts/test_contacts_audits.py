"""The comparisons that `sync` requests: what differs from what was published, for each kind and each way to differ."""

from collections.abc import Awaitable, Callable, Sequence

from libs.common.requests import CompareCards, CompareMeetings, CompareMessages, PublishedItem, PublishedMessage
from services.contacts.handlers import audits
from tests.support.contacts_world import (
    ME,
    USER,
    WORK,
    World,
    account_id,
    card,
    card_removed,
    connected,
    contacts_database,
    disconnected,
    mail,
    meeting,
    meeting_cancelled,
    removed,
    world,
)

__all__ = ["contacts_database", "world"]

JANE = "jane@acme.example"
Rows = Sequence[tuple[str, int, bool]]
Differing = list[tuple[str, int]]


def waiting(count: int) -> Callable[[], Awaitable[int]]:
    async def count_waiting() -> int:
        return count

    return count_waiting


async def compare_messages(world: World, rows: Rows, account: int = 1) -> Differing:
    published = tuple(PublishedMessage(gmail_id=id_, revision=revision, removed=gone) for id_, revision, gone in rows)
    query = CompareMessages(user_id=USER, account_id=account_id(account), published=published)
    found = await audits.compare_messages(world.context, waiting(3), query)
    assert found.waiting == 3
    return [(held.gmail_id, held.revision) for held in found.differing]


async def compare_meetings(world: World, rows: Rows, account: int = 1) -> Differing:
    published = tuple(PublishedItem(id=id_, revision=revision, removed=gone) for id_, revision, gone in rows)
    query = CompareMeetings(user_id=USER, account_id=account_id(account), published=published)
    found = await audits.compare_meetings(world.context, waiting(4), query)
    assert found.waiting == 4
    return [(held.id, held.revision) for held in found.differing]


async def compare_cards(world: World, rows: Rows, account: int = 1) -> Differing:
    published = tuple(PublishedItem(id=id_, revision=revision, removed=gone) for id_, revision, gone in rows)
    query = CompareCards(user_id=USER, account_id=account_id(account), published=published)
    found = await audits.compare_cards(world.context, waiting(5), query)
    assert found.waiting == 5
    return [(held.id, held.revision) for held in found.differing]


async def test_mail_differs_where_it_is_missing_older_gone_or_there_although_it_went(world: World) -> None:
    await world.receive(
        mail("m", JANE, revision=3), mail("gone", JANE), removed("gone", revision=3), mail("lone", JANE, revision=2)
    )
    await world.receive(connected(2, WORK), mail("m2", JANE, account=2, revision=3))
    await world.pool.execute("DELETE FROM interactions WHERE ref = '<lone@mail>#1'")
    same: Rows = [
        ("m", 3, False), ("m", 2, False), ("gone", 3, True), ("gone", 9, True), ("never", 1, True), ("m", 3, True), ("m", 2, True),
    ]  # fmt: skip
    differing: Rows = [
        ("m", 4, False), ("never", 1, False), ("gone", 3, False), ("gone", 2, False), ("lone", 2, False), ("m", 4, True), ("m2", 3, False),
    ]  # fmt: skip
    assert await compare_messages(world, same) == []
    assert await compare_messages(world, differing) == [
        ("m", 3), ("never", 0), ("gone", 3), ("gone", 3), ("lone", 2), ("m", 3), ("m2", 0),
    ]  # fmt: skip
    assert await compare_messages(world, [("m2", 3, False)], account=2) == []


async def test_meetings_differ_where_they_are_not_held_at_their_very_revision(world: World) -> None:
    await world.receive(
        meeting("e", [JANE], revision=3), meeting("gone", [JANE]), meeting_cancelled("gone", revision=3),
        meeting("alone", [], organizer="", revision=2), meeting("lone", [JANE], revision=2), meeting("e2", [JANE], account=2, revision=3),
    )  # fmt: skip
    await world.pool.execute("DELETE FROM interactions WHERE title = 'meeting lone'")
    same: Rows = [
        ("e", 3, False),
        ("gone", 3, True),
        ("gone", 9, True),
        ("never", 1, True),
        ("alone", 2, False),
        ("gone", 3, False),
    ]
    differing: Rows = [
        ("e", 4, False), ("e", 2, False), ("never", 1, False), ("e", 3, True), ("e", 9, True), ("lone", 2, False), ("e2", 3, False),
    ]  # fmt: skip
    assert await compare_meetings(world, [(f"calendar 1/{id_}", *rest) for id_, *rest in same]) == []  # type: ignore[misc]
    found = await compare_meetings(world, [(f"calendar 1/{id_}", *rest) for id_, *rest in differing])  # type: ignore[misc]
    assert [(id_.removeprefix("calendar 1/"), revision) for id_, revision in found] == [
        ("e", 3), ("e", 3), ("never", 0), ("e", 3), ("e", 3), ("lone", 2), ("e2", 0),
    ]  # fmt: skip
    assert await compare_meetings(world, [("calendar 2/e2", 3, False)], account=2) == []


async def test_cards_differ_where_they_are_not_held_at_their_very_revision(world: World) -> None:
    await world.receive(card("1", name="Jane", revision=3), card("2", name="Bob"), card_removed("2", revision=3))
    await world.receive(card("9", account=2, name="Carol", revision=3))
    same: Rows = [
        ("people/1", 3, False),
        ("people/2", 3, True),
        ("people/2", 9, True),
        ("people/3", 1, True),
        ("people/2", 3, False),
    ]
    differing: Rows = [
        ("people/1", 4, False), ("people/1", 2, False), ("people/3", 1, False), ("people/1", 3, True), ("people/9", 3, False),
    ]  # fmt: skip
    assert await compare_cards(world, same) == []
    assert await compare_cards(world, differing) == [
        ("people/1", 3), ("people/1", 3), ("people/3", 0), ("people/1", 3), ("people/9", 0),
    ]  # fmt: skip
    assert await compare_cards(world, [("people/9", 3, False)], account=2) == []


async def test_of_an_account_or_user_that_was_purged_nothing_differs(world: World) -> None:
    missing: Rows = [("x", 1, False)]
    compares = (compare_messages, compare_meetings, compare_cards)
    await world.receive(connected(2, WORK), mail("m", ME, [JANE]), disconnected(2, purge=True))
    assert [await compare(world, missing, 2) for compare in compares] == [[], [], []]
    assert [await compare(world, missing, 1) for compare in compares] == [[("x", 0)]] * 3
    await world.pool.execute("INSERT INTO purged VALUES ($1, now())", USER)
    assert [await compare(world, missing, 1) for compare in compares] == [[], [], []]


async def test_what_waits_is_counted_before_the_rows_are_read(world: World) -> None:
    """Counted after it, an event that was handled in between would be neither waiting nor found, and look lost."""

    async def then_it_arrives() -> int:
        await world.receive(mail("m", JANE), meeting("e", [JANE]), card("1", name="Jane"))
        return 3

    of = {"user_id": USER, "account_id": account_id(1)}
    mails = CompareMessages(**of, published=(PublishedMessage(gmail_id="m", revision=1),))  # type: ignore[arg-type]
    assert (await audits.compare_messages(world.context, then_it_arrives, mails)).differing == ()
    await world.clear()
    meets = CompareMeetings(**of, published=(PublishedItem(id="calendar 1/e", revision=1),))  # type: ignore[arg-type]
    assert (await audits.compare_meetings(world.context, then_it_arrives, meets)).differing == ()
    await world.clear()
    people = CompareCards(**of, published=(PublishedItem(id="people/1", revision=1),))  # type: ignore[arg-type]
    assert (await audits.compare_cards(world.context, then_it_arrives, people)).differing == ()
