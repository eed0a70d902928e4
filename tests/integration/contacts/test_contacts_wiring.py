"""Everything that the service consumes and serves, over the bus: each subject reaches its own handler, each loop runs."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import asyncpg

from libs.common.bus import Bus
from libs.common.db import Pool
from libs.common.events import (
    AccountDisconnected,
    BccUnclaimed,
    Event,
    Identity,
    InteractionReported,
    ProfileReported,
    UserDeleted,
)
from libs.common.requests import (
    AccountStates,
    AddInteraction,
    CompareCards,
    CompareMeetings,
    CompareMessages,
    ContactFields,
    CountContacts,
    Counts,
    CreateContact,
    DeleteContact,
    DismissDuplicate,
    Done,
    ExportContacts,
    FindDuplicates,
    GetAttendees,
    GetContact,
    GetContactsOfMessage,
    GetTimeline,
    ListAccountStates,
    ListDuplicates,
    ListMerges,
    MergeContacts,
    PublishedItem,
    PublishedMessage,
    RotateBcc,
    SearchContacts,
    TimelineItem,
    TypedIdentity,
    UndoMerge,
    UnlinkIdentity,
    UpdateContact,
)
from libs.common.service import Resources, running
from services.contacts.__main__ import wire
from services.contacts.store.users import lock_free_users
from tests.conftest import ServiceSettings
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    WORK,
    account_id,
    card,
    card_removed,
    connected,
    identified,
    mail,
    meeting,
    meeting_cancelled,
    removed,
    settings,
)

JANE, BOB = "jane@acme.example", "bob@beta.example"
SECONDS = 60


async def silent(_: Resources) -> None:
    """A service that only publishes and requests."""


async def auth_with_one_account(r: Resources) -> None:
    """`auth` has an account of which `contacts` never received an event."""
    event = connected(2, WORK)
    state = {"id": event.account_id, "user_id": USER, "address": WORK, "scopes": [], "status": "active", "sequence": 1}

    async def states(query: ListAccountStates) -> AccountStates:
        return AccountStates.model_validate({"items": [state] if query.after is None else []})

    r.bus.respond(ListAccountStates, states)


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    async with asyncio.timeout(SECONDS):
        while not await condition():
            await asyncio.sleep(0.05)


class Stage:
    """The buses of those who publish to `contacts` and request of it."""

    def __init__(self, gateway: Bus, sync: Bus, auth: Bus, prep: Bus) -> None:
        self.gateway, self.sync, self.auth, self.prep = gateway, sync, auth, prep

    async def counts(self) -> Counts:
        return await self.gateway.request(CountContacts(user_id=USER))

    async def publish(self, bus: Bus, event: Event, shows: Callable[[], Awaitable[object]], expected: object) -> None:
        """And wait until it shows."""
        await bus.publish(event)

        async def is_shown() -> bool:
            return await shows() == expected

        await until(is_shown, type(event).__name__)

    async def names(self) -> list[str]:
        page = await self.gateway.request(SearchContacts(user_id=USER, sort="name", limit=200))
        return [item.name for item in page.items]

    async def count(self, what: str) -> int:
        counted: int = getattr(await self.counts(), what)
        return counted


async def consume_everything(stage: Stage) -> None:
    """Each event that the service consumes, and what it does."""
    sync, auth, gateway = stage.sync, stage.auth, stage.gateway
    names = stage.names
    messages, meetings, other = (partial(stage.count, what) for what in ("messages", "meetings", "other"))
    await stage.publish(auth, connected(), names, [])
    await stage.publish(sync, mail("m1", JANE, name="Jane"), names, ["Jane"])
    await stage.publish(sync, mail("m2", ME, ["x@x.example"], days_ago=2), messages, 2)
    await stage.publish(sync, removed("m2"), messages, 1)
    await stage.publish(sync, meeting("e", [BOB]), names, [BOB, "Jane"])
    await stage.publish(sync, meeting_cancelled("e"), names, ["Jane"])
    await stage.publish(sync, meeting("e2", [JANE]), meetings, 1)
    await stage.publish(sync, card("1", name="Carol", emails=["carol@x.example"]), names, ["Carol", "Jane"])
    await stage.publish(sync, card_removed("1"), names, ["Jane"])
    await stage.publish(sync, card("2", name="Jane Card", emails=[JANE], revision=4), names, ["Jane Card"])
    identity = Identity(kind="email", value=JANE)
    report = InteractionReported(
        user_id=USER, platform="telegram", ref="1", occurred_at=NOW, direction="inbound", kind="message", identities=(identity,)
    )  # fmt: skip
    await stage.publish(gateway, report, other, 1)
    [jane] = (await gateway.request(SearchContacts(user_id=USER))).items

    async def bios() -> dict[str, str]:
        return (await gateway.request(GetContact(user_id=USER, contact_id=jane.id))).bios

    bio = ProfileReported(user_id=USER, platform="twitter", identity=identity, bio="Founder", at=NOW)
    await stage.publish(gateway, bio, bios, {"twitter": "Founder"})
    await stage.publish(sync, mail("m3", "alias@x.example", [BOB]), names, ["alias@x.example", "Jane Card"])
    await stage.publish(sync, identified(ME, "alias@x.example"), names, [BOB, "Jane Card"])
    await stage.publish(auth, settings(1, contact_creation="none"), names, ["Jane Card"])
    await stage.publish(sync, mail("w", JANE, account=3), messages, 3)
    end = AccountDisconnected(user_id=USER, account_id=account_id(3), purge=True, at=NOW)
    await stage.publish(auth, end, messages, 2)


async def request_everything(stage: Stage) -> None:
    """Each request that the service serves."""
    gateway, sync = stage.gateway, stage.sync
    created = await gateway.request(CreateContact(user_id=USER, fields=ContactFields(name="Jane Card", emails=(BOB,))))
    assert created.name == "Jane Card"
    edit = UpdateContact(user_id=USER, contact_id=created.id, fields=ContactFields(notes="x"))
    assert (await gateway.request(edit)).notes == "x"
    rotated = await gateway.request(RotateBcc(user_id=USER, contact_id=created.id))
    assert rotated.bcc_hash != created.bcc_hash
    note = await gateway.request(AddInteraction(user_id=USER, contact_id=created.id, text="met", occurred_at=NOW))
    lines = await gateway.request(GetTimeline(user_id=USER, contact_id=created.id))
    assert (note.text, lines.items[0]) == ("met", TimelineItem(**dict(note)))
    async with asyncio.timeout(20):  # found in the background
        while not (found := (await gateway.request(FindDuplicates(user_id=USER, contact_id=created.id))).items):
            await asyncio.sleep(0.05)
    [other] = found
    [pair] = (await gateway.request(ListDuplicates(user_id=USER))).items
    assert {pair.contact.id, pair.other.id} == {created.id, other.contact.id}
    assert other.evidence == ("same name",)
    merged = await gateway.request(MergeContacts(user_id=USER, contact_id=created.id, other_id=other.contact.id))
    assert set(merged.contact.emails) == {JANE, BOB}
    [record] = (await gateway.request(ListMerges(user_id=USER, contact_id=created.id))).items
    assert (record.id, record.other_id) == (merged.merge_id, other.contact.id)
    assert (await gateway.request(UndoMerge(user_id=USER, merge_id=merged.merge_id))).emails == (BOB,)
    parting = UnlinkIdentity(user_id=USER, contact_id=created.id, kind="telegram", value="jane")
    linked = ContactFields(identities=(TypedIdentity(kind="telegram", value="@Jane"),))
    await gateway.request(UpdateContact(user_id=USER, contact_id=created.id, fields=linked))
    parted = await gateway.request(parting)
    assert [identity.value for identity in parted.identities] == ["jane"]
    assert await gateway.request(DeleteContact(user_id=USER, contact_id=parted.id)) == Done()
    stated = DismissDuplicate(user_id=USER, contact_id=created.id, other_id=other.contact.id)
    assert await gateway.request(stated) == Done()
    assert (await gateway.request(ListDuplicates(user_id=USER))).items == ()
    [guest] = (await stage.prep.request(GetAttendees(user_id=USER, addresses=(JANE,), now=NOW, last=3))).items
    assert guest.contact_id == other.contact.id
    exported = await gateway.request(ExportContacts(user_id=USER, what="contacts", limit=500))
    assert {row["id"] for row in exported.items} > {str(created.id), str(other.contact.id)}, "and an archived one"
    of: dict[str, Any] = {"user_id": USER, "account_id": account_id(1)}
    refs = await sync.request(GetContactsOfMessage(**of, gmail_id="m1"))
    assert [ref.name for ref in refs.items] == ["Jane Card"]
    compared = [
        await sync.request(CompareMessages(**of, published=(PublishedMessage(gmail_id="m1", revision=1),))),
        await sync.request(CompareMeetings(**of, published=(PublishedItem(id="calendar 1/e2", revision=1),))),
        await sync.request(CompareCards(**of, published=(PublishedItem(id="people/2", revision=4),))),
    ]
    assert [(comparison.differing, comparison.waiting) for comparison in compared] == [((), 0)] * 3
    assert await gateway.request(DeleteContact(user_id=USER, contact_id=created.id)) == Done()
    assert await stage.names() == ["Jane Card"]


async def compare_while_events_wait(stage: Stage, db: Pool) -> None:
    """Somebody else changes the user's contacts: what comes meanwhile waits, and each comparison counts its own kind."""
    of: dict[str, Any] = {"user_id": USER, "account_id": account_id(1), "published": ()}
    waiting = [mail("w1", JANE), removed("w2"), *[meeting(f"w{n}", [JANE]) for n in range(3)], meeting_cancelled("w9")]
    waiting += [card(f"w{n}", name="W") for n in range(5)]
    async with db.acquire() as connection, connection.transaction():

        async def locked() -> bool:
            return await lock_free_users(connection, [USER]) == {USER}

        async def counted() -> bool:
            compared = [
                await stage.sync.request(kind(**of)) for kind in (CompareMessages, CompareMeetings, CompareCards)
            ]
            return [comparison.waiting for comparison in compared] == [2, 4, 6]

        await until(locked, "the lock")
        await stage.sync.publish(*waiting, card_removed("w9"))
        await until(counted, "what waits")

    async def none_waits() -> bool:
        return (await stage.sync.request(CompareCards(**of))).waiting == 0

    await until(none_waits, "the rest")


