"""Lists page by page, however large the pages are and however many stand at the same place: complete, in order, nothing twice."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.db import Connection
from libs.common.ids import ContactId, UserId
from libs.common.requests import (
    Contact,
    ContactFields,
    ContactSummary,
    CountContacts,
    ExportContacts,
    GetAttendees,
    GetTimeline,
    Interaction,
    MergeContacts,
    SearchContacts,
    TimelineItem,
    UpdateContact,
)
from services.contacts.contact_views import list_contact_views
from services.contacts.handlers import attendees, contacts, counts, export, merges, messages, timelines
from services.contacts.scoring import refresh_due_scores
from services.contacts.store.timeline_threads import OLDER_SHOWN
from tests.support.contacts_rows import OTHER, of_the_other
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    World,
    account_id,
    card,
    connected,
    contacts_database,
    mail,
    meeting,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, BOB = "jane@acme.example", "bob@beta.example"


async def pages_of_contacts(world: World, limit: int, **order: Any) -> list[list[ContactSummary]]:
    pages: list[list[ContactSummary]] = []
    cursor = None
    while not pages or cursor:
        query = SearchContacts(user_id=USER, cursor=cursor, limit=limit, **order)
        page = await contacts.search_contacts(world.context, query)
        pages.append(list(page.items))
        cursor = page.next_cursor
        assert len(pages) < 50, "the same page again and again"
    return pages


async def list_with_ties(world: World) -> None:
    """Twelve contacts with three names, two scores and three last contacts; besides some that are on no list."""
    mails = [
        mail(f"{n}{way}", *((f"p{n}@x.example", [ME]) if way == "in" else (ME, [f"p{n}@x.example"])), days_ago=1 + n % 3, name="")
        for n in range(12)
        for way in (("in", "out") if n % 2 else ("out",))
        if n < 9
    ]  # fmt: skip
    await messages.record_messages(world.context, mails)
    await world.receive(*[card(f"{n}", name=f"Pat {n % 3}", emails=[f"p{n}@x.example"]) for n in range(12)])
    await world.receive(
        of_the_other(card("1", name="Pat 0", emails=[JANE])), of_the_other(mail("m", BOB, name="Pat 1"))
    )
    await world.receive(mail("archived", JANE, name="Pat 1"), mail("merged", BOB, name="Pat 1"))
    jane, bob, first = [(await world.contact(email)).id for email in (JANE, BOB, "p0@x.example")]
    archived = ContactFields(archived=True)
    await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=jane, fields=archived))
    await merges.merge_contacts(world.context, MergeContacts(user_id=USER, contact_id=first, other_id=bob))
    await refresh_due_scores(world.context, NOW)


def last(contact: ContactSummary) -> float:
    return contact.last_interaction_at.timestamp() if contact.last_interaction_at else float("-inf")


async def test_contacts_come_in_the_order_that_is_asked_for_on_pages_of_any_size(world: World) -> None:
    await list_with_ties(world)
    orders: list[tuple[dict[str, Any], Any]] = [
        ({"sort": "name"}, lambda contact: (contact.name, contact.id)),
        ({"sort": "recent"}, lambda contact: (-last(contact), contact.id)),
        ({"sort": "score"}, lambda contact: (-contact.score, -last(contact), contact.id)),
        ({"q": "pat"}, lambda contact: (-contact.score, -last(contact), contact.id)),
    ]
    for order, key in orders:
        [everything] = await pages_of_contacts(world, 200, **order)
        assert (
            len(everything) == (await counts.count_contacts(world.context, CountContacts(user_id=USER))).contacts == 12
        )
        assert everything == sorted(everything, key=key), order
        for limit in (1, 2, 3, 5, 11, 12, 13):
            pages = await pages_of_contacts(world, limit, **order)
            assert [contact for page in pages for contact in page] == everything, (order, limit)
            assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
            assert pages[-1], "the last page is not empty"
    names = {contact.name for contact in everything}
    assert names == {"Pat 0", "Pat 1", "Pat 2"}
    assert len({contact.score for contact in everything}) > 1


async def test_what_is_found_in_a_name_comes_before_addresses_companies_and_notes(world: World) -> None:
    await world.receive(
        card("1", name="Zed", emails=["zed@x.example"]),
        card("2", name="Ann", organization="Roma AG", emails=["ann@x.example"]),
        card("3", name="Bea", title="Romanist", emails=["bea@x.example"]),
        card("4", name="Cid", emails=["roma@x.example"]),
        card("5", name="Roma Lee", emails=["lee@x.example"]),
        card("6", name="Roma Romano", emails=["romano@roma.example"]),
    )
    notes = ContactFields(notes="met in Roma, " * 9)
    zed = (await world.contact("zed@x.example")).id
    await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=zed, fields=notes))
    [found] = await pages_of_contacts(world, 200, q="roma")
    names = [contact.name for contact in found]
    assert set(names[:2]) == {"Roma Lee", "Roma Romano"}
    assert set(names[2:5]) == {"Ann", "Bea", "Cid"}
    assert names[5:] == ["Zed"]
    for limit in (1, 2, 4):
        assert [contact for page in await pages_of_contacts(world, limit, q="roma") for contact in page] == found
    assert [contact.name for contact in (await pages_of_contacts(world, 9, q="rom lee"))[0]] == ["Roma Lee"]


async def pages_of_timeline(world: World, contact_id: ContactId, limit: int, **wanted: Any) -> list[list[TimelineItem]]:
    pages: list[list[TimelineItem]] = []
    cursor = None
    while not pages or cursor:
        query = GetTimeline(user_id=USER, contact_id=contact_id, cursor=cursor, limit=limit, **wanted)
        page = await timelines.get_timeline(world.context, query)
        pages.append(list(page.items))
        cursor = page.next_cursor
        assert len(pages) < 50, "the same page again and again"
    return pages


def folded(lines: Sequence[TimelineItem], shown: int = OLDER_SHOWN) -> list[TimelineItem]:
    """Of each thread of a platform its newest line, with the first of the others."""
    threads: dict[tuple[str, str], list[TimelineItem]] = {}
    for line in lines:
        threads.setdefault((line.platform, line.thread or str(line.id)), []).append(line)
    return [
        newest.model_copy(update={"thread_messages": 1 + len(older), "older": plain(older[:shown])})
        for newest, *older in threads.values()
    ]


def plain(lines: Sequence[TimelineItem]) -> tuple[Interaction, ...]:
    """Without what is said of their threads."""
    return tuple(Interaction(**{name: getattr(line, name) for name in Interaction.model_fields}) for line in lines)


async def test_a_timeline_is_newest_first_on_pages_of_any_size_however_many_lines_are_of_one_moment(
    world: World,
) -> None:
    mails = [
        mail(f"m{n}", *((JANE, [ME]) if n % 2 else (ME, [JANE])), days_ago=n // 5, thread_id=f"t{n % 4}", title=f"Mail {n % 3}")
        for n in range(16)
    ]  # fmt: skip
    await messages.record_messages(world.context, mails)
    await world.receive(*[meeting(f"e{n}", [JANE], days_ago=n) for n in (-1, 0, 1)], mail("other", BOB))
    jane = (await world.contact(JANE)).id
    [everything] = await pages_of_timeline(world, jane, 200)
    assert len(everything) == 19
    assert everything == sorted(everything, key=lambda line: (line.occurred_at, line.id), reverse=True)
    filters: list[tuple[dict[str, Any], list[TimelineItem]]] = [
        ({}, everything),
        ({"platform": "email"}, [line for line in everything if line.platform == "email"]),
        ({"platform": "calendar"}, [line for line in everything if line.platform == "calendar"]),
        ({"direction": "inbound"}, [line for line in everything if line.direction == "inbound"]),
        ({"q": "mail 1"}, [line for line in everything if line.title == "Mail 1"]),
        ({"group": True}, folded(everything, 0)),
        ({"group": True, "older": True}, folded(everything)),
        (
            {"group": True, "older": True, "direction": "outbound", "q": "MAIL 2", "platform": "email"},
            folded([line for line in everything if line.title == "Mail 2" and line.direction == "outbound"]),
        ),
    ]
    for wanted, expected in filters:
        assert 0 < len(expected) <= 19
        for limit in (1, 2, 3, 7, len(expected), 200):
            pages = await pages_of_timeline(world, jane, limit, **wanted)
            assert [line for page in pages for line in page] == expected, (wanted, limit)
            assert all(pages), "no page is empty"


async def test_whatever_the_pages_every_message_is_shown_once_folded_or_not(world: World) -> None:
    """Threads that go over the borders of pages, longer than what is shown of one, of two accounts, with mail that others are on, or that
    came into both accounts: there its thread has another name. The connection of one of the accounts has not arrived yet.
    """
    await world.receive(connected(1))
    chance = random.Random(9)
    names = [f"t{chance.choice([0] * 9 + [*range(12)])}" if n % 5 else "" for n in range(70)]
    mails = [
        mail(f"m{n}", *chance.choice([(JANE, [ME]), (ME, [JANE]), (BOB, [ME])]), account=chance.choice([1, 2]), thread_id=name,
             days_ago=chance.randrange(30))
        for n, name in enumerate(names)
    ]  # fmt: skip
    copies = [
        message.model_copy(update={"account_id": other, "thread_id": f"c{chance.choice([0, 1])}"})
        for message in mails[::4]
        for other in {account_id(1), account_id(2)} - {message.account_id}
    ]
    await messages.record_messages(world.context, [*mails, *copies])
    jane = (await world.contact(JANE)).id
    [everything] = await pages_of_timeline(world, jane, 200)
    expected = folded(everything)
    assert {"c0", "c1"} < {item.thread for item in expected}
    assert max(item.thread_messages for item in expected) > 1 + OLDER_SHOWN
    for _ in range(8):
        found: list[TimelineItem] = []
        cursor = None
        while not found or cursor:
            query = GetTimeline(
                user_id=USER, contact_id=jane, cursor=cursor, limit=chance.choice([1, 2, 3, 7]), group=True, older=True
            )
            page = await timelines.get_timeline(world.context, query)
            found += page.items
            cursor = page.next_cursor
        assert found == expected
    shown = [line.id for item in expected for line in (item, *item.older)]
    for item in expected:
        if item.thread:
            [conversation] = await pages_of_timeline(world, jane, 200, thread=item.thread)
            assert [line.id for line in conversation] == [line.id for line in everything if line.thread == item.thread]
            assert len(conversation) == item.thread_messages, "all of it is a page of its own"
            pages = await pages_of_timeline(world, jane, 4, thread=item.thread)
            assert [line for page in pages for line in page] == conversation
            shown += [line.id for line in conversation[1 + len(item.older) :]]
    assert sorted(shown) == sorted(line.id for line in everything)


async def test_threads_of_one_name_on_two_platforms_and_mail_without_a_thread_do_not_fold_together(
    world: World,
) -> None:
    await world.receive(
        mail("m1", JANE, thread_id="", days_ago=3),
        mail("m2", JANE, thread_id="", days_ago=2),
        mail("m3", JANE, thread_id="same", days_ago=1),
        meeting("e1", [JANE]),
    )
    await world.pool.execute("UPDATE interactions SET thread = 'same' WHERE platform = 'calendar'")
    assert len(await world.timeline(JANE, group=True)) == 4


async def test_an_archive_has_everything_once_in_order_on_pages_of_any_size(world: World) -> None:
    await list_with_ties(world)
    for what in ("contacts", "interactions"):
        whole: list[str] = []
        for limit in (500, 1, 2, 5, 13):
            ids: list[str] = []
            cursor = None
            while not ids or cursor:
                query = ExportContacts(user_id=USER, what=what, limit=limit, cursor=cursor)  # type: ignore[arg-type]
                page = await export.export_contacts(world.context, query)
                assert len(page.items) <= limit
                assert len(ids) < 50, "the same page again and again"
                ids += [row["id"] for row in page.items]
                cursor = page.next_cursor
            whole = whole or ids
            assert ids == whole == sorted(set(ids)), (what, limit)
        held = "contacts WHERE merged_into IS NULL AND" if what == "contacts" else "interactions WHERE"
        assert len(whole) == await world.pool.fetchval(f"SELECT count(*) FROM {held} user_id = $1", USER)
        assert await world.pool.fetchval(f"SELECT count(*) FROM {what} WHERE user_id = $1", OTHER) > 0


async def test_an_archive_has_all_others_once_where_a_contact_goes_while_its_page_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await list_with_ties(world)
    gone: UUID | None = None

    async def without_gone(
        connection: Connection, user_id: UserId, ids: Sequence[ContactId], now: datetime
    ) -> list[Contact]:
        return [found for found in await list_contact_views(connection, user_id, ids, now) if found.id != gone]

    async def archived(limit: int) -> list[UUID]:
        ids: list[UUID] = []
        cursor = None
        while not ids or cursor:
            query = ExportContacts(user_id=USER, what="contacts", limit=limit, cursor=cursor)
            page = await export.export_contacts(world.context, query)
            ids += [UUID(row["id"]) for row in page.items]
            cursor = page.next_cursor
        return ids

    monkeypatch.setattr(export, "list_contact_views", without_gone)
    whole = await archived(500)
    for gone in whole[:4]:
        assert await archived(2) == [id_ for id_ in whole if id_ != gone]


@pytest.mark.parametrize("sort", ["name", "recent", "score"])
async def test_a_contact_that_is_archived_between_two_pages_moves_no_other(world: World, sort: str) -> None:
    await list_with_ties(world)
    [everything] = await pages_of_contacts(world, 200, sort=sort)
    query = SearchContacts(user_id=USER, limit=4, sort=sort)  # type: ignore[arg-type]
    page = await contacts.search_contacts(world.context, query)
    gone = page.items[-1].id
    archived = UpdateContact(user_id=USER, contact_id=gone, fields=ContactFields(archived=True))
    await contacts.update_contact(world.context, archived)
    rest = SearchContacts(user_id=USER, limit=200, sort=sort, cursor=page.next_cursor)  # type: ignore[arg-type]
    assert list((await contacts.search_contacts(world.context, rest)).items) == everything[4:]


async def test_the_last_lines_of_guests_are_their_newest_before_the_meeting_with_bulk_mail_only_in_want_of_others(
    world: World,
) -> None:
    async def titles(now: datetime, last_lines: int) -> list[list[str]]:
        query = GetAttendees(user_id=USER, addresses=(JANE, BOB), now=now, last=last_lines)
        found = await attendees.get_attendees(world.context, query)
        return [[line.title for line in guest.last] for guest in found.items]

    await world.receive(
        mail("j1", JANE, days_ago=9, title="nine"),
        mail("j2", JANE, days_ago=5, title="five"),
        mail("j3", JANE, automated="bulk", days_ago=1, title="bulk"),
        mail("b1", BOB, days_ago=20, title="twenty"),
        mail("b2", BOB, automated="bulk", days_ago=2, title="bulk 2"),
        meeting("now", [JANE, BOB], days_ago=0),
    )
    assert await titles(NOW, 2) == [["five", "nine"], ["bulk 2", "twenty"]]
    assert await titles(NOW, 1) == [["five"], ["twenty"]]
    assert await titles(NOW, 5) == [["bulk", "five", "nine"], ["bulk 2", "twenty"]]
    assert await titles(NOW - timedelta(days=5), 5) == [["nine"], ["twenty"]], (
        "what is at that very moment is not before it"
    )
