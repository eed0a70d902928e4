"""What the user typed stays theirs, field by field: through imports, mail, merges of their own and the end of an account."""

from collections.abc import Sequence
from typing import Any

from libs.common.events import MessageIngested, PersonImported
from libs.common.requests import Contact, ContactFields, CreateContact, UpdateContact
from services.contacts.handlers import cards, contacts, messages
from tests.support.contacts_world import (
    USER,
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

JANE = "jane@acme.example"
HANDLE = {"kind": "telegram", "value": "@Jane_T"}
FIRST: dict[str, Any] = {
    "name": "Jane Google",
    "emails": ["n@acme.example", "n@old.example"],
    "phones": ["+49 30 1111111", "+49 30 2222222"],
    "organization": "Google Inc",
    "title": "Engineer",
    "photo_url": "https://photos.example/1.png",
    "birthday": "1980-01-01",
    "urls": ["https://one.example"],
}
LATER: dict[str, Any] = {
    "name": "Jane Later",
    "emails": ["n@acme.example", "n@old.example", "n@home.example"],
    "phones": ["+49 30 1111111", "+49 30 2222222", "+49 30 3333333"],
    "organization": "Later Inc",
    "title": "Director",
    "photo_url": "https://photos.example/2.png",
    "birthday": "1982-02-02",
    "urls": ["https://two.example"],
}
# Field, what is typed (and shown), what is shown after the next import. Where a list is typed, an import adds to it what is new.
TYPED: list[tuple[str, Any, Any]] = [
    ("name", "My Jane", "My Jane"),
    ("company", "Acme", "Acme"),
    ("company", "", ""),
    ("title", "CTO", "CTO"),
    ("title", "", ""),
    ("photo_url", "https://mine.example/j.png", "https://mine.example/j.png"),
    ("photo_url", "", ""),
    ("birthday", "1981-03-03", "1981-03-03"),
    ("birthday", "", ""),
    ("urls", ("https://mine.example",), ("https://mine.example",)),
    ("urls", (), ()),
    ("notes", "met in Rome", "met in Rome"),
    ("tags", ("rome", "friend"), ("rome", "friend")),
    ("emails", ("n@home.example", "n@acme.example"), ("n@home.example", "n@acme.example")),
    ("emails", ("n@new.example", "n@acme.example"), ("n@new.example", "n@acme.example", "n@home.example")),
    ("phones", ("0177 1", "+49 30 1111111"), ("0177 1", "+49 30 1111111", "+49 30 3333333")),
    ("phones", (), ("+49 30 3333333",)),
    ("identities", (HANDLE,), (HANDLE,)),
    ("identities", (), ()),
    ("bios", {"linkedin": "Queen"}, {"linkedin": "Queen"}),
    ("archived", True, True),
]
NOTHING = {"name": "", "company": "", "title": "", "photo_url": "", "birthday": "", "urls": (), "notes": "", "tags": (), "emails": (),
           "phones": (), "identities": (), "bios": {}, "archived": False}  # fmt: skip


def numbered(value: Any, number: int) -> Any:
    """The same of another person: each case of the table is one."""
    if isinstance(value, str):
        return value.replace("n@", f"n{number}@").replace("+49 30 ", f"+49 {300 + number} ")
    return type(value)(numbered(part, number) for part in value) if isinstance(value, list | tuple) else value


def cards_of_all(fields: dict[str, Any], revision: int) -> list[PersonImported]:
    return [
        card(f"{number}", account=2, revision=revision, **{name: numbered(value, number) for name, value in fields.items()})
        for number in range(len(TYPED))
    ]  # fmt: skip


def shown(contact: Contact) -> dict[str, Any]:
    """The fields that a user can type."""
    phones = tuple(phone.shown for phone in contact.phones)
    handles = tuple({"kind": identity.kind, "value": identity.shown} for identity in contact.identities)
    return {
        **{name: getattr(contact, name) for name in ContactFields.model_fields},
        "phones": phones,
        "identities": handles,
    }


async def edit(world: World, email: str, **fields: Any) -> Contact:
    contact = await world.contact(email)
    command = UpdateContact(user_id=USER, contact_id=contact.id, fields=ContactFields(**fields))
    return await contacts.update_contact(world.context, command)


async def edit_all(world: World) -> None:
    for number, (field, typed, _) in enumerate(TYPED):
        edited = await edit(world, f"n{number}@acme.example", **{field: numbered(typed, number)})
        assert shown(edited)[field] == numbered(typed, number), field


async def shown_of_all(world: World) -> list[dict[str, Any]]:
    return [shown(await world.contact(f"n{number}@acme.example")) for number in range(len(TYPED))]


def mails_of_all(name: str) -> Sequence[MessageIngested]:
    return [mail(f"{name} {number}", f"n{number}@acme.example", name=name) for number in range(len(TYPED))]


async def test_every_typed_field_survives_every_import_and_the_others_follow_it(world: World) -> None:
    await cards.import_cards(world.context, cards_of_all(FIRST, 1))
    await messages.record_messages(world.context, mails_of_all("By mail"))
    await edit_all(world)
    imported = {**{name: value for name, value in LATER.items() if name != "organization"}, "company": "Later Inc"}
    imported = {name: tuple(value) if isinstance(value, list) else value for name, value in imported.items()}
    for revision, name in ((2, "By mail again"), (3, "By mail once more")):
        await cards.import_cards(world.context, cards_of_all(LATER, revision))
        await messages.record_messages(world.context, mails_of_all(name))
        for number, ((field, _, later), now) in enumerate(zip(TYPED, await shown_of_all(world), strict=True)):
            expected = numbered({**NOTHING, **imported, field: later}[field], number)
            assert now[field] == expected, field
            others = {name: numbered(value, number) for name, value in {**NOTHING, **imported}.items()}
            assert {**now, field: None} == {**others, field: None}, f"where {field} was typed"


async def test_every_typed_field_outlives_the_card_and_the_account(world: World) -> None:
    await world.receive(connected(2, "work@x.example"))
    await cards.import_cards(world.context, cards_of_all(FIRST, 1))
    await messages.record_messages(world.context, mails_of_all(""))
    await edit_all(world)
    for number in range(len(TYPED)):
        await world.receive(card_removed(f"{number}", account=2))
    ends = [await shown_of_all(world)]
    await world.receive(disconnected(2, purge=True))
    ends.append(await shown_of_all(world))
    for end in ends:
        for number, ((field, typed, _), now) in enumerate(zip(TYPED, end, strict=True)):
            emails = numbered(typed if field == "emails" else tuple(FIRST["emails"]), number)
            called = emails[0] if field != "company" else typed or emails[0]
            expected = {**NOTHING, "name": called, "emails": emails, field: numbered(typed, number)}
            assert now == expected, f"where {field} was typed"


async def test_a_contact_that_the_user_brought_back_stays_when_nothing_supports_it(world: World) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE]), card_removed("1"))
    assert (await world.contact(JANE)).archived
    await edit(world, JANE, archived=False)
    await world.receive(card("1", revision=3, name="Jane", emails=[JANE]), card_removed("1", revision=4))
    assert not (await world.contact(JANE)).archived


