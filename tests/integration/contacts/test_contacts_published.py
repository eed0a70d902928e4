"""contact.changed: whatever changes a contact publishes exactly whose, after the commit, and what changed nothing publishes nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from libs.common.events import ContactChanged, Event, Identity, InteractionReported, ProfileReported
from libs.common.ids import ContactId, UserId
from libs.common.requests import (
    AddInteraction,
    ContactFields,
    CreateContact,
    DeleteContact,
    MergeContacts,
    RotateBcc,
    UndoMerge,
    UpdateContact,
)
from services.contacts import account_purge, rechecks
from services.contacts.context import IDS_PER_EVENT, Context
from services.contacts.derivations import refresh_due_derivations
from services.contacts.handlers import connectors, contacts, merges, messages, timelines
from tests.support.contacts_rows import OTHER, of_the_other
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
    identified,
    mail,
    meeting,
    meeting_cancelled,
    removed,
    settings,
    world,
)
from tests.support.database import Database

__all__ = ["contacts_database", "world"]

JANE, BOB, CAROL, DORA, ERIK = (f"{name}@x.example" for name in ("jane", "bob", "carol", "dora", "erik"))


@dataclass
class WatchedWorld(World):
    """A world that looks at the database when something is published, as a browser does that asks because of it."""

    watcher: Any = None
    seen: list[Any] = field(default_factory=list)

    @property
    def context(self) -> Context:
        async def publish(*events: Event) -> None:
            self.published.extend(events)
            self.seen.append(await fingerprint(self.watcher))

        async def purge_dead_letters(*_: Any) -> None:
            return None

        return Context(self.pool, publish, purge_dead_letters)

    def changed(self) -> dict[UserId, set[ContactId]]:
        """Whose contacts were published as changed, since this was asked for last."""
        by_user: dict[UserId, set[ContactId]] = {}
        for event in self.published:
            assert isinstance(event, ContactChanged)
            assert event.contact_ids, "an event about nobody"
            by_user.setdefault(event.user_id, set()).update(event.contact_ids)
        self.published.clear()
        return by_user


async def fingerprint(connection: Any) -> Any:
    """What people see, in a word; scores and what is due are computed later, addresses of nobody are cleared away at the end."""
    tables = (
        "contacts",
        "addresses WHERE contact_id IS NOT NULL",
        "interactions",
        "participants",
        "cards",
        "profiles",
        "accounts",
        "merges",
    )
    return [
        await connection.fetchval(
            f"SELECT md5(string_agg((to_jsonb(t) - ARRAY['due_at', 'derive_due'])::text, '' ORDER BY 1)) FROM (SELECT * FROM {table}) t"
        )
        for table in tables
    ]


async def ids(world: World, *emails: str) -> set[ContactId]:
    return {(await world.contact(email)).id for email in emails}


Step = Callable[[World], Awaitable[object]]


def receiving(*events: Event) -> Step:
    return lambda world: world.receive(*events)


async def edit(world: World, **fields: Any) -> None:
    [jane] = await ids(world, JANE)
    command = UpdateContact(user_id=USER, contact_id=jane, fields=ContactFields(**fields))
    await contacts.update_contact(world.context, command)


async def note(world: World) -> None:
    [jane] = await ids(world, JANE)
    await timelines.add_interaction(world.context, AddInteraction(user_id=USER, contact_id=jane, text="x"))


async def rotate(world: World) -> None:
    [jane] = await ids(world, JANE)
    await contacts.rotate_bcc(world.context, RotateBcc(user_id=USER, contact_id=jane))


async def report(world: World) -> None:
    identities = (Identity(kind="email", value=JANE), Identity(kind="email", value=BOB))
    await connectors.record_report(
        world.context,
        InteractionReported(
            user_id=USER, platform="telegram", ref="1", occurred_at=NOW, direction="inbound", kind="message", identities=identities
        ),
    )  # fmt: skip


async def profile(world: World) -> None:
    identity = Identity(kind="email", value=JANE)
    bio = ProfileReported(user_id=USER, platform="twitter", identity=identity, bio="x", at=NOW)
    await connectors.record_profile(world.context, bio)


async def derive(world: World) -> None:
    await world.pool.execute("UPDATE addresses SET name = 'Janet' WHERE value = $1 AND user_id = $2", JANE, USER)
    jane = "SELECT contact_id FROM addresses WHERE value = $1 AND user_id = $2"
    await world.pool.execute(f"UPDATE contacts SET derive_due = true WHERE id = ({jane})", JANE, USER)
    await refresh_due_derivations(world.context)


# What happens, and whose contacts are published for it.
STEPS: dict[str, tuple[Step, list[str]]] = {
    "a mail from somebody": (receiving(mail("m2", BOB)), [BOB]),
    "a mail of mine to two": (receiving(mail("m3", ME, [BOB, CAROL])), [BOB, CAROL]),
    "a mail is changed": (receiving(mail("m1", JANE, name="Jane", title="new", revision=3)), [JANE]),
    "a mail goes": (receiving(removed("m3"), removed("x")), [BOB]),
    "a name is learned": (receiving(mail("m4", BOB, name="Bob", days_ago=0.5)), [BOB]),
    "a meeting": (receiving(meeting("e", [JANE, DORA])), [JANE, DORA]),
    "a meeting moves": (receiving(meeting("e", [JANE, DORA], days_ago=1, revision=2)), [JANE, DORA]),
    "a meeting is cancelled": (receiving(meeting_cancelled("e", revision=3)), [JANE]),
    "a card": (receiving(card("1", name="Jane", emails=[JANE], organization="Acme")), [JANE]),
    "a card changes": (receiving(card("1", name="Jane", emails=[JANE], revision=2)), [JANE]),
    "a card goes": (receiving(card_removed("1", revision=3)), [JANE]),
    "a report": (report, [JANE, BOB]),
    "a bio": (profile, [JANE]),
    "a note": (note, [JANE]),
    "an edit": (lambda world: edit(world, notes="x"), [JANE]),
    "another hash": (rotate, [JANE]),
    "an upgrade": (derive, [JANE]),
    "an account is purged": (
        receiving(connected(2, WORK), mail("w1", ERIK, [JANE], account=2), disconnected(2, purge=True)), [JANE],
    ),
    "an address becomes mine": (receiving(mail("m6", "alias@x.example", [JANE]), identified(ME, "alias@x.example")), [JANE]),
    "everybody becomes a contact": (receiving(mail("m7", JANE, [ME, DORA]), settings(1, contact_creation="everyone")), [JANE, DORA]),
}  # fmt: skip


@pytest.fixture
async def watched(world: World, contacts_database: Database) -> Any:
    watcher = await asyncpg.connect(contacts_database.url_for("contacts"))
    yield WatchedWorld(world.pool, watcher=watcher)
    await watcher.close()


async def test_whatever_changes_a_contact_publishes_exactly_whose_after_it_is_committed(watched: WatchedWorld) -> None:
    await watched.receive(mail("m1", JANE, name="Jane", days_ago=2), of_the_other(mail("m1", JANE)))
    watched.changed()
    for what, (step, emails) in STEPS.items():
        before = await fingerprint(watched.watcher)
        watched.seen.clear()
        await step(watched)
        assert await fingerprint(watched.watcher) != before, f"{what} changes something"
        assert watched.seen[-1] == await fingerprint(watched.watcher), f"{what}: published before its commit"
        assert before not in watched.seen, f"{what}: published before anything was committed"
        changed = watched.changed()
        assert changed.keys() == {USER}, what
        there = await watched.pool.fetch("SELECT id FROM contacts WHERE merged_into IS NULL")
        left = changed[USER] & {row["id"] for row in there}
        assert left == await ids(watched, *emails), what


async def test_what_two_contacts_become_is_published_for_both(watched: WatchedWorld) -> None:
    await watched.receive(mail("m1", JANE), mail("m2", BOB))
    [jane], [bob] = await ids(watched, JANE), await ids(watched, BOB)
    watched.changed()
    command = MergeContacts(user_id=USER, contact_id=jane, other_id=bob)
    merged = await merges.merge_contacts(watched.context, command)
    assert watched.changed() == {USER: {jane, bob}}
    await merges.undo_merge(watched.context, UndoMerge(user_id=USER, merge_id=merged.merge_id))
    assert watched.changed() == {USER: {jane, bob}}
    created = await contacts.create_contact(
        watched.context, CreateContact(user_id=USER, fields=ContactFields(name="X"))
    )
    assert watched.changed() == {USER: {created.id}}
    await contacts.delete_contact(watched.context, DeleteContact(user_id=USER, contact_id=created.id))
    assert watched.changed() == {USER: {created.id}}
    assert watched.seen[-1] == await fingerprint(watched.watcher)


async def test_what_is_known_already_publishes_nothing(world: World) -> None:
    history = [
        mail("m1", JANE),
        card("1", name="Jane", emails=[JANE]),
        meeting("e", [JANE]),
        settings(1),
        identified(ME),
    ]
    await world.receive(*history)
    world.published.clear()
    await world.receive(
        *history, removed("never seen"), card_removed("1", revision=1), meeting_cancelled("e", revision=1), connected()
    )
    assert world.published == []


async def test_one_batch_of_two_users_is_published_to_each_with_their_own(world: World) -> None:
    await messages.record_messages(world.context, [mail("m1", JANE), of_the_other(mail("m1", BOB))])
    found = {event.user_id: event.contact_ids for event in world.published if isinstance(event, ContactChanged)}
    rows = await world.pool.fetch("SELECT user_id, id FROM contacts")
    assert found == {row["user_id"]: (row["id"],) for row in rows}
    assert found.keys() == {USER, OTHER}


async def test_very_many_changes_are_published_in_events_that_can_be_sent(world: World) -> None:
    batch = [mail(f"m{n}", f"p{n}@x.example") for n in range(IDS_PER_EVENT + 2)]
    await messages.record_messages(world.context, batch)
    sizes = [len(event.contact_ids) for event in world.published if isinstance(event, ContactChanged)]
    assert sizes == [IDS_PER_EVENT, 2]
    published = {id_ for event in world.published for id_ in event.contact_ids}  # type: ignore[attr-defined]
    assert published == {row["id"] for row in await world.pool.fetch("SELECT id FROM contacts")}


async def test_each_chunk_of_large_work_publishes_its_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_purge, "OBSERVATIONS_AT_ONCE", 2)
    monkeypatch.setattr(account_purge, "CARDS_AT_ONCE", 2)
    monkeypatch.setattr(rechecks, "ADDRESSES_AT_ONCE", 2)
    kept = [mail(f"k{n}", f"p{n}@x.example") for n in range(6)]
    purged = [mail(f"w{n}", ME, [f"p{n}@x.example"], account=2) for n in range(4)]
    people = [card(f"{n}", account=2, name=f"P{n}", emails=[f"p{n}@x.example"]) for n in range(4, 6)]
    await world.receive(connected(2, WORK), *kept, *purged, *people)
    world.published.clear()
    await world.receive(disconnected(2, purge=True))
    published = {id_ for event in world.published for id_ in event.contact_ids}  # type: ignore[attr-defined]
    assert published >= await ids(world, *(f"p{n}@x.example" for n in range(6)))
