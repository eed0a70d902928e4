"""What a page asks of the database does not grow with the mailbox: counted in rows, at two sizes."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest

from libs.common.db import Connection, on_behalf_of
from libs.common.ids import ContactId, UserId, new_id
from libs.common.requests import Attendee
from services.contacts.attendees import list_known_guests
from services.contacts.domain.text import search_terms
from services.contacts.scoring import MANY_LINES, refresh_due_scores
from services.contacts.store.contact_search import ContactFilter, list_sorted
from services.contacts.store.observations import list_observations
from services.contacts.store.text_search import list_by_text
from services.contacts.store.timeline_threads import list_folded_lines
from services.contacts.store.timelines import TimelineFilter, get_line, list_lines
from services.contacts.timelines import list_interaction_views
from services.contacts.waiting import PIECES, unanswered_mail
from tests.bench.large_mailbox import Size, busiest_contact, fill
from tests.support.contacts_world import World, contacts_database, world
from tests.support.database import Database
from tests.support.reading import CountingConnection

__all__ = ["contacts_database", "world"]

SMALL, LARGE = Size(1_500, 1_200, 100), Size(9_000, 6_000, 1_800)
Reads = Callable[[Connection, UserId, ContactId], Awaitable[Any]]


async def timeline(connection: Connection, _: UserId, contact_id: ContactId) -> Any:
    lines = await list_lines(connection, contact_id, TimelineFilter(until=datetime.now(UTC)), None, 51)
    return await list_interaction_views(connection, lines)


async def folded(connection: Connection, _: UserId, contact_id: ContactId) -> Any:
    return await list_folded_lines(connection, contact_id, TimelineFilter(until=datetime.now(UTC)), None, 15)


async def conversation(connection: Connection, _: UserId, contact_id: ContactId) -> Any:
    return await list_lines(connection, contact_id, TimelineFilter(thread="conversation 9"), None, 60)


async def no_conversation(connection: Connection, _: UserId, contact_id: ContactId) -> Any:
    return await list_lines(connection, contact_id, TimelineFilter(platform="note", thread="meeting:0"), None, 2)


async def guest(connection: Connection, _: UserId, contact_id: ContactId) -> Any:
    found = await list_known_guests(connection, [contact_id], datetime.now(UTC), 5)
    return found.guests[contact_id].last


async def note(connection: Connection, _: UserId, contact_id: ContactId) -> Any:
    return [await get_line(connection, contact_id, "note", "none of this name")]


async def copies(connection: Connection, user_id: UserId, _: ContactId) -> Any:
    return await list_observations(connection, [], [(user_id, "email", "<7@mail>")])


async def note_copies(connection: Connection, user_id: UserId, _: ContactId) -> Any:
    return await list_observations(connection, [], [(user_id, "note", "none of this name")])


async def waiting(connection: Connection, user_id: UserId, _: ContactId) -> Any:
    now = datetime.now(UTC)
    return await anext(unanswered_mail(connection, user_id, now - timedelta(days=60), now))


def search(text: str) -> Reads:
    async def found(connection: Connection, user_id: UserId, _: ContactId) -> Any:
        return await list_by_text(connection, ContactFilter(user_id), search_terms(text), None, 21)

    return found


async def newest(connection: Connection, user_id: UserId, _: ContactId) -> Any:
    return await list_sorted(connection, ContactFilter(user_id), "recent", None, 21)


async def test_what_a_page_reads_does_not_grow_with_the_mailbox(
    world: World, contacts_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SMALL.busiest < MANY_LINES < LARGE.busiest
    monkeypatch.setattr("services.contacts.attendees.MOST_LOOKED_AT_OF_ONE", 50)  # so many lines both have
    admin = await asyncpg.connect(contacts_database.admin_url, server_settings={"search_path": "contacts"})
    try:
        filled = {}
        for size in (SMALL, LARGE):
            user_id, account_id = UserId(new_id()), new_id()
            await fill(admin, user_id, account_id, size)
            filled[size] = user_id, ContactId(UUID(str(await busiest_contact(admin, user_id))))
            await admin.execute("INSERT INTO accounts (id, user_id, address, connected, at) VALUES ($1, $2, 'me@gmail.com', true, now())",
                                account_id, user_id)  # fmt: skip
        busiest = [contact_id for _, contact_id in filled.values()]
        await admin.execute("UPDATE contacts SET due_at = '-infinity' WHERE id = ANY($1::uuid[])", busiest)
        assert await refresh_due_scores(world.context, datetime.now(UTC)) == len(filled)
        await admin.execute("UPDATE contacts SET written_to = true")
        await admin.execute("VACUUM ANALYZE")
        await _reads_as_much_of_a_large_mailbox(world, filled)
        await _knows_a_guest_by_what_is_stored_while_that_is_true(world, admin, filled[LARGE])
        await admin.execute("UPDATE contacts SET written_to = false, score = 0")
        await admin.execute("VACUUM ANALYZE")
        await _reads_who_strangers_are_and_no_more(world, filled[LARGE][0])
    finally:
        await admin.close()


async def _reads_as_much_of_a_large_mailbox(world: World, filled: Mapping[Size, tuple[UserId, ContactId]]) -> None:
    reads: dict[str, tuple[Reads, int]] = {
        "a page of a timeline": (timeline, 51), "a folded page": (folded, 15), "a guest": (guest, 5), "a note": (note, 1),
        "what else was seen of a mail": (copies, 1), "what else was seen of a note": (note_copies, 0),
        "a conversation": (conversation, 6), "what is not written about a meeting": (no_conversation, 0),
        "what waits": (waiting, 45), "the newest contacts": (newest, 21),
        "everybody's letter": (search("p"), 21), "a name": (search("person 77"), 11), "a company": (search("firm7"), 21),
    }  # fmt: skip
    for name, (read, expected) in reads.items():
        rows = {}
        for size, (user_id, contact_id) in filled.items():
            # What is searched is read without a policy (docs/decisions/0012), and mail is recorded without one.
            policed = (timeline, folded, conversation, no_conversation, guest, note, note_copies, waiting, newest)
            with on_behalf_of(user_id if read in policed else None):
                async with world.pool.acquire() as connection:
                    counting = CountingConnection(connection)
                    found = await read(cast(Connection, counting), user_id, contact_id)
            assert len(found) >= expected, name
            rows[size] = counting.rows
        assert rows[LARGE] < 1.5 * rows[SMALL] + 100, (
            f"{name}: {rows[SMALL]} rows, {rows[LARGE]} of a mailbox six times as large"
        )


async def _knows_a_guest_by_what_is_stored_while_that_is_true(
    world: World, admin: "asyncpg.Connection[asyncpg.Record]", whose: tuple[UserId, ContactId]
) -> None:
    user_id, contact_id = whose
    now = datetime.now(UTC)

    async def known(at: datetime = now) -> Attendee:
        with on_behalf_of(user_id):
            async with world.pool.acquire() as connection:
                return (await list_known_guests(connection, [contact_id], at, 5)).guests[contact_id]

    stored = await known()
    await admin.execute(
        "UPDATE contacts SET relationship = jsonb_set(relationship, '{score,total}', '9') WHERE id = $1", contact_id
    )
    assert (await known()).score.total == 9, "of so many lines none is counted"
    assert await known(now - timedelta(hours=1)) != await known(), "what is stored is of later"
    assert (await known(now - timedelta(hours=1))).score.total != 9
    await admin.execute("UPDATE contacts SET due_at = '-infinity' WHERE id = $1", contact_id)
    assert await known() == stored, "something new has come: the lines are counted, and come to the same"


async def _reads_who_strangers_are_and_no_more(world: World, user_id: UserId) -> None:
    """Mail of people whom the user never wrote to waits for nothing: what it is, and what answers it, is not looked at."""
    now = datetime.now(UTC)
    with on_behalf_of(user_id):
        async with world.pool.acquire() as connection:
            counting = CountingConnection(connection)
            found = [
                piece
                async for piece in unanswered_mail(cast(Connection, counting), user_id, now - timedelta(days=60), now)
            ]
    assert found == [[] for _ in PIECES]
    assert counting.pages < 9 * sum(PIECES), f"{counting.pages} pages for {sum(PIECES)} messages"
