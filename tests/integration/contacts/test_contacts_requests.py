"""Requests to `contacts`: timelines, notes, what connectors report, BCC logging, the people of a meeting; and the wiring."""

import asyncio
from datetime import timedelta

import pytest

from libs.common.errors import Refused, Unprocessable
from libs.common.events import ContactChanged, Identity, InteractionReported, ProfileReported, UserDeleted
from libs.common.ids import ContactId, UserId, new_id
from libs.common.requests import (
    AddInteraction,
    CountContacts,
    GetAttendees,
    GetContact,
    GetTimeline,
    MergeContacts,
    RotateBcc,
    SearchContacts,
)
from libs.common.service import Resources, running
from services.contacts.__main__ import wire
from services.contacts.handlers import attendees, connectors, contacts, merges, timelines
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

__all__ = ["contacts_database", "world"]  # fixtures

JANE, BOB = "jane@acme.example", "bob@beta.example"


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