async def test_a_created_contact_shows_all_that_was_typed_and_no_card_or_mail_changes_it(world: World) -> None:
    fields: dict[str, Any] = {
        "name": "Dora",
        "emails": ("Dora@X.example", "dora@home.example"),
        "phones": ("+49 30 1234567", "+49 (0)30 1234567", "0177 1"),
        "identities": ({"kind": "linkedin", "value": "Dora-1"}, {"kind": "signal", "value": "dora.01"}),
        "company": "Acme",
        "title": "CEO",
        "photo_url": "https://mine.example/d.png",
        "birthday": "--03-04",
        "urls": ("https://b.example", "https://a.example"),
        "notes": "likes naïve art",
        "tags": ("b", "a", "b"),
        "bios": {"telegram": "Dora here"},
    }
    command = CreateContact(user_id=USER, fields=ContactFields(**fields))
    created = await contacts.create_contact(world.context, command)
    expected = {**fields, "phones": ("+49 30 1234567", "0177 1"), "tags": ("b", "a"), "archived": False}
    assert shown(created) == expected
    await world.receive(
        mail("m1", "dora@x.example", name="Dora by mail"),
        card("1", name="Dora Google", emails=["dora@x.example"], organization="Google Inc", title="X", birthday="1999-01-01"),
    )  # fmt: skip
    assert shown(await world.contact("dora@x.example")) == expected
    assert await world.names() == ["Dora"]
