"""Replies in full: every field of a contact, a line, a guest, a duplicate, an archive and a count is what it should be."""

from datetime import timedelta
from typing import Any

from libs.common.events import Identity, InteractionReported, Person, ProfileReported
from libs.common.requests import (
    AddInteraction,
    Attendee,
    BccAddress,
    Contact,
    ContactFields,
    ContactSummary,
    Counts,
    Duplicate,
    ExportContacts,
    FindDuplicates,
    GetAttendees,
    GetContact,
    GetContactsOfMessage,
    GuestInteraction,
    Interaction,
    Phone,
    Score,
    ScoreNumbers,
    SearchContacts,
    TimelineItem,
    UpdateContact,
)
from services.contacts.duplicates import refresh_due_duplicates
from services.contacts.handlers import attendees, connectors, contacts, duplicates, export, messages, timelines
from services.contacts.scoring import refresh_due_scores
from tests.support.contacts_world import (
    ME,
    NOW,
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
    settings,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, HOME, BOB, CAROL = "jane@acme.example", "jane@home.example", "bob@acme.example", "carol@gamma.example"


async def jane_in_full(world: World) -> Contact:
    """A contact of whom everything is known."""
    await world.receive(
        connected(2, "Me+x@Work.example"),
        connected(3, "gone@x.example"),
        disconnected(3, purge=False),
        card(
            "1", name="Jane Doe", emails=[JANE, HOME], phones=["+49 30 1234567 ext. 5", "inside line"], organization="Acme", title="CTO",
            photo_url="https://photos.example/1.png", birthday="1980-01-01", urls=["https://one.example", "https://two.example"],
        ),
        mail("in", JANE, [ME, BOB], cc=[CAROL], name="Jane", days_ago=3, thread_id="t1", title="Hello", snippet="How are you?"),
        mail("out", ME, [HOME], days_ago=2, thread_id="t1", title="Re: Hello", snippet="Fine"),
        mail("copy", JANE, [ME, BOB], cc=[CAROL], name="Jane", days_ago=3, rfc_message_id="<in@mail>", account=2, thread_id="t9",
             title="Hello", snippet="How are you?"),
        mail("bulk", JANE, automated="bulk", days_ago=1, title="Offers", snippet="Buy"),
        meeting("e", [ME, JANE], days_ago=-2, place="Room 1"),
    )  # fmt: skip
    identity = Identity(kind="email", value=HOME)
    await connectors.record_profile(
        world.context, ProfileReported(user_id=USER, platform="twitter", identity=identity, bio="Founder", at=NOW)
    )
    jane = await world.contact(JANE)
    fields = ContactFields(notes="met in Rome", tags=("friend",))
    await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=jane.id, fields=fields))
    return await world.contact(JANE)


async def test_a_contact_is_shown_with_everything_that_is_known(world: World) -> None:
    before = await world.pool.fetchval("SELECT now()")
    shown = await jane_in_full(world)
    assert shown == Contact(
        id=shown.id,
        name="Jane Doe",
        emails=(JANE, HOME),
        company="Acme",
        title="CTO",
        photo_url="https://photos.example/1.png",
        score=shown.relationship.total,
        label=shown.relationship.label,
        last_interaction_at=NOW + timedelta(days=2),  # the meeting was years ago by now
        phones=(Phone(shown="+49 30 1234567 ext. 5", e164="+49301234567"), Phone(shown="inside line", e164=None)),
        birthday="1980-01-01",
        urls=("https://one.example", "https://two.example"),
        notes="met in Rome",
        tags=("friend",),
        bios={"twitter": "Founder"},
        bcc_hash=shown.bcc_hash,
        bcc_addresses=tuple(
            BccAddress(account_id=id_, address=address)
            for id_, address in sorted(
                [(account_id(1), f"me+{shown.bcc_hash}@gmail.com"), (account_id(2), f"me+{shown.bcc_hash}@work.example")]
            )
        ),
        relationship=shown.relationship,
        numbers=ScoreNumbers(
            they_wrote=1, you_wrote=1, meetings=1, in_all=3, platforms=("calendar", "email"),
            last_from_them_at=NOW + timedelta(days=2), last_from_you_at=NOW + timedelta(days=2),
        ),
        history=shown.history,
        first_interaction_at=NOW - timedelta(days=3),
        interactions=4,
        imported=True,
        archived=False,
        created_at=shown.created_at,
    )  # fmt: skip
    assert len(shown.history) == 12
    assert shown.history[-1].score == shown.relationship.total
    assert before <= shown.created_at <= await world.pool.fetchval("SELECT now()")
    await world.receive(card_removed("1"))
    after = await world.contact(JANE)
    assert (after.imported, after.company, after.phones, after.emails) == (False, "", (), (JANE, HOME))


