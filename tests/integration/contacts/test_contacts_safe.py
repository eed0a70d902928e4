"""What others write is made harmless before it lies in the database: links, photos, names, texts, identities."""

from typing import Any

import pytest

from libs.common.errors import Refused
from libs.common.events import Identity, InteractionReported, ProfileReported
from libs.common.requests import AddInteraction, ContactFields, CreateContact, SearchContacts, UpdateContact
from services.contacts.handlers import connectors, contacts, timelines
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    World,
    card,
    contacts_database,
    mail,
    meeting,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, BOB = "jane@acme.example", "bob@beta.example"
HOSTILE_LINKS = (
    "javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "java\x00script:alert(1)",
    "\x01javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd", "//evil.example",
    "http:evil", "https", "mailto:x@y.example", "blob:https://x.example/1", "ht\ntps://x.example", "",
)  # fmt: skip
FINE_LINKS = ("https://a.example/?q=javascript:x", "HTTP://B.example", "  https://c.example  ")


async def test_no_link_of_a_card_but_one_to_a_web_page_survives_its_import(world: World) -> None:
    events = [
        card(f"{n}", name=f"P{n:02}", emails=[f"p{n}@x.example"], photo_url=link, urls=[link, "https://fine.example"])
        for n, link in enumerate(HOSTILE_LINKS)
    ]
    await world.receive(*events, card("fine", name="Fine", emails=[JANE], photo_url=FINE_LINKS[2], urls=FINE_LINKS))
    for n, link in enumerate(HOSTILE_LINKS):
        contact = await world.contact(f"p{n}@x.example")
        assert (contact.photo_url, contact.urls) == ("", ("https://fine.example",)), link
    fine = await world.contact(JANE)
    assert (fine.photo_url, fine.urls) == ("https://c.example", (*FINE_LINKS[:2], "https://c.example"))
    listed = await contacts.search_contacts(world.context, SearchContacts(user_id=USER, limit=200))
    assert {item.photo_url for item in listed.items} == {"", "https://c.example"}
    stored = await world.pool.fetch("SELECT photo_url, urls FROM cards UNION SELECT photo_url, urls FROM contacts")
    everything = [url for row in stored for url in (row["photo_url"], *row["urls"]) if url]
    assert all(url.lower().startswith(("https://", "http://")) for url in everything)


async def test_no_link_but_one_to_a_web_page_can_be_typed(world: World) -> None:
    await world.receive(mail("m", JANE))
    jane = (await world.contact(JANE)).id
    for link in filter(str.strip, HOSTILE_LINKS):
        for fields in (ContactFields(photo_url=link), ContactFields(urls=("https://fine.example", link))):
            with pytest.raises(Refused) as refused:
                await contacts.update_contact(
                    world.context, UpdateContact(user_id=USER, contact_id=jane, fields=fields)
                )
            assert (refused.value.status, refused.value.code) == (422, "invalid_url"), link
    shown = await world.contact(JANE)
    assert (shown.photo_url, shown.urls) == ("", ())


TYPED = "A\x00b\x07c\x1bd\x7fe"
HIDDEN = "A\x00b\x07c\x1bd\x7fe\ud83d"


async def test_what_databases_and_screens_choke_on_is_nowhere_in_what_is_shown(world: World) -> None:
    long = "x" * 20_000
    await world.receive(
        card("1", name=HIDDEN, emails=[JANE], organization=HIDDEN, title=HIDDEN, birthday=HIDDEN, phones=[f"030 1{HIDDEN}"],
             urls=[f"https://x.example/{HIDDEN}"]),
        card("2", name=long, emails=[BOB], organization=long, title=long, birthday=long, phones=["1" * 500], urls=[f"https://{long}"]),
        mail("m\x00", JANE, name=HIDDEN, title=HIDDEN, snippet=HIDDEN, thread_id="t\x00", rfc_message_id="<\x00i\x00>"),
        meeting("e", [JANE], place=HIDDEN),
    )  # fmt: skip
    identity = Identity(kind="email", value=JANE, name=HIDDEN)
    report: dict[str, Any] = {"title": HIDDEN, "text": HIDDEN, "kind": "k\x00", "ref": "r\x00", "thread": "t\x00"}
    await connectors.record_report(
        world.context,
        InteractionReported(
            user_id=USER, platform="tele\x00gram", occurred_at=NOW, direction="inbound", identities=(identity,), **report
        ),
    )  # fmt: skip
    await connectors.record_profile(
        world.context, ProfileReported(user_id=USER, platform="twitter", identity=identity, bio=HIDDEN + long, at=NOW)
    )
    jane = await world.contact(JANE)
    note = AddInteraction(
        user_id=USER, contact_id=jane.id, title=TYPED, text=TYPED + long[:9_000], thread="t\x00", ref="r\x00"
    )
    await timelines.add_interaction(world.context, note)
    await contacts.create_contact(
        world.context, CreateContact(user_id=USER, fields=ContactFields(name=f"Typed {TYPED}", notes=TYPED, tags=(TYPED,)))
    )  # fmt: skip
    lines = await world.timeline(JANE)
    assert {line.platform for line in lines} == {"email", "calendar", "telegram", "note"}
    shown = [jane.model_dump(), *[line.model_dump() for line in lines], *await world.names()]
    text = repr(shown)
    assert not [character for character in map(chr, (0, 7, 27, 127, 0xD83D)) if repr(character)[1:-1] in text]
    assert "Abcde" in text
    bob = await world.contact(BOB)
    assert (len(bob.name), len(bob.company), len(bob.title), len(bob.birthday)) == (500, 500, 500, 100)
    assert (len(bob.urls[0]), len(bob.phones[0].shown)) == (2_000, 100)
    jane = await world.contact(JANE)
    assert len(jane.bios["twitter"]) == 2_000
    assert {line.platform: len(line.text) for line in lines}["note"] == 9_005


