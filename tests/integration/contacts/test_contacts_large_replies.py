"""Replies of `contacts` that would be too large to send come in pages: the archive, timelines, lists, a meeting's guests."""

from datetime import timedelta
from typing import Any, Literal

from libs.common.pagination import json_bytes
from libs.common.requests import (
    AddInteraction,
    ContactFields,
    CreateContact,
    ExportContacts,
    ExportPage,
    GetAttendees,
    GetTimeline,
    SearchContacts,
)
from services.contacts.handlers import attendees, contacts, export, messages, timelines
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    World,
    card,
    contacts_database,
    mail,
    world,
)

__all__ = ["contacts_database", "world"]  # fixtures

JANE, BOB = "jane@acme.example", "bob@beta.example"


async def test_the_archive_has_everything_page_by_page(world: World) -> None:
    await world.receive(*[mail(f"m{n}", f"p{n}@x.example") for n in range(5)])
    for what, field in (("contacts", "emails"), ("interactions", "title")):
        rows: list[Any] = []
        cursor = None
        while True:
            query = ExportContacts(user_id=USER, what=what, limit=2, cursor=cursor)  # type: ignore[arg-type]
            page = await export.export_contacts(world.context, query)
            rows += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        assert len({str(row[field]) for row in rows}) == 5


async def every_page(world: World, what: Literal["contacts", "interactions"], limit: int = 500) -> list[ExportPage]:
    pages = []
    cursor = None
    while True:
        query = ExportContacts(user_id=USER, what=what, limit=limit, cursor=cursor)
        pages.append(await export.export_contacts(world.context, query))
        cursor = pages[-1].next_cursor
        if cursor is None:
            return pages


async def test_an_archive_of_five_hundred_mails_with_ten_people_each_comes_in_pages_that_can_be_sent(
    world: World,
) -> None:
    people = [f"somebody-with-a-rather-long-address-{n}@department.of.a.large.company.example" for n in range(9)]
    mails = [mail(f"m{n}", JANE, [ME, *people], title="é" * 400, snippet="ü" * 400) for n in range(500)]
    await messages.record_messages(world.context, mails)
    pages = await every_page(world, "interactions")
    assert len({row["ref"] for page in pages for row in page.items}) == 500
    assert all(len(row["people"]) == row["people_total"] == 11 for page in pages for row in page.items)
    assert len(pages) > 2
    assert max(json_bytes(page) for page in pages) < 510_000


async def test_an_archive_of_contacts_with_long_notes_comes_in_pages_that_can_be_sent(world: World) -> None:
    for number in range(30):
        fields = ContactFields(name=f"Contact {number}", notes="ü" * 40_000)
        await contacts.create_contact(world.context, CreateContact(user_id=USER, fields=fields))
    pages = await every_page(world, "contacts")
    assert len({row["name"] for page in pages for row in page.items}) == 30
    assert max(json_bytes(page) for page in pages) < 510_000


async def test_what_is_larger_than_a_page_is_a_page_by_itself(world: World) -> None:
    huge = [f"{'x' * 50}{n}@a-very-long-domain-name.of.somebody.example" for n in range(2_000)]
    for n in range(2):
        await world.receive(mail(f"m{n}", JANE, huge, title="x" * 500, account=1))
    await world.pool.execute("""UPDATE participants SET name = repeat('ü', 200)""")
    await world.pool.execute(
        """INSERT INTO participants (address_id, occurred_at, interaction_id, role)
           SELECT a.id, i.occurred_at, i.id, 'old' || n FROM addresses a, interactions i, generate_series(1, 30) n"""
    )
    pages = await every_page(world, "interactions")
    assert [len(page.items) for page in pages] == [1, 1]
    assert min(json_bytes(page) for page in pages) > 500_000


async def test_a_timeline_after_twenty_mails_to_a_hundred_people_shows_the_first_and_how_many_there_are(
    world: World,
) -> None:
    everybody = [f"somebody-{n:03}@department.of.a.large.company.example" for n in range(100)]
    await world.receive(mail("before", JANE, days_ago=30))
    await messages.record_messages(
        world.context, [mail(f"m{n}", ME, [JANE, *everybody], days_ago=n + 1) for n in range(20)]
    )
    jane = await world.contact(JANE)
    page = await timelines.get_timeline(world.context, GetTimeline(user_id=USER, contact_id=jane.id, limit=200))
    assert (len(page.items), page.next_cursor) == (21, None)
    assert [(line.people_total, len(line.people)) for line in page.items] == [*[(102, 25)] * 20, (2, 2)]
    assert page.items[0].people[0].address == ME, "the author comes first"


async def test_a_timeline_of_long_notes_comes_in_pages_that_can_be_sent(world: World) -> None:
    await world.receive(mail("m1", JANE))
    jane = await world.contact(JANE)
    for n in range(60):
        note = AddInteraction(user_id=USER, contact_id=jane.id, text=f"{n} " + "ü" * 9_000, ref=str(n))
        await timelines.add_interaction(world.context, note)
    seen: list[str] = []
    cursor = None
    while True:
        query = GetTimeline(user_id=USER, contact_id=jane.id, limit=200, cursor=cursor, platform="note")
        page = await timelines.get_timeline(world.context, query)
        assert json_bytes(page) < 510_000
        seen += [line.text.partition(" ")[0] for line in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen, key=int) == [str(n) for n in range(60)]
    assert (await world.timeline(JANE))[0].people_total == 0, "nobody but the contact is on a note"


async def test_a_list_of_contacts_with_many_long_addresses_comes_in_pages_that_can_be_sent(world: World) -> None:
    for number in range(40):
        emails = tuple(f"{'x' * 60}{n}.{number}@{'d' * 60}.{'e' * 60}.example" for n in range(100))
        await world.receive(card(str(number), name=f"Contact {number:02}", emails=emails))
    seen: list[str] = []
    cursor = None
    while True:
        query = SearchContacts(user_id=USER, q="contact", limit=200, cursor=cursor)
        page = await contacts.search_contacts(world.context, query)
        assert json_bytes(page) < 510_000
        seen += [contact.name for contact in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == [f"Contact {number:02}" for number in range(40)]


async def test_what_is_known_of_five_hundred_guests_can_be_sent(world: World) -> None:
    guests = [f"guest{n}@x.example" for n in range(500)]
    others = [f"other{n}@x.example" for n in range(20)]
    for n in range(3):
        batch = [mail(f"{guest} {n}", guest, [ME, *others], title="é" * 500, snippet="ü" * 500) for guest in guests]
        await messages.record_messages(world.context, batch)
    query = GetAttendees(user_id=USER, addresses=tuple(guests), now=NOW + timedelta(days=1), last=20)
    found = await attendees.get_attendees(world.context, query)
    assert [len(guest.last) for guest in found.items] == [1] * 500
    assert (found.items[0].last[0].people_total, len(found.items[0].last[0].people)) == (22, 5)
    assert json_bytes(found) < 2_000_000
