"""The import of Google Contacts, rule by rule: whose a card is, what it fills, and what is left when it goes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.events import Event, Identity, ProfileReported
from libs.common.requests import (
    Contact,
    ContactFields,
    CreateContact,
    DeleteContact,
    GetContact,
    MergeContacts,
    SearchContacts,
    UndoMerge,
    UpdateContact,
)
from services.contacts.handlers import cards, connectors, contacts, merges
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    WORK,
    World,
    card,
    card_removed,
    connected,
    contacts_database,
    disconnected,
    mail,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, HOME, BOB = "jane@acme.example", "jane@home.example", "bob@beta.example"
PHONE, SAME_PHONE = "+49 30 1234567", "+49 (0)30 123 45 67"
JANES = {"name": "Jane Doe", "emails": [JANE], "phones": [PHONE]}


@dataclass(frozen=True)
class Typed:
    """What the user types: on the contact with this email, or on a new one."""

    fields: dict[str, Any]
    email: str = ""


@dataclass(frozen=True)
class Case:
    """What happens, and all contacts afterwards: fields of each, by what it is called."""

    steps: Sequence[Event | Typed]
    expected: dict[str, dict[str, Any]] = field(default_factory=dict)


CASES: dict[str, Case] = {
    "by resource name": Case(
        [card("1", **JANES), Typed({"notes": "n"}, JANE), card("1", revision=2, name="Janet Dow", emails=[HOME])],
        {"Janet Dow": {"emails": {JANE, HOME}, "phones": ()}},
    ),
    "by email, in any writing": Case(
        [Typed({"name": "My Jane", "emails": (JANE,)}), card("1", name="Jane", emails=["<JANE@Acme.example>"], organization="Acme")],
        {"My Jane": {"company": "Acme", "emails": {JANE}, "imported": True}},
    ),
    "by phone and name, however they are written": Case(
        [Typed({"name": "Zoë Doe", "phones": (PHONE,)}), card("1", name="ZOE DOE", phones=[SAME_PHONE], emails=[JANE], title="CTO")],
        {"Zoë Doe": {"title": "CTO", "emails": {JANE}, "phones": (PHONE,)}},
    ),
    "by phone and name, where Google alone knows the country": Case(
        [Typed({"name": "Zoë Doe", "phones": (PHONE,)}),
         card("1", name="Zoe Doe", phones=["030 1234567"], canonical_phones=["+49301234567"], emails=[JANE])],
        {"Zoë Doe": {"emails": {JANE}, "phones": (PHONE, "030 1234567")}},
    ),
    "by its email, another number than the form that Google gives it": Case(
        [Typed({"name": "Zoë Doe", "phones": (PHONE,)}),
         card("1", name="Zoe Doe", phones=["030 1234567#5"], canonical_phones=["+49301234567"], emails=[JANE])],
        {"Zoë Doe": {"emails": set()}, "Zoe Doe": {"emails": {JANE}}},
    ),
    "not by the phone alone": Case(
        [Typed({"name": "Reception", "phones": (PHONE,)}), card("1", **JANES)],
        {"Reception": {"imported": False}, "Jane Doe": {"imported": True}},
    ),
    "the resource name before the email": Case(
        [card("1", **JANES), card("2", name="Bob", emails=[BOB]), Typed({"notes": "n"}, JANE), Typed({"notes": "n"}, BOB),
         card("1", revision=2, name="Jane Doe", emails=[BOB])],
        {"Jane Doe": {"emails": {JANE}}, "Bob": {"emails": {BOB}}},
    ),
    "what is empty is filled, what was typed is not": Case(
        [mail("m", JANE, name="jd"), Typed({"title": "Queen"}, JANE),
         card("1", **JANES, organization="Acme", title="CTO", birthday="--06-01", urls=["https://jane.example"])],
        {"Jane Doe": {"title": "Queen", "company": "Acme", "birthday": "--06-01", "urls": ("https://jane.example",), "phones": (PHONE,)}},
    ),
    "phones and emails are added to typed ones, each once": Case(
        [Typed({"name": "Jane", "emails": (JANE,), "phones": (PHONE,)}),
         card("1", name="Jane D.", emails=[HOME, "JANE@acme.example"], phones=[SAME_PHONE, "0170 1"])],
        {"Jane": {"emails": {JANE, HOME}, "phones": (PHONE, "0170 1"), "e164": ("+49301234567", None)}},
    ),
    "what the user took off stays off": Case(
        [card("1", name="Jane", emails=[JANE, HOME], phones=[PHONE]), Typed({"emails": (JANE,), "phones": ()}, JANE),
         card("1", revision=2, name="Jane", emails=[JANE, HOME], phones=[SAME_PHONE])],
        {"Jane": {"emails": {JANE}, "phones": ()}},
    ),
    "two accounts know somebody under one resource name": Case(
        [card("1", **JANES), card("1", account=2, name="Bob", emails=[BOB]), card_removed("1", account=2)],
        {"Jane Doe": {"imported": True}, f"({BOB})": {"imported": False}},
    ),
    "an account that goes takes nobody of another": Case(
        [connected(2, WORK), card("1", **JANES), card("1", account=2, name="Jane Doe", emails=[JANE, HOME], organization="Acme"),
         card("2", account=2, name="Bob", emails=[BOB]), disconnected(2, purge=True)],
        {"Jane Doe": {"imported": True, "company": "", "phones": (PHONE,), "emails": {JANE}}},
    ),
    "of two cards the fuller name": Case(
        [card("1", name="Jane", emails=[JANE]), card("1", account=2, name="Jane Doe", emails=[JANE])],
        {"Jane Doe": {"emails": {JANE}}},
    ),
    "an organization is a name where there is none": Case(
        [card("1", organization="Taxi Stockholm", phones=["+46 8 15 00 00"]), card("2", emails=[BOB])],
        {"Taxi Stockholm": {"company": "Taxi Stockholm"}, BOB: {"emails": {BOB}}},
    ),
    "birthdays without a year, and as somebody typed them": Case(
        [card("1", name="Jane", birthday="--12-24"), card("2", name="Bob", birthday="the 24th of December, I think")],
        {"Jane": {"birthday": "--12-24"}, "Bob": {"birthday": "the 24th of December, I think"}},
    ),
    "deleted at Google, never met: archived": Case(
        [card("1", **JANES, organization="Acme"), card_removed("1")],
        {f"({JANE})": {"imported": False, "emails": {JANE}}},
    ),
    "deleted at Google, with nothing but its name and phone: still called by it": Case(
        [card("1", name="Jane", phones=[PHONE]), card("2", phones=["0170 1"]), card_removed("1"), card_removed("2")],
        {"(Jane)": {"imported": False}, "(0170 1)": {"imported": False}},
    ),
    "deleted at Google, with mail": Case(
        [card("1", **JANES), mail("m", JANE, name="Jane"), card_removed("1")], {"Jane": {"imported": False, "archived": False}}
    ),
    "deleted at Google, edited": Case(
        [card("1", **JANES), Typed({"tags": ("friend",)}, JANE), card_removed("1")],
        {JANE: {"imported": False, "archived": False, "tags": ("friend",)}},
    ),
    "deleted at Google and made again": Case(
        [card("1", **JANES), card_removed("1"), card("2", name="Jane Doe", emails=[JANE])],
        {"Jane Doe": {"imported": True, "phones": ()}},
    ),
    "deleted in one account, live in another": Case(
        [card("1", **JANES, title="CTO"), card("7", account=2, name="Jane Doe", emails=[JANE]), card_removed("1")],
        {"Jane Doe": {"imported": True, "title": "", "phones": ()}},
    ),
    "merged at Google into one that was here": Case(
        [card("1", name="Jane", phones=["1 1"]), card("2", name="J. Doe", phones=["2 2"]), mail("m", JANE),
         card("2", revision=2, name="Jane Doe", emails=[JANE], phones=["1 1", "2 2"], former_names=["people/1"]), card_removed("1")],
        {"Jane Doe": {"phones": ("1 1", "2 2"), "emails": {JANE}, "imported": True}},
    ),
    "merged at Google into a new one": Case(
        [card("1", name="Jane", phones=["1 1"]), card("2", name="J. Doe", phones=["2 2"]),
         card("3", name="Jane Doe", phones=["1 1", "2 2"], former_names=["people/1", "people/2"]), card_removed("1"), card_removed("2")],
        {"Jane Doe": {"phones": ("1 1", "2 2"), "imported": True}},
    ),
    "merged at Google into the one that the user edited": Case(
        [card("1", name="Jane", phones=["1 1"]), Typed({"name": "My Jane", "emails": (JANE,)}),
         card("2", name="Jane D.", emails=[JANE]), card("3", name="Jane Doe", phones=["1 1"], former_names=["people/2"]),
         card_removed("2")],
        {"My Jane": {"phones": ("1 1",), "imported": True}, "Jane": {"imported": True}},
    ),
}  # fmt: skip


async def happen(world: World, steps: Sequence[Event | Typed]) -> None:
    for step in steps:
        if isinstance(step, Event):
            await world.receive(step)
        elif step.email:
            contact = await world.contact(step.email)
            command = UpdateContact(user_id=USER, contact_id=contact.id, fields=ContactFields(**step.fields))
            await contacts.update_contact(world.context, command)
        else:
            create = CreateContact(user_id=USER, fields=ContactFields(**step.fields))
            await contacts.create_contact(world.context, create)


async def everybody(world: World) -> dict[str, Contact]:
    """Each contact by what it is called, the archived ones in brackets."""
    rows = await world.pool.fetch("SELECT id FROM contacts WHERE user_id = $1 AND merged_into IS NULL", USER)
    found = [await contacts.get_contact(world.context, GetContact(user_id=USER, contact_id=row["id"])) for row in rows]
    return {f"({contact.name})" if contact.archived else contact.name: contact for contact in found}


def shown(contact: Contact, name: str) -> Any:
    match name:
        case "emails":
            return set(contact.emails)
        case "phones":
            return tuple(phone.shown for phone in contact.phones)
        case "e164":
            return tuple(phone.e164 for phone in contact.phones)
        case _:
            return getattr(contact, name)


async def test_each_rule_of_the_import(world: World) -> None:
    for what, case in CASES.items():
        await world.clear()
        await world.receive(connected())
        await happen(world, case.steps)
        found = await everybody(world)
        assert found.keys() == case.expected.keys(), what
        for name, fields in case.expected.items():
            assert {field: shown(found[name], field) for field in fields} == fields, what


async def versions(world: World) -> dict[str, list[Any]]:
    """The transaction that wrote each row of what people see."""
    tables = ("contacts", "addresses", "address_names", "cards", "interactions", "participants", "merges")
    return {table: await world.pool.fetch(f"SELECT xmin::text, ctid FROM {table} ORDER BY ctid") for table in tables}


async def test_importing_again_writes_no_row_and_publishes_nothing(world: World) -> None:
    events = [
        card("1", **JANES),
        card("2", name="Only Name"),
        card("3", organization="Acme", phones=["1"], former_names=["people/0"]),
    ]
    await world.receive(*events, mail("m", JANE, name="Jane"), card_removed("2"))
    before = await versions(world)
    world.published.clear()
    await world.receive(*events, card_removed("2"))
    await cards.import_cards(world.context, events)
    assert await versions(world) == before
    assert world.published == []


async def test_a_card_that_is_published_again_as_it_was_writes_itself_alone(world: World) -> None:
    await world.receive(card("1", **JANES), mail("m", JANE, name="Jane"))
    before = await versions(world)
    await world.receive(card("1", **JANES, revision=2))
    after = await versions(world)
    assert after.pop("cards") != before.pop("cards")
    assert after == before


@pytest.mark.parametrize("removed_first", [False, True])
async def test_a_card_that_google_merged_keeps_its_link_its_bcc_address_and_its_timeline(
    world: World, removed_first: bool
) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE], phones=["1 1"]), mail("m", JANE))
    await world.receive(card("2", name="J. Doe", phones=["2 2"]))
    hashes = {contact.bcc_hash for contact in (await everybody(world)).values()}
    merged = card("3", name="Jane Doe", phones=["1 1", "2 2"], former_names=["people/1", "people/2"])
    gone = [card_removed("1"), card_removed("2")]
    await world.receive(*([*gone, merged] if removed_first else [merged, *gone]))
    [jane] = (await everybody(world)).values()
    assert (jane.name, jane.imported, jane.archived, jane.interactions) == ("Jane Doe", True, False, 1)
    logging = await world.pool.fetch("SELECT value FROM addresses WHERE kind = 'bcc' AND contact_id = $1", jane.id)
    assert {row["value"] for row in logging} == hashes
    await world.receive(card("1", name="Jane", emails=[JANE]), mail("b", ME, [BOB], bcc_tags=list(hashes)))
    assert [who.interactions for who in (await everybody(world)).values()] == [2], "what comes late brings nobody back"


async def test_a_card_that_goes_on_from_a_deleted_contact_brings_nobody_back(world: World) -> None:
    await world.receive(card("1", name="Jane", phones=["1 1"]))
    [jane] = (await everybody(world)).values()
    await contacts.delete_contact(world.context, DeleteContact(user_id=USER, contact_id=jane.id))
    await world.receive(card("2", name="Jane Doe", phones=["1 1"], former_names=["people/1"]), card_removed("1"))
    assert (await contacts.search_contacts(world.context, SearchContacts(user_id=USER))).items == ()


async def test_a_typed_bio_comes_before_what_connectors_read(world: World) -> None:
    await world.receive(mail("m", JANE), mail("b", BOB))
    jane, bob = await world.contact(JANE), await world.contact(BOB)

    async def read_by_a_connector(email: str, bio: str, at: datetime) -> None:
        identity = Identity(kind="email", value=email)
        report = ProfileReported(user_id=USER, platform="linkedin", identity=identity, bio=bio, at=at)
        await connectors.record_profile(world.context, report)

    async def type_bio(bio: str) -> dict[str, str]:
        fields = ContactFields(bios={"linkedin": bio})
        typed = await contacts.update_contact(
            world.context, UpdateContact(user_id=USER, contact_id=jane.id, fields=fields)
        )
        return typed.bios

    await read_by_a_connector(JANE, "CTO", NOW)
    assert await type_bio("CEO\0") == {"linkedin": "CEO"}
    await read_by_a_connector(JANE, "Chair", datetime.now(UTC) + timedelta(days=1))
    assert (await world.contact(JANE)).bios == {"linkedin": "CEO"}
    command = MergeContacts(user_id=USER, contact_id=bob.id, other_id=jane.id)
    merged = await merges.merge_contacts(world.context, command)
    assert (await world.contact(JANE)).bios == {"linkedin": "CEO"}
    await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merged.merge_id))
    assert (await world.contact(BOB)).bios == {}
    assert await type_bio("") == {}, "emptied: that is the user's word, too"
    await contacts.delete_contact(world.context, DeleteContact(user_id=USER, contact_id=jane.id))
    bios = await world.pool.fetch("SELECT bio FROM profiles")
    assert [row["bio"] for row in bios] == ["Chair"], "what was read is its address's"