async def test_of_a_card_with_thousands_of_entries_the_first_hundred_are_kept(world: World) -> None:
    emails = [f"p{n:03}@x.example" for n in range(150)]
    phones, urls = [f"+49 30 1000{n:03}" for n in range(150)], [f"https://x.example/{n}" for n in range(150)]
    await world.receive(card("1", name="Many", emails=emails, phones=phones, urls=urls))
    many = await world.contact(emails[0])
    assert many.emails == tuple(emails[:100])
    assert ([phone.shown for phone in many.phones], many.urls) == (phones[:100], tuple(urls[:100]))
    assert await world.pool.fetchval("SELECT count(*) FROM addresses WHERE kind = 'email'") == 100


async def test_nobody_takes_a_hash_or_a_contact_from_outside(world: World) -> None:
    """A connector that names a contact's hash, in whatever spelling, reports about nobody; so does one without a value."""
    await world.receive(mail("m", JANE))
    hash_ = (await world.contact(JANE)).bcc_hash
    kinds = ("bcc", "BCC", " bcc ", "b\x00cc", "", "  ")
    identities = (*(Identity(kind=kind, value=hash_) for kind in kinds), Identity(kind="telegram", value=" @ "))
    event = InteractionReported(
        user_id=USER, platform="telegram", ref="1", occurred_at=NOW, direction="inbound", kind="message", identities=identities, text="x"
    )  # fmt: skip
    await connectors.record_report(world.context, event)
    assert [line.platform for line in await world.timeline(JANE)] == ["email"]
    assert await world.names() == [JANE]
    for identity in identities:
        bio = ProfileReported(user_id=USER, platform="twitter", identity=identity, bio="x", at=NOW)
        await connectors.record_profile(world.context, bio)
    assert (await world.contact(JANE)).bios == {}


async def test_a_name_that_is_an_address_of_somebody_else_or_an_operator_of_search_does_no_harm(world: World) -> None:
    names = [
        "ceo@bank.example",
        "'; DROP TABLE contacts; --",
        "a & !b | (c <-> d):*",
        "<script>alert(1)</script>",
        "%",
        "\\",
        "\u202eevil",
    ]
    await world.receive(*[mail(f"m{n}", f"p{n}@x.example", [ME], name=name) for n, name in enumerate(names)])
    assert (await world.contact("p0@x.example")).name == "p0@x.example"
    for name in names[1:]:
        page = await contacts.search_contacts(world.context, SearchContacts(user_id=USER, q=name))
        assert len(page.items) <= 1
    assert len(await world.names()) == len(names)


async def test_a_phone_identifies_only_whom_alone_it_belongs_to(world: World) -> None:
    await world.receive(
        card("1", name="Jane", emails=[JANE], phones=["+49 30 1234567", "+49 30 7654321"]),
        card("2", name="Bob", emails=[BOB], phones=["+49 30 7654321"]),
    )
    for ref, phone in (("1", "+49301234567"), ("2", "+49307654321")):
        event = InteractionReported(
            user_id=USER, platform="whatsapp", ref=ref, occurred_at=NOW, direction="inbound", kind="message",
            identities=(Identity(kind="phone", value=phone),), text=f"from {phone}",
        )  # fmt: skip
        await connectors.record_report(world.context, event)
    assert [line.text for line in await world.timeline(JANE)] == ["from +49301234567"]
    assert await world.timeline(BOB) == ()


async def test_a_phone_that_nobody_has_identifies_nobody(world: World) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE], phones=["+49 30 1234567"]))
    event = InteractionReported(
        user_id=USER, platform="whatsapp", ref="1", occurred_at=NOW, direction="inbound", kind="message",
        identities=(Identity(kind="phone", value="+49 30 9999999"),), text="who is this?",
    )  # fmt: skip
    await connectors.record_report(world.context, event)
    assert await world.timeline(JANE) == ()
    assert sorted(await world.names()) == ["+49 30 9999999", "Jane"]