async def test_a_list_shows_each_contact_as_its_page_does(world: World) -> None:
    jane = await jane_in_full(world)
    typed = ContactFields(emails=("first@x.example", HOME, JANE))
    await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=jane.id, fields=typed))
    await refresh_due_scores(world.context, NOW + timedelta(days=900))
    page = await contacts.search_contacts(world.context, SearchContacts(user_id=USER, q="jane"))
    assert page.items[0].emails == ("first@x.example", HOME, JANE)
    whole = await contacts.get_contact(world.context, GetContact(user_id=USER, contact_id=jane.id))
    assert page.items == (ContactSummary(**{name: getattr(whole, name) for name in ContactSummary.model_fields}),)
    row = await world.pool.fetchrow("SELECT first_at, interactions FROM contacts WHERE id = $1", jane.id)
    assert tuple(row) == (whole.first_interaction_at, whole.interactions)


async def test_every_field_of_a_line_is_that_of_its_mail_meeting_or_note(world: World) -> None:
    jane = await jane_in_full(world)
    note = AddInteraction(
        user_id=USER, contact_id=jane.id, platform="linkedin", direction="inbound", kind="message", title="Hi", text="there",
        thread="t5", occurred_at=NOW,
    )  # fmt: skip
    added = await timelines.add_interaction(world.context, note)
    lines = await world.timeline(JANE)
    shown = [line.model_dump(exclude={"id"}) for line in lines]
    base: dict[str, Any] = {"automated": "", "bcc_logged": False, "ends_at": None, "thread_messages": 1, "older": ()}

    def person(role: str, address: str, name: str = "") -> dict[str, Any]:
        return Person.model_validate({"role": role, "address": address, "name": name}).model_dump()

    both = tuple(sorted((account_id(1), account_id(2))))
    expected = [
        {**base, "platform": "calendar", "kind": "meeting", "direction": "mutual", "occurred_at": NOW + timedelta(days=2),
         "ends_at": NOW + timedelta(days=2, hours=1), "title": "meeting e", "text": "Room 1", "thread": None,
         "account_ids": (account_id(1),),
         "people": (person("organizer", ME), person("attendee", ME), person("attendee", JANE)), "people_total": 3},
        {**base, "platform": "linkedin", "kind": "message", "direction": "inbound", "occurred_at": NOW, "title": "Hi", "text": "there",
         "thread": "t5", "account_ids": (), "people": (), "people_total": 0},
        {**base, "platform": "email", "kind": "message", "direction": "inbound", "occurred_at": NOW - timedelta(days=1), "title": "Offers",
         "text": "Buy", "thread": "t-bulk", "account_ids": (account_id(1),), "automated": "bulk",
         "people": (person("from", JANE), person("to", ME)), "people_total": 2},
        {**base, "platform": "email", "kind": "message", "direction": "outbound", "occurred_at": NOW - timedelta(days=2),
         "title": "Re: Hello", "text": "Fine", "thread": "t1", "account_ids": (account_id(1),),
         "people": (person("from", ME), person("to", HOME)), "people_total": 2},
        {**base, "platform": "email", "kind": "message", "direction": "inbound", "occurred_at": NOW - timedelta(days=3), "title": "Hello",
         "text": "How are you?", "thread": lines[4].thread, "account_ids": both,
         "people": (person("from", JANE, "Jane"), person("cc", CAROL), *(person("to", address) for address in (ME, BOB))),
         "people_total": 4},
    ]  # fmt: skip
    for line, wanted in zip(shown, expected, strict=True):
        people = line.pop("people")
        assert sorted(people, key=str) == sorted(wanted.pop("people"), key=str)
        assert line == wanted
    assert [who.role for who in lines[4].people] == ["from", "cc", "to", "to"]
    assert [who.role for who in lines[0].people] == ["organizer", "attendee", "attendee"]
    assert TimelineItem(**dict(added)) == lines[1]
    assert lines[4].thread in ("t1", "t9")


