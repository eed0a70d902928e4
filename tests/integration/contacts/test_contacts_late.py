"""Nothing twice: of two statements about one thing the later counts, whichever comes first, and the same one again changes nothing."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.errors import Refused
from libs.common.events import Event, Identity, InteractionReported, ProfileReported
from libs.common.ids import UserId, new_id
from libs.common.requests import AddInteraction, ContactFields, CreateContact, GetContact
from services.contacts import bcc_offers
from services.contacts.handlers import accounts, cards, connectors, contacts, meetings, messages, timelines
from services.contacts.store import users
from services.contacts.store.accounts import replace_sequence
from tests.support.contacts_rows import rows_of
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
    identified,
    mail,
    meeting,
    meeting_cancelled,
    removed,
    settings,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, BOB = "jane@acme.example", "bob@beta.example"


async def what_is_shown(world: World) -> dict[str, Any]:
    own = await world.pool.fetch("SELECT source, address FROM own_addresses ORDER BY 1, 2")
    accounts = await world.pool.fetch("SELECT address, connected, sequence FROM accounts ORDER BY id")
    rules = await world.pool.fetch("SELECT contact_creation, settings_version FROM users")
    held = await world.pool.fetch("SELECT ref, revision, fact IS NULL FROM sightings ORDER BY 1")
    on_cards = await world.pool.fetch(
        "SELECT resource_name, revision, CASE WHEN live THEN name END FROM cards ORDER BY 1"
    )
    tables = {"own": own, "accounts": accounts, "rules": rules, "held": held, "cards": on_cards}
    return {**await world.state(), **{name: [tuple(row) for row in rows] for name, rows in tables.items()}}


# The earlier statement and the later one. Equal counts: the first that comes stays.
PAIRS: dict[str, tuple[Event, Event]] = {
    "mail": (mail("m", JANE, title="old"), mail("m", JANE, [ME, BOB], title="new", revision=2)),
    "mail removed": (mail("m", JANE), removed("m", revision=2)),
    "mail restored": (removed("m", revision=2), mail("m", JANE, revision=3)),
    "meeting": (meeting("e", [JANE]), meeting("e", [BOB], revision=2, days_ago=1)),
    "meeting cancelled": (meeting("e", [JANE]), meeting_cancelled("e", revision=2)),
    "meeting back": (meeting_cancelled("e", revision=2), meeting("e", [JANE], revision=3)),
    "card": (card("1", name="Old", emails=[JANE]), card("1", name="New", emails=[BOB], revision=2)),
    "card removed": (card("1", name="Old", emails=[JANE]), card_removed("1", revision=2)),
    "card back": (card_removed("1", revision=2), card("1", name="New", emails=[JANE], revision=3)),
    "rule": (settings(1, contact_creation="none"), settings(2, contact_creation="everyone")),
    "own addresses": (settings(1, own_addresses=[JANE]), settings(2, own_addresses=[BOB])),
    "aliases counted": (
        identified(JANE, at=NOW + timedelta(1)).model_copy(update={"revision": 1}),
        identified(BOB, at=NOW).model_copy(update={"revision": 2}),
    ),
    "aliases by time": (identified(JANE, at=NOW), identified(BOB, at=NOW + timedelta(seconds=1))),
    "account counted": (
        disconnected(2, purge=False, at=NOW + timedelta(1)).model_copy(update={"sequence": 1}),
        connected(2, WORK, at=NOW).model_copy(update={"sequence": 2}),
    ),
    "account ended, counted": (
        connected(2, WORK, at=NOW + timedelta(1)).model_copy(update={"sequence": 1}),
        disconnected(2, purge=False, at=NOW).model_copy(update={"sequence": 2}),
    ),
    "account by time": (connected(2, WORK, at=NOW), disconnected(2, purge=False, at=NOW + timedelta(seconds=1))),
}
HISTORY: Sequence[Event] = [mail("h1", JANE, [ME, "x@x.example"], name="Jane"), mail("h2", ME, [BOB]), mail("h3", BOB)]


async def test_of_two_statements_the_later_one_counts_whichever_comes_first(world: World) -> None:
    for what, (earlier, later) in PAIRS.items():
        ends = []
        for order in ([earlier, later], [later, earlier]):
            await world.clear()
            await world.receive(connected(), *HISTORY, *order)
            ends.append(await what_is_shown(world))
        if what in ("account ended, counted", "account by time"):  # whose address it was is kept where it was known
            for end in ends:
                end["accounts"] = [row[1:] for row in end["accounts"]]
                end["own"] = []
        assert ends[0] == ends[1], what


# The same count with other content: what was applied stays.
AGAIN: dict[str, tuple[Event, Event]] = {
    "mail": (mail("m", JANE, title="first"), mail("m", JANE, title="second")),
    "mail removed": (mail("m", JANE), removed("m", revision=1)),
    "mail stays removed": (removed("m", revision=2), mail("m", JANE, revision=2)),
    "meeting": (meeting("e", [JANE]), meeting("e", [BOB])),
    "meeting cancelled": (meeting("e", [JANE]), meeting_cancelled("e", revision=1)),
    "card": (card("1", name="First", emails=[JANE]), card("1", name="Second", emails=[JANE])),
    "card removed": (card("1", name="First", emails=[JANE]), card_removed("1", revision=1)),
    "rule": (settings(1, contact_creation="none"), settings(1, contact_creation="everyone")),
    "own addresses": (settings(1, own_addresses=[JANE]), settings(1, own_addresses=[BOB])),
    "account": (
        connected(2, WORK).model_copy(update={"sequence": 4}),
        disconnected(2, purge=False, at=NOW + timedelta(1)).model_copy(update={"sequence": 4}),
    ),
}


async def test_a_statement_that_is_not_later_than_what_was_applied_changes_no_row(world: World) -> None:
    for what, (first, second) in AGAIN.items():
        await world.clear()
        await world.receive(connected(), *HISTORY, first)
        before = await rows_of(world)
        await world.receive(first)
        assert await rows_of(world) == before, f"{what} again"
        await world.receive(second)
        assert await rows_of(world) == before, what


async def test_of_one_batch_the_latest_of_each_thing_counts(world: World) -> None:
    await messages.record_messages(
        world.context, [mail("m", JANE, title="new", revision=3), mail("m", JANE, title="old", revision=2)]
    )
    assert [line.title for line in await world.timeline(JANE)] == ["new"]
    await meetings.record_meetings(world.context, [meeting("e", [BOB], revision=2), meeting("e", [JANE], revision=1)])
    assert [line.title for line in await world.timeline(BOB)] == ["meeting e"]
    await cards.import_cards(
        world.context,
        [card("1", name="New", emails=[JANE], revision=2), card("1", name="Old", emails=[JANE], revision=1)],
    )
    assert (await world.contact(JANE)).name == "New"


async def test_a_mail_that_is_removed_and_found_again_is_one_line_with_everything_that_hung_on_it(world: World) -> None:
    await world.receive(
        mail("m", JANE, name="Jane"),
        mail("l", BOB, automated="list", thread_id="t"),
        mail("a", ME, [BOB], thread_id="t"),
    )
    before = await world.state()
    await world.receive(removed("m", revision=2), removed("a", revision=2), removed("m", revision=2))
    assert await world.emails() == set()
    await world.receive(mail("m", JANE, name="Jane", revision=3), mail("a", ME, [BOB], thread_id="t", revision=3))
    assert await world.state() == before


async def test_the_newest_bio_of_an_address_stays_and_that_of_a_contact_is_the_newest_of_its_addresses(
    world: World,
) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE, BOB]))

    async def read(email: str, platform: str, bio: str, hours: int) -> dict[str, str]:
        identity = Identity(kind="email", value=email)
        at = NOW + timedelta(hours=hours)
        event = ProfileReported(user_id=USER, platform=platform, identity=identity, bio=bio, at=at)
        await connectors.record_profile(world.context, event)
        return (await world.contact(JANE)).bios

    assert await read(JANE, "twitter", "two", 2) == {"twitter": "two"}
    assert await read(JANE, "twitter", "one", 1) == {"twitter": "two"}, "read earlier"
    assert await read(JANE, "twitter", "two, corrected", 2) == {"twitter": "two, corrected"}
    assert await read(BOB, "twitter", "one", 1) == {"twitter": "two, corrected"}
    assert await read(BOB, "twitter", "three", 3) == {"twitter": "three"}
    assert await read(BOB, "linkedin", "CTO", 0) == {"twitter": "three", "linkedin": "CTO"}
    assert await world.pool.fetchval("SELECT count(*) FROM profiles") == 3


async def test_a_report_again_replaces_what_was_reported_and_one_of_another_reference_does_not(world: World) -> None:
    await world.receive(card("1", name="Jane", emails=[JANE]))

    async def report(ref: str, text: str, platform: str = "telegram") -> list[str]:
        event = InteractionReported(
            user_id=USER, platform=platform, ref=ref, occurred_at=NOW, direction="inbound", kind="message",
            identities=(Identity(kind="email", value=JANE),), text=text,
        )  # fmt: skip
        await connectors.record_report(world.context, event)
        return sorted(line.text for line in await world.timeline(JANE))

    assert await report("1", "one") == ["one"]
    assert await report("1", "one!") == ["one!"]
    assert await report("1", "one?") == ["one?"]
    assert await report("2", "two") == ["one?", "two"]
    assert await report("1", "three", "linkedin") == ["one?", "three", "two"]


async def test_a_note_with_a_reference_is_replaced_and_the_same_note_of_a_moment_is_one(world: World) -> None:
    await world.receive(mail("m", JANE))
    jane = (await world.contact(JANE)).id

    async def write(text: str, **more: Any) -> int:
        command = AddInteraction(user_id=USER, contact_id=jane, text=text, **more)
        assert (await timelines.add_interaction(world.context, command)).text == text
        return len(await world.timeline(JANE, platform="note"))

    assert await write("met", ref="1") == 1
    assert await write("met in Rome", ref="1") == 1
    assert await write("met", occurred_at=NOW) == 2
    assert await write("met", occurred_at=NOW) == 2
    assert await write("met", occurred_at=NOW.replace(tzinfo=None)) == 2, "a moment without a zone is one of UTC"
    assert await write("met", occurred_at=NOW + timedelta(seconds=1)) == 3
    assert await write("met again", occurred_at=NOW) == 4


async def test_a_mark_of_a_purge_moves_only_forward_and_holds_for_every_door(world: World) -> None:
    async with world.context.transaction() as connection:
        for days in (2, 1):
            await users.upsert_purged(connection, [account_id(2)], NOW + timedelta(days))
        assert await connection.fetchval("SELECT at FROM purged") == NOW + timedelta(2)
    before = await rows_of(world)
    await world.receive(
        mail("m", JANE, account=2), removed("m", account=2), meeting("e", [JANE], account=2), meeting_cancelled("e", account=2),
        card("1", account=2, name="Jane"), card_removed("1", account=2), connected(2, WORK), identified(WORK, number=2),
    )  # fmt: skip
    assert await rows_of(world) == before
    async with world.context.transaction() as connection:
        await users.upsert_purged(connection, [USER], NOW)
    await world.receive(
        mail("m", JANE), meeting("e", [JANE]), card("1", name="J"), card_removed("2"), settings(9), identified(BOB)
    )
    await world.receive(connected(3, BOB), disconnected(4, purge=False), disconnected(5, purge=True))
    identity = Identity(kind="email", value=JANE)
    await connectors.record_profile(
        world.context, ProfileReported(user_id=USER, platform="twitter", identity=identity, bio="x", at=NOW)
    )
    assert await rows_of(world) == before
    with pytest.raises(Refused, match="user") as refused:
        await contacts.create_contact(world.context, CreateContact(user_id=USER, fields=ContactFields(name="X")))
    assert refused.value.status == 404
    assert await rows_of(world) == before


async def test_a_sequence_is_replaced_only_where_nothing_was_applied_meanwhile(world: World) -> None:
    await world.receive(connected(2, WORK).model_copy(update={"sequence": 7}))
    async with world.context.transaction() as connection:
        await replace_sequence(connection, account_id(2), 6, 1)
        assert await connection.fetchval("SELECT sequence FROM accounts WHERE id = $1", account_id(2)) == 7
        await replace_sequence(connection, account_id(2), 7, 3)
        rows = await connection.fetch("SELECT sequence FROM accounts ORDER BY 1")
        assert [row["sequence"] for row in rows] == [0, 3], "that of the other account is as it was"


async def test_two_replicas_that_create_merge_and_import_at_once_do_it_once(world: World) -> None:
    people = [card(f"{n}", name=f"Pat {n}", emails=[f"p{n}@x.example"]) for n in range(20)]
    mails = [mail(f"m{n}", f"p{n}@x.example") for n in range(20)]
    meets = [meeting(f"e{n}", [f"p{n}@x.example"]) for n in range(20)]
    await asyncio.gather(
        *(cards.import_cards(world.context, part) for part in (people, people[::-1])),
        *(messages.record_messages(world.context, part) for part in (mails, mails[::-1])),
        *(meetings.record_meetings(world.context, part) for part in (meets, meets[::-1])),
        *(accounts.connect_account(world.context, connected(2, WORK)) for _ in range(3)),
    )
    counted = await world.counts()
    assert (counted.contacts, counted.messages, counted.meetings, counted.imported) == (20, 20, 20, 20)
    assert await world.names() == sorted(f"Pat {n}" for n in range(20))
    on_mail = "SELECT count(*) FROM participants JOIN interactions i ON i.id = interaction_id WHERE platform = 'email'"
    assert await world.pool.fetchval(on_mail) == 40


async def test_an_offer_is_published_once_by_two_replicas_that_come_one_after_the_other(world: World) -> None:
    await world.receive(mail("m", JANE))
    hashed = (await world.contact(JANE)).bcc_hash
    for n, sender in enumerate(("b@x.example", "a@x.example", "c@x.example")):
        await world.receive(mail(f"o{n}", sender, ["x@y.example"], bcc_tags=(hashed,)))
    world.published.clear()
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert await bcc_offers.publish_offers(world.context, later) == 3
    addresses = [event.address for event in world.published]  # type: ignore[attr-defined]
    assert addresses == ["b@x.example", "a@x.example", "c@x.example"], "oldest first"
    assert await bcc_offers.publish_offers(world.context, later) == 0
    marked = await world.pool.fetch("SELECT told_at FROM bcc_offers")
    assert {row["told_at"] for row in marked} == {later}


async def test_after_a_day_more_strangers_may_be_asked_about(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bcc_offers, "MAX_OFFERS", 2)
    await world.receive(mail("m", JANE))
    hashed = (await world.contact(JANE)).bcc_hash

    async def offers_after(mails: int, first: int) -> int:
        events = [
            mail(f"o{n}", f"s{n}@x.example", ["x@y.example"], bcc_tags=(hashed,)) for n in range(first, first + mails)
        ]
        await messages.record_messages(world.context, events)
        return int(await world.pool.fetchval("SELECT count(*) FROM bcc_offers"))

    assert await offers_after(3, 0) == 2
    assert await offers_after(3, 3) == 2
    await world.pool.execute("UPDATE bcc_offers SET at = at - interval '24 hours 1 second'")
    assert await offers_after(1, 6) == 3
    assert await offers_after(3, 7) == 4


async def test_the_id_of_a_contact_that_went_into_another_leads_there_however_often_that_happened(world: World) -> None:
    await world.receive(*[mail(f"m{n}", f"p{n}@x.example") for n in range(3)])
    ids = [(await world.contact(f"p{n}@x.example")).id for n in range(3)]
    await world.receive(card("1", emails=["p1@x.example", "p2@x.example"]))
    await world.receive(card("2", emails=["p0@x.example", "p1@x.example"]))
    survivors = {
        (await contacts.get_contact(world.context, GetContact(user_id=USER, contact_id=id_))).id for id_ in ids
    }
    assert survivors == {min(ids)}


async def test_the_locks_of_two_users_are_two_and_that_of_one_is_one(world: World) -> None:
    first, second = UserId(new_id()), UserId(new_id())
    async with world.context.locked(first) as connection, world.context.transaction() as another:
        assert await users.lock_free_users(another, [first, second]) == {second}
        assert await users.lock_free_users(connection, [first]) == {first}
