"""What is derived is the same whenever it is derived: of the last statement alone, of all before it too, and after an upgrade."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from libs.common.events import Event, Guest, MeetingIngested
from libs.common.requests import RotateBcc
from services.contacts import bcc_offers, derivations
from services.contacts.derivations import refresh_due_derivations
from services.contacts.handlers import contacts
from tests.support.contacts_rows import rows_of
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    WORK,
    World,
    card,
    connected,
    contacts_database,
    mail,
    meeting,
    settings,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, BOB, CAROL, LIST = "jane@acme.example", "bob@beta.example", "carol@gamma.example", "list@lists.example"
CROWD = [f"p{n:03}@crowd.example" for n in range(130)]


def organized(event: MeetingIngested, **changes: Any) -> MeetingIngested:
    return event.model_copy(update={"meeting": event.meeting.model_copy(update=changes)})


PLAIN = mail("m", JANE, [ME], thread_id="t1", title="One", snippet="first", days_ago=3, name="Jane", dated="a")
# Each is another mail or meeting under the same id: between any two of them each column changes.
SHAPES: dict[str, list[Event]] = {
    "mail": [
        PLAIN,
        mail("m", ME, [JANE, BOB], cc=[CAROL], thread_id="t2", title="Two", snippet="second", days_ago=2, dated="b", sent=True),
        mail("m", ME, [JANE], thread_id="t3", title="Three", snippet="third", days_ago=1, dmarc="fail"),
        mail("m", BOB, [ME, *CROWD], automated="list", via=True, title="", snippet="", name="Bob"),
        mail("m", "", [JANE], title="Five", rfc_message_id="<another@mail>"),
    ],
    "meeting": [
        organized(meeting("e", [JANE, ME], days_ago=1), organizer=Guest(address=BOB, me=True), place="Room 1"),
        organized(meeting("e", [BOB], organizer=JANE, days_ago=1), title="Other", ends_at=NOW + timedelta(days=2)),
        meeting("e", [CAROL, "room@resource.calendar.google.com"], days_ago=-5, ical_uid="other@cal"),
    ],
}  # fmt: skip


async def projected(world: World) -> list[list[Any]]:
    """Interactions and who is on them, without ids."""
    interactions = await world.pool.fetch(
        """SELECT to_jsonb(i) - ARRAY['id', 'author_id'] || jsonb_build_object('author', a.value) AS row
           FROM interactions i LEFT JOIN addresses a ON a.id = i.author_id ORDER BY 1"""
    )
    participants = await world.pool.fetch(
        """SELECT i.ref, p.occurred_at, p.role, p.name, a.kind, a.value FROM participants p
           JOIN interactions i ON i.id = p.interaction_id JOIN addresses a ON a.id = p.address_id ORDER BY 1, 2, 3, 4, 5, 6"""
    )
    sightings = await world.pool.fetch("SELECT to_jsonb(s) - 'interaction_id' AS row FROM sightings s ORDER BY 1")
    return [[tuple(row) for row in rows] for rows in (interactions, participants, sightings)]


def counted(event: Event, revision: int) -> Any:
    if isinstance(event, MeetingIngested):
        return organized(event, revision=revision)
    return event.model_copy(update={"revision": revision})


@pytest.mark.parametrize("kind", list(SHAPES))
async def test_what_changes_is_stored_as_if_it_had_never_been_otherwise(world: World, kind: str) -> None:
    bob = card("b", name="Bob", emails=[BOB])
    for number, later in enumerate(SHAPES[kind]):
        await world.clear()
        await world.receive(connected(), bob, counted(later, 9))
        alone = await projected(world)
        for earlier in {number - 1, number - 2}:
            await world.clear()
            await world.receive(connected(), bob, counted(SHAPES[kind][earlier], 8), counted(later, 9))
            assert await projected(world) == alone


async def full_history(world: World) -> None:
    await world.receive(
        connected(2, WORK),
        card("1", name="Jane Doe", emails=[JANE], phones=["+49 30 1"], organization="Acme", title="CTO"),
    )
    hash_ = (await world.contact(JANE)).bcc_hash
    await world.receive(
        PLAIN,
        mail("n", JANE, [WORK], account=2, rfc_message_id="<m@mail>", dated="a", name="Jane"),
        mail("logged", ME, [BOB], bcc_tags=(hash_,), dated="c", days_ago=4, thread_id="t9"),
        mail("forged", ME, [JANE], dmarc="fail"),
        mail("list", LIST, automated="list", via=True, thread_id="t9", name="List"),
        mail("crowd", JANE, [ME, *CROWD], days_ago=5),
        mail("nothing", JANE, title="", snippet=""),
        organized(meeting("e", [JANE, ME], days_ago=1), organizer=Guest(address=BOB, me=True), place="Room 1"),
        organized(meeting("e", [JANE, ME], days_ago=1, account=2), organizer=Guest(address=BOB)),
        settings(1, own_addresses=["alias@x.example"]),
    )  # fmt: skip


async def test_what_is_derived_anew_is_as_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derivations, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(derivations, "GROUPS_AT_ONCE", 3)
    await full_history(world)
    before = await rows_of(world)
    await world.pool.execute(
        """UPDATE contacts SET derive_due = true, name_key = 'x', words_name = 'x', words_near = 'x', words_rest = 'x', phone_keys = '{x}';
           UPDATE cards SET derive_due = true, folded = 'x', phone_keys = '{x}';
           INSERT INTO groups_due SELECT DISTINCT user_id, platform, grp FROM sightings WHERE fact IS NOT NULL"""
    )
    assert await refresh_due_derivations(world.context) > len(before["interactions"])
    after = await rows_of(world)
    for table, rows in before.items():
        if table == "contacts":  # scores are computed anew where something was written
            assert [{**row["row"], "due_at": None} for row in after[table]] == [
                {**row["row"], "due_at": None} for row in rows
            ]
        elif table != "addresses":
            assert after[table] == rows, table
    assert [row["row"]["name"] for row in after["addresses"]] == [row["row"]["name"] for row in before["addresses"]]
    assert await refresh_due_derivations(world.context) == 0


async def test_a_hash_is_retired_once_and_logs_what_was_sent_before(world: World) -> None:
    await world.receive(mail("j", JANE))
    jane = await world.contact(JANE)
    hashes = [jane.bcc_hash]
    for _ in range(2):
        rotated = await contacts.rotate_bcc(world.context, RotateBcc(user_id=USER, contact_id=jane.id))
        hashes.append(rotated.bcc_hash)
    assert len(set(hashes)) == 3
    rows = await world.pool.fetch("SELECT value, retired_at FROM addresses WHERE kind = 'bcc' ORDER BY id")
    assert [row["value"] for row in rows] == hashes
    first, second, none = [row["retired_at"] for row in rows]
    assert first < second
    assert none is None
    at_once = mail("at", ME, ["x@y.example"], bcc_tags=(hashes[0],)).model_copy(update={"occurred_at": first})
    just_before = at_once.model_copy(update={"gmail_id": "before", "occurred_at": first - timedelta(microseconds=1),
                                             "rfc_message_id": "<before@mail>", "title": "before"})  # fmt: skip
    await world.receive(at_once, just_before)
    assert [line.title for line in await world.timeline(JANE) if line.bcc_logged] == ["before"]


async def test_an_offer_that_could_not_be_published_is_published_the_next_time(world: World) -> None:
    await world.receive(mail("j", JANE))
    hash_ = (await world.contact(JANE)).bcc_hash
    await world.receive(mail("o", "office@x.example", ["x@y.example"], bcc_tags=(hash_,)))
    later = (await world.pool.fetchval("SELECT now()")) + timedelta(minutes=1)

    async def fail(*_: Event) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await bcc_offers.publish_offers(replace(world.context, publish=fail), later)
    assert await bcc_offers.publish_offers(world.context, later) == 1