async def test_every_event_and_every_request_reaches_its_handler_and_every_loop_runs(
    service_settings: ServiceSettings,
) -> None:
    offers: list[BccUnclaimed] = []

    async def listening(r: Resources) -> None:
        async def note(event: BccUnclaimed) -> None:
            offers.append(event)

        r.bus.subscribe(BccUnclaimed, note)

    database = await asyncpg.connect(service_settings("contacts").postgres_url)
    await database.execute("INSERT INTO groups_due VALUES ($1, 'email', '<of an earlier version>')", USER)
    await database.close()
    async with (
        running("gateway", service_settings("gateway"), listening) as gateway,
        running("sync", service_settings("sync"), silent) as sync,
        running("prep", service_settings("prep"), silent) as prep,
        running("auth", service_settings("auth"), auth_with_one_account) as auth,
        running("contacts", service_settings("contacts"), wire) as service,
    ):
        stage = Stage(gateway.bus, sync.bus, auth.bus, prep.bus)
        await consume_everything(stage)
        await request_everything(stage)
        [jane] = (await gateway.bus.request(SearchContacts(user_id=USER))).items
        whole = await gateway.bus.request(GetContact(user_id=USER, contact_id=jane.id))
        assert {address.address.partition("@")[2] for address in whole.bcc_addresses} == {
            "gmail.com",
            "work.example",
        }, "an account whose event was lost was found by comparing"
        await sync.bus.publish(mail("o", "office@x.example", ["y@y.example"], bcc_tags=(whole.bcc_hash,)))

        async def offered() -> bool:
            return [offer.address for offer in offers] == ["office@x.example"]

        await until(offered, "an offer")

        async def scored() -> bool:
            return bool(await service.db.fetchval("SELECT bool_and(due_at > '-infinity') FROM contacts"))

        await until(scored, "scores")

        async def derived() -> bool:
            return await service.db.fetchval("SELECT count(*) FROM groups_due") == 0

        await until(derived, "what an upgrade left")
        await compare_while_events_wait(stage, service.db)
        await auth.bus.publish(UserDeleted(user_id=USER, account_ids=(account_id(1), account_id(2))))

        async def deleted() -> bool:
            return await stage.names() == [] and (await stage.counts()).messages == 0

        await until(deleted, "the end")