async def test_a_guest_is_shown_with_everything_that_matters_before_a_meeting(world: World) -> None:
    jane = await jane_in_full(world)
    long = mail("long", CAROL, days_ago=4, name="Carol", snippet="x" * 500)
    await world.receive(long, mail("group", BOB, [ME, *(f"p{n}@x.example" for n in range(9))], days_ago=4))
    note = AddInteraction(
        user_id=USER, contact_id=(await world.contact(CAROL)).id, text="y" * 3_000, occurred_at=NOW - timedelta(5)
    )
    await timelines.add_interaction(world.context, note)
    query = GetAttendees(
        user_id=USER, addresses=("X <nobody>", HOME, CAROL, BOB, "p1@x.example", WORK), now=NOW, last=3
    )
    nobody, shown, carol, bob, silent, _ = (await attendees.get_attendees(world.context, query)).items
    lines = await world.timeline(JANE)
    assert nobody == Attendee(address="X <nobody>")
    assert shown == Attendee(
        address=HOME,
        contact_id=jane.id,
        name="Jane Doe",
        company="Acme",
        title="CTO",
        score=Score(total=7, label="Strong", reciprocity=4, recency=3, frequency=0, breadth=0, tenure=0),
        on_file=True,
        first_contact_at=NOW - timedelta(days=3),
        last_contact_at=NOW - timedelta(days=2),
        bios={"twitter": "Founder"},
        birthday="1980-01-01",
        last=tuple(
            GuestInteraction(
                **line.model_dump(include=set(Interaction.model_fields)),
                open=line.title == "Re: Hello",
                to_me=line.direction == "inbound",
            )
            for line in lines[1:4]
        ),
        me=False,
    )
    assert (carol.name, carol.on_file, carol.last_contact_at) == ("Carol", False, NOW - timedelta(days=4))
    assert [len(line.text) for line in carol.last] == [len("How are you?"), 500, 1_000]
    assert (len(bob.last[1].people), bob.last[1].people_total) == (5, 11)
    assert (silent.contact_id, silent.score, silent.last) == (None, None, ())


async def test_counts_are_those_of_the_lists(world: World) -> None:
    await jane_in_full(world)
    await world.receive(
        card("2", name="Bob", emails=[BOB]), card("3", name="Gone", emails=["gone@y.example"]), card_removed("3"),
        card("me", name="Me", emails=[ME]), meeting("mine", [ME]), mail("m", CAROL),
    )  # fmt: skip
    identity = Identity(kind="email", value=JANE)
    await connectors.record_report(
        world.context,
        InteractionReported(
            user_id=USER, platform="telegram", ref="1", occurred_at=NOW, direction="inbound", kind="message", identities=(identity,)
        ),
    )  # fmt: skip
    assert await world.counts() == Counts(contacts=3, messages=4, meetings=1, other=1, imported=2)
    assert len(await world.names()) == 3
    await world.receive(settings(1, contact_creation="none"))
    assert await world.counts() == Counts(contacts=2, messages=4, meetings=1, other=1, imported=2)


