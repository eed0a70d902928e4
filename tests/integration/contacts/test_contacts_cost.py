"""What a page asks of the database does not grow with the mailbox: counted in rows, at two sizes."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest

from libs.common.db import Connection, on_behalf_of
from libs.common.ids import ContactId, UserId, new_id
from services.contacts.attendees import list_known_guests
from services.contacts.domain.interaction_times import interaction_times
from services.contacts.domain.relationships import detailed_relationship
from services.contacts.domain.text import search_terms
from services.contacts.store.contact_search import ContactFilter, list_sorted
from services.contacts.store.text_search import list_by_text
from services.contacts.store.timelines import TimelineFilter, list_lines
from services.contacts.timelines import list_interaction_views
from services.contacts.waiting import unanswered_mail
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


async def waiting(connection: Connection, user_id: UserId, _: ContactId) -> Any:
    now = datetime.now(UTC)
    return await anext(unanswered_mail(connection, user_id, now - timedelta(days=60), now))


def search(text: str) -> Reads:
    async def found(connection: Connection, user_id: UserId, _: ContactId) -> Any:
        return await list_by_text(connection, ContactFilter(user_id), search_terms(text), None, 21)

    return found


async def newest(connection: Connection, user_id: UserId, _: ContactId) -> Any:
    return await list_sorted(connection, ContactFilter(user_id), "recent", None, 21)


async def guests(connection: Connection, _: UserId, contact_id: ContactId) -> Any:
    return (await list_known_guests(connection, [contact_id], datetime.now(UTC), 10)).guests[contact_id].last


async def test_what_a_page_reads_does_not_grow_with_the_mailbox(
    world: World, contacts_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So many lines both have, and what takes all of them was computed in the background (docs/rules.md, "Relationship score").
    monkeypatch.setattr("services.contacts.attendees.MOST_LOOKED_AT_OF_ONE", 50)
    computed = detailed_relationship(interaction_times(()), datetime.now(UTC)).model_dump_json()
    admin = await asyncpg.connect(contacts_database.admin_url, server_settings={"search_path": "contacts"})
    try:
        filled = {}
        for size in (SMALL, LARGE):
            user_id = UserId(new_id())
            await fill(admin, user_id, new_id(), size)
            filled[size] = user_id, ContactId(UUID(str(await busiest_contact(admin, user_id))))
        await admin.execute("UPDATE contacts SET relationship = $1::text::jsonb", computed)
        await admin.execute("ANALYZE")
    finally:
        await admin.close()
    reads: dict[str, tuple[Reads, int]] = {
        "a page of a timeline": (timeline, 51), "what waits": (waiting, 60), "the newest contacts": (newest, 21),
        "the guests of a meeting": (guests, 10),
        "everybody's letter": (search("p"), 21), "a name": (search("person 77"), 11), "a company": (search("firm7"), 21),
    }  # fmt: skip
    for name, (read, expected) in reads.items():
        rows = {}
        for size, (user_id, contact_id) in filled.items():
            # What is searched is read without a policy (docs/decisions/0012).
            with on_behalf_of(user_id if read in (timeline, waiting, newest, guests) else None):
                async with world.pool.acquire() as connection:
                    counting = CountingConnection(connection)
                    found = await read(cast(Connection, counting), user_id, contact_id)
            assert len(found) >= expected, name
            rows[size] = counting.rows
        assert rows[LARGE] < 1.5 * rows[SMALL] + 100, (
            f"{name}: {rows[SMALL]} rows, {rows[LARGE]} of a mailbox six times as large"
        )
