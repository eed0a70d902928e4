"""Lists of contacts: each order and filter, all of them together, and search in scripts without blanks. On a real database."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from libs.common.db import on_behalf_of
from libs.common.requests import (
    Contact,
    ContactFields,
    ContactSummary,
    GetContact,
    ListTags,
    SearchContacts,
    Tag,
    UpdateContact,
)
from services.contacts import scoring
from services.contacts.handlers import contacts, messages
from services.contacts.scoring import refresh_due_scores
from services.contacts.store import text_search
from tests.support.contacts_rows import of_the_other
from tests.support.contacts_world import ME, NOW, USER, World, card, contacts_database, mail, meeting, world

__all__ = ["contacts_database", "world"]

JANE = "jane@acme.example"
Key = Callable[[Contact], tuple[Any, ...]]


async def everything(world: World, limit: int = 200, **wanted: Any) -> list[ContactSummary]:
    """All pages of a list, as one."""
    found: list[ContactSummary] = []
    cursor = None
    while True:
        query = SearchContacts(user_id=USER, cursor=cursor, limit=limit, **wanted)
        page = await contacts.search_contacts(world.context, query)
        assert page.items or not found, "the last page is not empty"
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(found) <= 100, "the same page again and again"


async def names(world: World, **wanted: Any) -> list[str]:
    return [contact.name for contact in await everything(world, **wanted)]


async def whole(world: World, contact: ContactSummary) -> Contact:
    return await contacts.get_contact(world.context, GetContact(user_id=USER, contact_id=contact.id))


NAMES = ("Ann Lee", "王小明", "Łukasz", "김철수", "Ann Lee", "zoë", "Öz", "Иван", "")
COMPANIES = ("Acme", "", "Çelik", "acme", "株式会社田中", "")
TAGS = ((), ("friend",), ("friend", "山"), ())


async def people(world: World) -> None:
    """Twenty-four with equal names, companies, scores and last contacts, and none; some tagged, archived, met soon, going cold."""
    cards = [
        card(f"{n}", name=NAMES[n % 9], organization=COMPANIES[n % 6], emails=[f"p{n}@x.example"]) for n in range(24)
    ]
    await world.receive(*cards, of_the_other(card("1", name="Ann Lee", emails=["p1@x.example"])))
    written = []
    for n in range(18):
        first = (60, 5, 200)[n % 3]
        for time in range(6):
            author, to = (f"p{n}@x.example", ME) if time % 2 else (ME, f"p{n}@x.example")
            if n % 3 == 0 or time < n % 4:
                written.append(mail(f"{n} {time}", author, [to], days_ago=first + 10 * time, name=""))
    await messages.record_messages(world.context, written)
    await world.receive(*[meeting(f"e{n}", [f"p{n}@x.example"], days_ago=-2) for n in (1, 3, 20)])
    for n in range(24):
        if fields := {**({"tags": TAGS[n % 4]} if TAGS[n % 4] else {}), **({"archived": True} if n % 7 == 6 else {})}:
            id_ = (await world.contact(f"p{n}@x.example")).id
            command = UpdateContact(user_id=USER, contact_id=id_, fields=ContactFields(**fields))  # type: ignore[arg-type]
            await contacts.update_contact(world.context, command)
    await world.pool.execute("UPDATE contacts SET created_at = $1::timestamptz + (score % 3) * interval '1 day'", NOW)
    await refresh_due_scores(world.context, NOW)


def last(contact: ContactSummary) -> float:
    return contact.last_interaction_at.timestamp() if contact.last_interaction_at else float("-inf")


async def test_every_list_has_each_contact_that_fits_once_and_in_order_on_pages_of_any_size(world: World) -> None:
    await people(world)
    rows = await world.pool.fetch(
        "SELECT id, name_key, company_key, tags, archived, created_at FROM contacts WHERE user_id = $1", USER
    )
    stored: Mapping[Any, Any] = {row["id"]: row for row in rows}
    orders: dict[str, Callable[[ContactSummary], tuple[Any, ...]]] = {
        "name": lambda c: (stored[c.id]["name_key"], c.id),
        "recent": lambda c: (-last(c), c.id),
        "score": lambda c: (-c.score, -last(c), c.id),
        "company": lambda c: (
            stored[c.id]["company_key"] == "", stored[c.id]["company_key"], stored[c.id]["name_key"], c.id,
        ),
        "added": lambda c: (-stored[c.id]["created_at"].timestamp(), c.id),
    }  # fmt: skip
    filters: list[tuple[dict[str, Any], Callable[[ContactSummary], bool]]] = [
        ({}, lambda _: True),
        ({"tag": "friend"}, lambda c: "friend" in stored[c.id]["tags"]),
        ({"tag": "山", "upcoming": True}, lambda c: "山" in stored[c.id]["tags"] and c.next_meeting_at is not None),
        ({"relationship": "Warm"}, lambda c: c.label == "Warm"),
        ({"relationship": "Cold", "tag": "friend"}, lambda c: c.label == "Cold" and "friend" in stored[c.id]["tags"]),
        ({"upcoming": True}, lambda c: c.next_meeting_at is not None),
        ({"going_cold": True}, lambda c: c.going_cold is not None),
    ]
    everybody = {archived: await everything(world, archived=archived) for archived in (False, True)}
    assert [len(everybody[archived]) for archived in (False, True)] == [21, 3]
    assert len({contact.score for contact in everybody[False]}) > 2
    for (order, key), (wanted, fits), archived in product(orders.items(), filters, (False, True)):
        expected = sorted(filter(fits, everybody[archived]), key=key)
        assert expected or archived or wanted.get("tag") == "山", wanted
        for limit in (2, 200) if wanted else (1, 5, 21, 200):
            found = await everything(world, limit, sort=order, archived=archived, **wanted)
            assert [contact.id for contact in found] == [contact.id for contact in expected], (order, wanted, limit)


@pytest.mark.parametrize(("looked_at", "many"), [(1_000, 10), (10, 3), (5, 0)])
async def test_search_is_the_same_on_pages_of_any_size_however_many_match(
    world: World, monkeypatch: pytest.MonkeyPatch, looked_at: int, many: int
) -> None:
    """Where very many match, each part of the list is read by itself."""
    monkeypatch.setattr(text_search, "LOOKED_AT", looked_at)
    monkeypatch.setattr(text_search, "MANY", many)
    await people(world)
    rows = await world.pool.fetch("SELECT id, words_name, tags FROM contacts WHERE user_id = $1", USER)
    stored: Mapping[Any, Any] = {row["id"]: row for row in rows}

    def key(contact: ContactSummary) -> tuple[Any, ...]:
        in_name = stored[contact.id]["words_name"].split()
        rank = 2 if "x" in in_name else 1 if any(word.startswith("x") for word in in_name) else 0
        return (-rank, -contact.score, -last(contact), contact.id)

    everybody = await everything(world)
    for limit in (1, 4, 200):
        found = await everything(world, limit, q="x")  # in every address, and in the name of those who have no other
        assert [contact.id for contact in found] == [contact.id for contact in sorted(everybody, key=key)]
        assert key(found[0])[0] < key(found[-1])[0] == 0
        tagged = await everything(world, limit, q="x", tag="friend", relationship="Cold")
        assert tagged == [
            contact for contact in found if contact.label == "Cold" and "friend" in stored[contact.id]["tags"]
        ]
    assert await names(world, q="ann l") == ["Ann Lee"] * 5


@pytest.mark.parametrize(("looked_at", "many"), [(1_000, 10), (8, 0)])
async def test_any_stretch_of_a_name_is_found_where_names_have_no_blanks(
    world: World, monkeypatch: pytest.MonkeyPatch, looked_at: int, many: int
) -> None:
    monkeypatch.setattr(text_search, "LOOKED_AT", looked_at)
    monkeypatch.setattr(text_search, "MANY", many)
    written = ["王小明", "山田太郎", "김철수", "김수철", "สมชาย", "タナカ ABC商事", "小王", "Ann Wang"]
    await world.receive(*[card(f"{n}", name=name) for n, name in enumerate(written)])
    for typed, found in [
        ("王", {"王小明", "小王"}), ("小明", {"王小明"}), ("田太", {"山田太郎"}), ("太田", set()), ("山田太郎", {"山田太郎"}),
        ("김", {"김철수", "김수철"}),
        ("철수", {"김철수"}), ("수철", {"김수철"}), ("ชาย", {"สมชาย"}), ("たなか", set()), ("ナカ", {"タナカ ABC商事"}),
        ("abc", {"タナカ ABC商事"}),
        ("商事 タ", {"タナカ ABC商事"}), ("wang", {"Ann Wang"}),
    ]:  # fmt: skip
        assert set(await names(world, q=typed)) == found, typed


async def test_endless_notes_fit_into_the_index_and_are_found(world: World) -> None:
    await world.receive(card("1", name="王" * 500, emails=[JANE], organization="김" * 500))
    syllables = "".join(chr(0xAC00 + n * 7 % 11_172) for n in range(50_000))
    tags = tuple("".join(chr(0x4E00 + (n * 97 + m) % 20_000) for m in range(2_000)) for n in range(100))
    id_ = (await world.contact(JANE)).id
    for notes in (syllables, " ".join(syllables[n : n + 2] for n in range(0, 33_000, 2))):
        fields = ContactFields(notes=notes, tags=tags)
        await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=id_, fields=fields))
        assert len(await names(world, q=syllables[100:105] if " " not in notes else syllables[100:102])) == 1


async def test_the_tags_are_those_of_the_listed_with_their_numbers(world: World) -> None:
    await people(world)
    with on_behalf_of(USER):
        found = await contacts.get_tags(world.context, ListTags(user_id=USER))
    assert found.items == (Tag(name="friend", contacts=10), Tag(name="山", contacts=5))


async def test_going_cold_and_the_next_meeting_are_kept_with_the_score_and_due_when_they_change(world: World) -> None:
    exchange = [mail(f"{n}", *((ME, [JANE]) if n % 2 else (JANE, [ME])), days_ago=41 + 14 * n) for n in range(8)]
    await messages.record_messages(world.context, exchange)
    begins = NOW + timedelta(days=1, seconds=1)

    async def jane(now: datetime) -> ContactSummary:
        await refresh_due_scores(world.context, now)
        [found] = await everything(world)
        assert (found.going_cold is not None) == bool(await names(world, going_cold=True))
        assert (found.next_meeting_at is not None) == bool(await names(world, upcoming=True))
        return found

    assert (await jane(NOW)).going_cold is None
    assert (await jane(begins - timedelta(seconds=1))).going_cold is None
    cold = (await jane(begins)).going_cold
    assert cold is not None
    assert (cold.since, cold.usual_days, cold.was) == (begins, 14, "Strong")
    ahead = begins + timedelta(days=3)
    await world.receive(meeting("e", [JANE], days_ago=-(ahead - NOW) / timedelta(days=1)))
    met = await jane(begins)
    assert (met.going_cold, met.next_meeting_at) == (None, ahead)
    assert (await jane(ahead)).next_meeting_at is None


async def test_what_the_page_of_somebody_with_very_many_lines_shows_is_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = [mail(f"{n}", *((ME, [JANE]) if n % 2 else (JANE, [ME])), days_ago=10 * n) for n in range(8)]
    await messages.record_messages(world.context, exchange)
    before = await world.contact(JANE)
    monkeypatch.setattr(scoring, "MANY_LINES", 7)
    await refresh_due_scores(world.context, NOW)
    stored = await world.contact(JANE)
    assert stored.numbers.they_wrote == stored.numbers.you_wrote == 4
    assert (stored.interactions, stored.last_interaction_at) == (8, NOW)
    assert len(stored.history) == len(before.history) == 12
    await world.pool.execute("TRUNCATE participants")
    assert await world.contact(JANE) == stored, "no line of the timeline is read"
    monkeypatch.setattr(scoring, "MANY_LINES", 8)
    await scoring.refresh_due_scores(world.context, NOW + timedelta(days=400))
    assert (await world.contact(JANE)).interactions == 0