async def test_the_archive_holds_every_field(world: World) -> None:
    jane = await jane_in_full(world)
    page = await export.export_contacts(world.context, ExportContacts(user_id=USER, what="contacts"))
    assert page.next_cursor is None
    assert [item for item in page.items if item["id"] == str(jane.id)] == [jane.model_dump(mode="json")]
    page = await export.export_contacts(world.context, ExportContacts(user_id=USER, what="interactions"))
    by_title = {item["title"]: item for item in page.items}
    assert list(by_title) == ["Hello", "Re: Hello", "Offers", "meeting e"]
    hello = by_title["Hello"]
    people = [(who["role"], who["kind"], who["address"], who["name"], who["contact_id"]) for who in hello["people"]]
    assert people == [
        ("cc", "email", CAROL, "", None),
        ("from", "email", JANE, "Jane", str(jane.id)),
        *sorted([("to", "email", ME, "", None), ("to", "email", BOB, "", None)], key=lambda who: [p[2] for p in people].index(who[2])),
    ]  # fmt: skip
    row = await world.pool.fetchrow("SELECT id, ref, thread FROM interactions WHERE title = 'Hello'")
    assert {name: value for name, value in hello.items() if name != "people"} == {
        "id": str(row["id"]),
        "platform": "email",
        "ref": row["ref"],
        "kind": "message",
        "thread": row["thread"],
        "occurred_at": (NOW - timedelta(days=3)).isoformat(),
        "ends_at": None,
        "title": "Hello",
        "text": "How are you?",
        "direction": "inbound",
        "automated": "",
        "people_total": 4,
    }
    assert [by_title[title]["direction"] for title in by_title] == ["inbound", "outbound", "inbound", "mutual"]
    assert by_title["meeting e"]["ends_at"] == (NOW + timedelta(days=2, hours=1)).isoformat()
    assert by_title["Offers"]["automated"] == "bulk"


async def test_duplicates_come_surest_first_and_never_one_that_is_not_listed(world: World) -> None:
    await world.receive(
        card("1", name="Jane Doe", emails=[JANE], phones=["+49 30 1234567"]),
        card("2", name="Janet D", emails=[CAROL], phones=["+49301234567"]),
        card("3", name="Jane Doe", emails=["jane@acme.example.org"]),
        card("4", name="Jane Doee", emails=["jd@x.example"]),
        card("5", name="Jane Doe", emails=["jd@acme.example"]),
        card("6", name="Jane Doe", emails=["archived@acme.example"]),
        card("7", name="Doe, Otto", emails=["otto@acme.example"]),
    )
    archived = await world.contact("archived@acme.example")
    fields = ContactFields(archived=True)
    await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=archived.id, fields=fields))
    await refresh_due_duplicates(world.context)
    query = FindDuplicates(user_id=USER, contact_id=(await world.contact(JANE)).id)
    found = await duplicates.find_duplicates(world.context, query)
    shown = [(duplicate.contact.emails[0], duplicate.evidence, duplicate.confidence) for duplicate in found.items]
    assert shown == [
        ("jd@acme.example", ("same name at acme.example",), 0.95),
        ("jane@acme.example.org", ("same name",), 0.85),
        (CAROL, ("same phone +49301234567",), 0.8),
        ("jd@x.example", ("similar name (94 %)",), 0.75),
    ]
    assert isinstance(found.items[0], Duplicate)


async def test_the_contacts_of_a_message_come_by_name_and_only_living_ones(world: World) -> None:
    await world.receive(mail("m", ME, [f"p{n:02}@x.example" for n in range(22)], cc=[JANE, BOB]))
    await world.receive(card("1", name="Aaron", emails=[JANE]), card("2", name="Abel", emails=[BOB]))
    bob = await world.contact(BOB)
    fields = ContactFields(archived=True)
    await contacts.update_contact(world.context, UpdateContact(user_id=USER, contact_id=bob.id, fields=fields))
    query = GetContactsOfMessage(user_id=USER, account_id=account_id(1), gmail_id="m")
    found = await messages.get_contacts_of_message(world.context, query)
    assert [ref.name for ref in found.items] == ["Aaron", *(f"p{n:02}@x.example" for n in range(19))]
    assert found.items[0].id == (await world.contact(JANE)).id
    await world.receive(meeting("m", [JANE], calendar_id="x"))
    other = GetContactsOfMessage(user_id=USER, account_id=account_id(1), gmail_id="x/m")
    assert (await messages.get_contacts_of_message(world.context, other)).items == (), "a meeting is no message"
