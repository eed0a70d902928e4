"""Requests to `contacts`: lists, search, timelines, notes, BCC logging, the people of a meeting, the export; and the wiring."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal

import pytest

from libs.common.errors import Refused, Unprocessable
from libs.common.events import ContactChanged, Identity, InteractionReported, ProfileReported, UserDeleted
from libs.common.idempotency import CommandKey, under
from libs.common.ids import ContactId, UserId, new_id
from libs.common.pagination import json_bytes
from libs.common.requests import (
    AddInteraction,
    ContactFields,
    CountContacts,
    CreateContact,
    ExportContacts,
    ExportPage,
    GetAttendees,
    GetContact,
    GetTimeline,
    MergeContacts,
    Request,
    RotateBcc,
    SearchContacts,
    UndoMerge,
    UpdateContact,
)
from libs.common.service import Resources, running
from services.contacts.__main__ import wire
from services.contacts.derivations import refresh_due_derivations
from services.contacts.handlers import attendees, connectors, contacts, export, merges, messages, timelines
from services.contacts.scoring import refresh_due_scores
from tests.conftest import ServiceSettings
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    WORK,
    World,
    account_id,
    card,
    connected,
    contacts_database,
    mail,
    meeting,
    settings,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, BOB = "jane@acme.example", "bob@beta.example"


async def found(world: World, q: str, **more: Any) -> list[str]:
    page = await contacts.search_contacts(world.context, SearchContacts(user_id=USER, q=q, **more))
    return [item.name for item in page.items]


async def test_search_knows_no_accents_and_finds_beginnings(world: World) -> None:
    await world.receive(
        card("1", name="Zoë Müller", emails=["zoe@acme.example"], organization="Çelik GmbH"),
        card("2", name="Jane Doe", emails=["jane@zoetrope.example"]),
    )
    assert await found(world, "zoe") == ["Zoë Müller", "Jane Doe"], "names before addresses"
    assert await found(world, "MULL") == ["Zoë Müller"]
    assert await found(world, "celik zo") == ["Zoë Müller"]
    assert await found(world, "jane@zoetrope.example") == ["Jane Doe"]
    assert await found(world, "nobody") == []
    assert await found(world, "'; & | ! <-> \\ (") == []


async def test_search_finds_letters_that_no_english_keyboard_has(world: World) -> None:
    names = ["Łukasz", "Søren", "Straße", "Đorđe", "Þórður", "Işıl", "Cæcilie", "山田太郎", "김철수"]
    await world.receive(*[card(str(number), name=name) for number, name in enumerate(names)])
    for typed, name in zip(
        ["lukasz", "soren", "strasse", "dord", "thord", "isil", "caec", "山田", "김철"], names, strict=True
    ):
        assert await found(world, typed) == await found(world, name) == [name]


async def test_a_card_without_a_name_is_found_and_listed_by_its_organization(world: World) -> None:
    await world.receive(card("1", organization="Çelik GmbH", phones=["+49 30 1"]), card("2", name="Bob"))
    assert await world.names() == ["Bob", "Çelik GmbH"]
    assert await found(world, "celik") == ["Çelik GmbH"]


async def test_two_extensions_of_one_number_are_two_phones(world: World) -> None:
    phones = ["+1 212 555 0100 ext. 5", "+1 212 555 0100 ext. 6", "1-800-FLOWERS", "ask at the desk"]
    await world.receive(card("1", name="Ann", emails=[JANE], phones=phones))
    shown = (await world.contact(JANE)).phones
    assert [phone.shown for phone in shown] == phones
    assert [phone.e164 for phone in shown] == ["+12125550100", "+12125550100", None, None]


async def test_after_an_upgrade_what_is_stored_is_derived_anew(world: World) -> None:
    """A database of an earlier version: names folded by other rules, cards that folded apart."""
    await world.receive(
        card("1", name="Søren", emails=[JANE], phones=["+49 30 1234567"]),
        card("2", name="Łukasz", emails=[BOB], phones=["+49 30 7654321"]),
        mail("m1", "lone@x.example", name="Þór"),
    )
    await world.pool.execute(
        """UPDATE contacts SET name_key = 'old', words_name = 'old', phone_keys = '{}', derive_due = true;
           UPDATE cards SET folded = 'old', phone_keys = '{}', derive_due = true"""
    )
    assert await found(world, "soren") == []
    assert await refresh_due_derivations(world.context) == 3, (
        "two cards with their contacts, and a contact without a card"
    )
    assert [await found(world, typed) for typed in ("soren", "lukasz", "thor")] == [["Søren"], ["Łukasz"], ["Þór"]]
    assert await refresh_due_derivations(world.context) == 0, "only what is due is derived again"
    await world.receive(card("3", name="Soren", emails=["s@x.example"], phones=["+49301234567"]))
    assert frozenset({JANE, "s@x.example"}) in await world.emails(), "the name and the phone of one card"


async def test_notes_are_searched_too(world: World) -> None:
    await world.receive(mail("m1", JANE, name="Jane"))
    contact = await world.contact(JANE)
    fields = ContactFields(notes="likes naïve art", tags=("curator",))
    await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=contact.id, fields=fields))
    assert await found(world, "naive") == await found(world, "curator") == ["Jane"]


@pytest.mark.parametrize("order", [{"sort": "name"}, {"sort": "recent"}, {"sort": "score"}, {"q": "p"}])
async def test_pages_are_complete_and_without_repetition(world: World, order: dict[str, Any]) -> None:
    await world.receive(*[mail(f"m{n}", f"p{n}@x.example", days_ago=n % 4 + 1) for n in range(23)])
    await refresh_due_scores(world.context, NOW)
    seen: list[Any] = []
    cursor = None
    while True:
        page = await contacts.search_contacts(
            world.context, SearchContacts(user_id=USER, cursor=cursor, limit=4, **order)
        )
        seen += [item.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 23


async def test_lists_are_sorted_by_last_contact_and_score(world: World) -> None:
    await world.receive(mail("m1", JANE, days_ago=40), mail("m2", BOB, days_ago=5), card("1", name="Never Met"))
    assert await refresh_due_scores(world.context, NOW) == 3
    assert await refresh_due_scores(world.context, NOW) == 0
    for sort in ("recent", "score"):
        assert await found(world, "", sort=sort) == [BOB, JANE, "Never Met"]
    assert await refresh_due_scores(world.context, NOW + timedelta(days=2, minutes=1)) == 1, (
        "Bob's recency fades after a week"
    )


async def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    for request in ({"sort": "name"}, {"sort": "score"}, {"q": "x"}):
        with pytest.raises(Refused) as refused:
            await contacts.search_contacts(world.context, SearchContacts(user_id=USER, cursor="WzFd", **request))
        assert refused.value.status == 400


async def test_the_timeline_pages_newest_first_and_filters(world: World) -> None:
    await world.receive(
        *[mail(f"m{n}", JANE if n % 2 else ME, [ME if n % 2 else JANE], days_ago=n) for n in range(1, 12)]
    )
    await world.receive(meeting("e1", [JANE], days_ago=0.5))
    contact = await world.contact(JANE)
    titles: list[str] = []
    cursor = None
    while True:
        query = GetTimeline(user_id=USER, contact_id=contact.id, limit=5, cursor=cursor)
        page = await timelines.get_timeline(world.context, query)
        titles += [item.title for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert titles == ["meeting e1", *[f"about m{n}" for n in range(1, 12)]]
    assert len(await world.timeline(JANE, platform="calendar")) == 1
    assert len(await world.timeline(JANE, direction="outbound")) == 5
    assert [line.title for line in await world.timeline(JANE, q="ABOUT M7")] == ["about m7"]


async def test_a_thread_folds_into_its_newest_message(world: World) -> None:
    await world.receive(
        mail("m1", JANE, thread_id="t", days_ago=3),
        mail("m2", ME, [JANE], thread_id="t", days_ago=2),
        mail("m3", JANE, days_ago=1),
    )
    assert [line.title for line in await world.timeline(JANE, group=True)] == ["about m3", "about m2"]


async def test_other_users_see_nothing(world: World) -> None:
    await world.receive(mail("m1", JANE))
    contact, stranger = await world.contact(JANE), UserId(new_id())
    for attempt in (
        contacts.get_contact(world.context, GetContact(user_id=stranger, contact_id=contact.id)),
        timelines.get_timeline(world.context, GetTimeline(user_id=stranger, contact_id=contact.id)),
        contacts.rotate_bcc(world.context, RotateBcc(user_id=stranger, contact_id=contact.id)),
        timelines.add_interaction(world.context, AddInteraction(user_id=stranger, contact_id=contact.id, text="x")),
    ):
        with pytest.raises(Refused) as refused:
            await attempt
        assert refused.value.status == 404


async def test_a_note_is_on_the_timeline_and_keeps_the_contact(world: World) -> None:
    await world.receive(mail("m1", JANE))
    contact = await world.contact(JANE)
    note = AddInteraction(user_id=USER, contact_id=contact.id, text="met in Rome", occurred_at=NOW)
    assert (await timelines.add_interaction(world.context, note)).text == "met in Rome"
    await timelines.add_interaction(world.context, note)
    await world.receive(settings(1, contact_creation="none"))
    assert [line.platform for line in await world.timeline(JANE)] == ["note", "email"]


@pytest.mark.parametrize(
    "platform",
    ["gmail", "email", "calendar", "e_mail", "Gmail", "E-Mail", "ｅｍａｉｌ", "em\x00ail", f"email{' ' * 40}x"],
)
async def test_nobody_but_google_reports_mail_and_meetings(world: World, platform: str) -> None:
    await world.receive(mail("m1", JANE))
    contact = await world.contact(JANE)
    written = AddInteraction(user_id=USER, contact_id=contact.id, text="You owe me", occurred_at=NOW)
    with pytest.raises(Refused, match="connected Google accounts") as refused:
        await timelines.add_interaction(world.context, written.model_copy(update={"platform": platform}))
    assert (refused.value.status, refused.value.code) == (422, "reserved_platform")
    report = InteractionReported(
        user_id=USER, platform=platform, ref="1", occurred_at=NOW, direction="outbound", kind="message",
        identities=(Identity(kind="email", value=JANE),), text="You owe me",
    )  # fmt: skip
    with pytest.raises(Unprocessable, match="connected Google accounts"):
        await connectors.record_report(world.context, report)
    assert [line.title for line in await world.timeline(JANE)] == ["about m1"]


@pytest.mark.parametrize("platform", ["telegram", "linkedin", "hey_email", "gmail_chat", "note"])
async def test_other_platforms_report_under_their_own_names(world: World, platform: str) -> None:
    await world.receive(mail("m1", JANE))
    contact = await world.contact(JANE)
    written = AddInteraction(user_id=USER, contact_id=contact.id, platform=platform, text="hi", occurred_at=NOW)
    assert (await timelines.add_interaction(world.context, written)).platform == platform


async def test_a_connector_reports_under_its_own_platform_and_can_correct_itself(world: World) -> None:
    await world.receive(card("1", name="Jane", phones=["+49301234567"], emails=[JANE]))
    report = InteractionReported(
        user_id=USER, platform="telegram", ref="77", occurred_at=NOW, direction="inbound", kind="message",
        identities=(Identity(kind="phone", value="+49 30 1234567"), Identity(kind="telegram", value="@Bob", name="Bob")), text="hi",
    )  # fmt: skip
    await connectors.record_report(world.context, report)
    await connectors.record_report(world.context, report.model_copy(update={"text": "hi there"}))
    assert [(line.platform, line.direction, line.text) for line in await world.timeline(JANE)] == [
        ("telegram", "inbound", "hi there")
    ]
    assert await world.names() == ["Bob", "Jane"]
    bio = ProfileReported(
        user_id=USER, platform="twitter", identity=Identity(kind="email", value=JANE), bio="Founder", at=NOW
    )
    await connectors.record_profile(world.context, bio)
    await connectors.record_profile(world.context, bio.model_copy(update={"bio": "old", "at": NOW - timedelta(days=1)}))
    assert (await world.contact(JANE)).bios == {"twitter": "Founder"}


async def test_mail_from_me_with_the_hash_in_bcc_is_logged_and_makes_nobody_a_contact(world: World) -> None:
    await world.receive(mail("m1", JANE))
    contact = await world.contact(JANE)
    [address] = contact.bcc_addresses
    assert address.address == f"me+{contact.bcc_hash}@gmail.com"
    await world.receive(mail("m2", ME, ["stranger@x.example"], bcc_tags=(contact.bcc_hash, "shopping"), days_ago=0.5))
    line = (await world.timeline(JANE))[0]
    assert (line.direction, line.bcc_logged) == ("outbound", True)
    assert await world.emails() == {frozenset({JANE})}


@pytest.mark.parametrize(
    ("sender", "dmarc"), [("mallory@evil.example", "unknown"), ("mallory@evil.example", "pass"), (ME, "fail")]
)
async def test_nobody_else_may_write_on_a_timeline(world: World, sender: str, dmarc: str) -> None:
    await world.receive(mail("m1", JANE))
    contact = await world.contact(JANE)
    await world.receive(mail("m2", sender, ["x@y.example"], bcc_tags=(contact.bcc_hash, "zzzzzzzzzz"), dmarc=dmarc))
    assert len(await world.timeline(JANE)) == 1


async def test_mail_from_an_address_that_becomes_mine_is_logged_then(world: World) -> None:
    await world.receive(mail("m1", JANE))
    contact = await world.contact(JANE)
    await world.receive(
        mail("m2", WORK, ["x@y.example"], bcc_tags=(contact.bcc_hash,)), settings(1, own_addresses=[WORK])
    )
    assert len(await world.timeline(JANE)) == 2
    assert await world.emails() == {frozenset({JANE})}


async def test_a_rotated_hash_stops_logging_and_a_merge_keeps_both(world: World) -> None:
    await world.receive(mail("m1", JANE), mail("m2", BOB))
    jane, bob = await world.contact(JANE), await world.contact(BOB)
    await merges.merge_contacts(world.context, MergeContacts(user_id=USER, contact_id=jane.id, other_id=bob.id))
    far = {"days_ago": -30_000, "to": ["x@y.example"]}
    await world.receive(
        *[mail(f"b{n}", ME, bcc_tags=(contact.bcc_hash,), **far) for n, contact in enumerate((jane, bob))]
    )
    assert len(await world.timeline(JANE)) == 4
    rotated = await contacts.rotate_bcc(world.context, RotateBcc(user_id=USER, contact_id=jane.id))
    assert rotated.bcc_hash not in (jane.bcc_hash, bob.bcc_hash)
    await world.receive(
        mail("b8", ME, bcc_tags=(jane.bcc_hash,), **far), mail("b9", ME, bcc_tags=(rotated.bcc_hash,), **far)
    )
    assert len(await world.timeline(JANE)) == 5


async def test_attendees_come_in_their_order_with_their_history_as_of_then(world: World) -> None:
    await world.receive(
        *[mail(f"m{n}", JANE, name="Jane", days_ago=n) for n in range(1, 9)],
        mail("l", JANE, automated="bulk", days_ago=0.5),
    )
    query = GetAttendees(
        user_id=USER,
        addresses=("who@x.example", "JANE@acme.example", ME, "broken"),
        now=NOW - timedelta(days=2.5),
        last=3,
    )
    stranger, jane, me, broken = (await attendees.get_attendees(world.context, query)).items
    assert (stranger.contact_id, stranger.score, stranger.me, broken.contact_id) == (None, None, False, None)
    assert (me.me, jane.me) == (True, False)
    assert (jane.name, jane.last_contact_at) == ("Jane", NOW - timedelta(days=3))
    assert [line.title for line in jane.last] == ["about m3", "about m4", "about m5"]


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


async def test_of_a_deleted_user_nothing_is_left_and_nothing_comes_back(world: World) -> None:
    await world.receive(mail("m1", JANE), card("1", name="Jane", emails=[JANE]), meeting("e", [BOB]), settings(1))
    await world.receive(UserDeleted(user_id=USER, account_ids=(account_id(1),)), mail("m2", BOB), connected())
    await connectors.record_report(
        world.context,
        InteractionReported(
            user_id=USER, platform="telegram", ref="1", occurred_at=NOW, direction="inbound", kind="message",
            identities=(Identity(kind="phone", value="+49 30 1234567"),),
        ),
    )  # fmt: skip
    for table in (
        "users",
        "accounts",
        "own_addresses",
        "contacts",
        "addresses",
        "interactions",
        "participants",
        "sightings",
        "cards",
    ):
        assert await world.pool.fetchval(f"SELECT count(*) FROM {table}") == 0, table


@contextmanager
def tried_under_one_key(request: type[Request[Any]]) -> Iterator[None]:
    """As the bus hands over a command under an idempotency key, where it has no reply of an earlier try."""
    with under(CommandKey("contacts", request.subject, str(USER), "a-key-of-the-caller")):
        yield


async def test_a_contact_whose_creator_got_no_reply_is_created_once(world: World) -> None:
    command = CreateContact(user_id=USER, fields=ContactFields(name="Dora", emails=("dora@x.example",)))
    created = []
    for _ in range(2):
        with tried_under_one_key(CreateContact):
            created.append(await contacts.create_contact(world.context, command))
    assert created[1] == created[0]
    assert await world.names() == ["Dora"]
    with pytest.raises(Refused, match="address_taken"):
        await contacts.create_contact(world.context, command)  # without a key it is another one


async def test_a_contact_that_was_merged_meanwhile_is_not_created_again(world: World) -> None:
    await world.receive(mail("m1", JANE, name="Jane"))
    command = CreateContact(user_id=USER, fields=ContactFields(name="Dora"))
    with tried_under_one_key(CreateContact):
        dora = await contacts.create_contact(world.context, command)
    jane = await world.contact(JANE)
    await merges.merge_contacts(world.context, MergeContacts(user_id=USER, contact_id=jane.id, other_id=dora.id))
    with tried_under_one_key(CreateContact):
        assert (await contacts.create_contact(world.context, command)).id == jane.id


async def test_a_note_whose_writer_got_no_reply_is_written_once_and_keeps_its_time(world: World) -> None:
    await world.receive(mail("m1", JANE))
    note = AddInteraction(user_id=USER, contact_id=(await world.contact(JANE)).id, text="met in Rome")
    written = []
    for _ in range(2):
        with tried_under_one_key(AddInteraction):
            written.append(await timelines.add_interaction(world.context, note))
    assert written[1] == written[0]
    assert [line.platform for line in await world.timeline(JANE)] == ["note", "email"]
    await timelines.add_interaction(world.context, note)
    assert [line.platform for line in await world.timeline(JANE)] == ["note", "note", "email"], "I met her again"


async def test_a_merge_whose_reply_was_lost_is_made_once_and_can_be_undone(world: World) -> None:
    await world.receive(mail("m1", JANE, name="Jane"), mail("m2", BOB, name="Bob"))
    jane, bob = await world.contact(JANE), await world.contact(BOB)
    command = MergeContacts(user_id=USER, contact_id=jane.id, other_id=bob.id)
    merged = []
    for _ in range(2):
        with tried_under_one_key(MergeContacts):
            merged.append(await merges.merge_contacts(world.context, command))
    assert merged[1] == merged[0]
    await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merged[0].merge_id))
    assert await world.names() == ["Bob", "Jane"]


async def silent(_: Resources) -> None:
    """A service that only publishes and requests."""


async def test_the_service_consumes_mail_from_the_bus_responds_and_publishes(service_settings: ServiceSettings) -> None:
    published: list[ContactChanged] = []

    async def listening(r: Resources) -> None:
        async def note(event: ContactChanged) -> None:
            published.append(event)

        r.bus.subscribe_broadcast(ContactChanged, note)

    async with (
        running("gateway", service_settings("gateway"), listening) as gateway,
        running("contacts", service_settings("contacts"), wire),
        running("sync", service_settings("sync"), silent) as sync,
        running("auth", service_settings("auth"), silent) as auth,
    ):
        await auth.bus.publish(connected())
        await sync.bus.publish(*[mail(f"m{n}", f"p{n % 9}@x.example", [ME]) for n in range(250)])
        async with asyncio.timeout(30):
            while (await gateway.bus.request(CountContacts(user_id=USER))).messages < 250:
                await asyncio.sleep(0.1)
        page = await gateway.bus.request(SearchContacts(user_id=USER))
        assert len(page.items) == 9
        with pytest.raises(Refused):
            await gateway.bus.request(GetContact(user_id=USER, contact_id=ContactId(new_id())))
    assert {id_ for event in published for id_ in event.contact_ids} == {item.id for item in page.items}
