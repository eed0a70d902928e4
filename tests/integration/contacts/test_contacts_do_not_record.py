"""What the user asked not to record is gone and stays out, whatever came first and by whichever door; and can be let in again."""

from collections.abc import Awaitable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from libs.common.db import Connection
from libs.common.errors import Refused
from libs.common.events import Event, Identity, InteractionReported, ProfileReported, UserDeleted
from libs.common.ids import UserId, new_id
from libs.common.requests import (
    AddExclusion,
    AddInteraction,
    CompareCards,
    CompareMeetings,
    CompareMessages,
    Contact,
    ContactFields,
    CreateContact,
    ExcludeContact,
    Exclusion,
    GetAttendees,
    GetContactsOfMessage,
    ListExclusions,
    MergeContacts,
    PublishedItem,
    PublishedMessage,
    RemoveExclusion,
    UndoMerge,
    UpdateContact,
)
from services.contacts import exclusion_work
from services.contacts.domain.exclusions import ExclusionRules
from services.contacts.domain.observations import Observation
from services.contacts.duplicates import refresh_due_duplicates
from services.contacts.exclusion_work import work_off_exclusions
from services.contacts.handlers import attendees, audits, connectors, contacts, exclusions, merges, messages, timelines
from tests.support.contacts_world import (
    ME,
    NOW,
    USER,
    World,
    account_id,
    card,
    connected,
    contacts_database,
    disconnected,
    mail,
    meeting,
    world,
)

__all__ = ["contacts_database", "world"]

ANN, JOHN, BOB, CARL = "ann@acme.example", "john@mail.acme.example", "bob@beta.example", "carl@gamma.example"
ZOE, DORA = "zoe@zeta.example", "dora@delta.example"
TELEGRAM = Identity(kind="telegram", value="@ann")
EVERYTHING: Sequence[Event] = (
    mail("theirs", ANN, [ME, BOB], name="Ann Acme"),
    mail("mine", ME, [ANN]),
    mail("ours", ME, [ANN, BOB]),
    mail("third", BOB, [ME], cc=[ANN, JOHN], name="Bob"),
    mail("list", "news@acme.example", [ME], automated="list"),
    mail("apart", CARL, [ME], name="Carl"),
    meeting("two", [ANN, ME]),
    meeting("many", [ANN, JOHN, CARL, ME]),
    meeting("hers", [ME], organizer=ANN),
    card("ann", name="Ann Acme", emails=[ANN], phones=["+46 70 111 22 33"]),
    card("both", name="Dora", emails=["dora@acme.example", "dora@delta.example"]),
    card("bob", name="Bob Beta", emails=[BOB]),
)  # fmt: skip


async def add(world: World, value: str) -> Exclusion:
    return await exclusions.add_exclusion(world.context, AddExclusion(user_id=USER, value=value))


async def remove(world: World, exclusion_id: UUID) -> None:
    await exclusions.remove_exclusion(world.context, RemoveExclusion(user_id=USER, exclusion_id=exclusion_id))
    await work_off_exclusions(world.context)


async def report(world: World, *identities: Identity, ref: str = "chat") -> None:
    event = InteractionReported(
        user_id=USER, platform="telegram", ref=ref, occurred_at=NOW, direction="inbound", kind="message",
        identities=identities, text="hello there",
    )  # fmt: skip
    await connectors.record_report(world.context, event)


async def every_text(world: World) -> str:
    """All that the service's tables hold, but for the rules themselves."""
    tables = await world.pool.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT IN ('exclusions', 'schema_migrations')"
    )
    rows = [await world.pool.fetch(f"SELECT t::text AS row FROM {table['tablename']} t") for table in tables]
    return "\n".join(row["row"] for table in rows for row in table)


async def work_off_with_crashes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each life ends after a chunk; the next one goes on, until nothing is due."""

    async def die() -> None:
        raise ConnectionAbortedError

    with monkeypatch.context() as patched:
        patched.setattr(exclusion_work, "pause_between_chunks", die)
        for _ in range(100):
            try:
                await work_off_exclusions(world.context)
            except ConnectionAbortedError:
                continue
            break
    assert not await world.pool.fetchval("SELECT count(*) FROM exclusions WHERE applied_at IS NULL")


@pytest.mark.parametrize("at_once", [1, 1_000])
async def test_a_rule_leaves_the_same_whether_it_came_before_or_after_what_it_is_about(
    world: World, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    for name in ("CONTACTS_AT_ONCE", "CARDS_AT_ONCE", "INTERACTIONS_AT_ONCE", "ADDRESSES_AT_ONCE"):
        monkeypatch.setattr(exclusion_work, name, at_once)
    await add(world, "ACME.example")
    await world.receive(*EVERYTHING)
    await work_off_exclusions(world.context)
    before = await world.state()
    assert "acme.example" not in await every_text(world)
    assert set(before) == {"counts", BOB, CARL, "dora@delta.example"}
    assert {line[3] for line in before[BOB]["lines"]} == {"about ours", "about third"}
    assert {line[3] for line in before[CARL]["lines"]} == {"meeting many", "about apart"}

    await world.clear()
    await world.receive(connected(), *EVERYTHING)
    assert "acme.example" in await every_text(world)
    await add(world, "ACME.example")
    await work_off_with_crashes(world, monkeypatch)
    assert await world.state() == before
    assert "acme.example" not in await every_text(world)
    assert "Ann Acme" not in await every_text(world)
    [shown] = (await exclusions.list_exclusions(world.context, ListExclusions(user_id=USER))).items
    assert (shown.kind, shown.value, shown.removing, shown.left_out) == ("domain", "acme.example", False, 10)
    await world.receive(*EVERYTHING)  # what is delivered again changes nothing
    assert await world.state() == before


@pytest.mark.parametrize("stage", ["contacts", "interactions"])
async def test_a_rule_by_which_nothing_goes_ends_is_not_called_done_and_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """As after a bug by which the question what falls under a rule has two answers."""
    await world.receive(*EVERYTHING, mail("zoe", ZOE, name="Zoe"))
    await add(world, ANN)
    await add(world, ZOE)
    matching, leave_out, chunks = ExclusionRules.matching, exclusion_work.leave_out_excluded, 0

    def without_ann(rules: ExclusionRules, kind: str, value: str) -> frozenset[UUID]:
        return frozenset() if value == ANN else matching(rules, kind, value)

    async def let_in_with_ann(connection: Connection, seen: Collection[Observation]) -> list[Observation]:
        with_ann = any(who.value == ANN for found in seen if found.item for who in found.item.participants)
        return list(seen) if with_ann else await leave_out(connection, seen)

    async def count_chunk() -> None:
        nonlocal chunks
        chunks += 1
        assert chunks < 20, "it goes on for ever"

    monkeypatch.setattr(exclusion_work, "pause_between_chunks", count_chunk)
    if stage == "contacts":
        monkeypatch.setattr(ExclusionRules, "matching", without_ann)
    else:
        monkeypatch.setattr(exclusion_work, "leave_out_excluded", let_in_with_ann)
    assert await work_off_exclusions(world.context) == 1
    shown = (await exclusions.list_exclusions(world.context, ListExclusions(user_id=USER))).items
    assert {rule.value: rule.removing for rule in shown} == {ANN: True, ZOE: False}
    assert ZOE not in await every_text(world)
    monkeypatch.undo()
    assert await work_off_exclusions(world.context) == 1
    assert ANN not in await every_text(world)


async def test_the_contact_goes_at_once_and_comes_back_by_no_door(world: World) -> None:
    await world.receive(*EVERYTHING)
    await report(world, TELEGRAM, Identity(kind="email", value=ANN))
    ann = await world.contact(ANN)
    await timelines.add_interaction(world.context, AddInteraction(user_id=USER, contact_id=ann.id, text="likes tea"))
    named = await exclusions.exclude_contact(world.context, ExcludeContact(user_id=USER, contact_id=ann.id))
    assert {(rule.kind, rule.value) for rule in named.items} == {("email", ANN), ("phone", "+46701112233")}
    assert "Ann Acme" not in await world.names()
    await work_off_exclusions(world.context)
    await report(world, Identity(kind="email", value=ANN), ref="later")
    await report(world, Identity(kind="phone", value="+46 (70) 111 22 33"), ref="call")
    await connectors.record_profile(
        world.context,
        ProfileReported(
            user_id=USER, platform="telegram", identity=Identity(kind="email", value=ANN), bio="tea", at=NOW
        ),
    )
    hash_ = ann.bcc_hash
    await world.receive(
        mail("again", ANN, [ME]),
        mail("logged", ME, [ANN], bcc=[f"me+{hash_}@gmail.com"], bcc_tags=(hash_,)),
        mail("theirs", ANN, [ME, BOB], revision=5),
        meeting("new", [ANN, ME]),
        card("ann", name="Ann Acme", emails=[ANN], revision=9),
    )
    for refused in (
        contacts.create_contact(
            world.context, CreateContact(user_id=USER, fields=ContactFields(emails=(f"Ann+x <{ANN}>", ANN)))
        ),
        contacts.update_contact(
            world.context,
            UpdateContact(user_id=USER, contact_id=(await world.contact(BOB)).id, fields=ContactFields(emails=(ANN,))),
        ),
    ):
        with pytest.raises(Refused) as caught:
            await refused
        assert caught.value.code in ("not_recorded", "invalid_address")
    text = await every_text(world)
    for trace in (
        ANN,
        "Ann Acme",
        "likes tea",
        "about theirs",
        "about mine",
        "about logged",
        "meeting two",
        "hello there",
    ):
        assert trace not in text


async def test_other_addresses_keep_the_contact_and_undoing_a_merge_brings_nobody_back(world: World) -> None:
    await world.receive(mail("1", ANN, [ME], name="Ann Acme"), mail("2", BOB, [ME], name="Bob"), mail("3", ME, [BOB]))
    bob, ann = await world.contact(BOB), await world.contact(ANN)
    merged = await merges.merge_contacts(world.context, MergeContacts(user_id=USER, contact_id=bob.id, other_id=ann.id))
    await add(world, ANN)
    await work_off_exclusions(world.context)
    kept = await world.contact(BOB)
    assert (kept.id, kept.emails, kept.interactions) == (bob.id, (BOB,), 2)
    with pytest.raises(Refused, match="not_found"):
        await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merged.merge_id))
    assert await world.names() == ["Bob"]
    assert ANN not in await every_text(world)


async def test_a_merge_below_another_has_nothing_left_of_whom_is_not_recorded(world: World) -> None:
    await world.receive(
        mail("1", ANN, [ME], name="Ann Acme"), mail("2", BOB, [ME], name="Bob"), mail("3", CARL, [ME], name="Carl Gamma"),
        mail("4", ZOE, [ME], name="Zoe"), card("9", name="Carl Gamma", emails=[CARL], organization="Carl & Sons", phones=["070 111 22 34"]),
    )  # fmt: skip
    await world.receive(mail("5", DORA, [ME], name="Dora"))
    ann, bob, carl, zoe, dora = [await world.contact(address) for address in (ANN, BOB, CARL, ZOE, DORA)]

    async def merge(survivor: Contact, other: Contact) -> UUID:
        command = MergeContacts(user_id=USER, contact_id=survivor.id, other_id=other.id)
        merge_id = (await merges.merge_contacts(world.context, command)).merge_id
        await refresh_due_duplicates(world.context)
        return merge_id

    below = await merge(bob, carl)
    beside = await merge(bob, zoe)
    above, third = await merge(ann, bob), await merge(ann, dora)
    assert "Carl & Sons" in await every_text(world)
    await add(world, CARL)
    await work_off_exclusions(world.context)
    await refresh_due_duplicates(world.context)
    assert "carl" not in (await every_text(world)).lower()
    for merge_id in (above, third, beside):
        await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merge_id))
    with pytest.raises(Refused, match="not_found"):
        await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=below))
    assert sorted(await world.names()) == ["Ann Acme", "Bob", "Dora", "Zoe"]
    assert [(await world.contact(address)).interactions for address in (ANN, BOB, DORA, ZOE)] == [1, 1, 1, 1]


async def test_what_was_left_out_is_no_difference_for_the_audits_and_is_one_when_the_rule_is_taken_back(
    world: World,
) -> None:
    await world.receive(*EVERYTHING)
    rule, again = await add(world, "acme.example"), await add(world, ANN)
    await work_off_exclusions(world.context)
    of = {"user_id": USER, "account_id": account_id(1)}
    sent = tuple(
        PublishedMessage(gmail_id=id_, revision=1) for id_ in ("theirs", "mine", "ours", "third", "list", "apart")
    )
    meetings = tuple(PublishedItem(id=f"calendar 1/{id_}", revision=1) for id_ in ("two", "many", "hers"))
    cards = tuple(PublishedItem(id=f"people/{id_}", revision=1) for id_ in ("ann", "both", "bob"))

    async def none_waiting() -> int:
        return 0

    async def differing() -> set[str]:
        mails = await audits.compare_messages(world.context, none_waiting, CompareMessages(**of, published=sent))
        found = {held.gmail_id for held in mails.differing}
        for compare, query in (
            (audits.compare_meetings, CompareMeetings(**of, published=meetings)),
            (audits.compare_cards, CompareCards(**of, published=cards)),
        ):
            found |= {held.id for held in (await compare(world.context, none_waiting, query)).differing}  # type: ignore[operator]
        return found

    assert await differing() == set()
    compared = await audits.compare_messages(world.context, none_waiting, CompareMessages(**of, published=sent))
    assert compared.left_out == 3
    why = await messages.get_contacts_of_message(world.context, GetContactsOfMessage(**of, gmail_id="theirs"))
    assert (why.items, why.left_out_by) == ((), "acme.example")
    await remove(world, again.id)
    assert await differing() == set(), "the domain's rule still leaves them out"
    await remove(world, rule.id)
    left_out = {"theirs", "mine", "list", "ours", "third"}
    assert await differing() == left_out | {f"calendar 1/{id_}" for id_ in ("two", "many", "hers")} | {
        "people/ann",
        "people/both",
    }
    # Published again, everything is as if there had never been a rule.
    await world.receive(*EVERYTHING)
    healed = await world.state()
    await world.clear()
    await world.receive(connected(), *EVERYTHING)
    assert healed == await world.state()


async def test_a_rule_that_is_taken_back_while_it_is_worked_off_removes_nothing_more_and_bars_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.receive(*EVERYTHING)
    rule = await add(world, "acme.example")
    chunks = 0

    async def take_back() -> None:
        nonlocal chunks
        chunks += 1
        taken_back = RemoveExclusion(user_id=USER, exclusion_id=rule.id)
        await exclusions.remove_exclusion(world.context, taken_back)

    def count(what: str) -> Awaitable[Any]:
        return world.pool.fetchval(f"SELECT count(*) FROM {what}")

    before = [await count(what) for what in ("interactions", "cards WHERE emails <> '{}'", "addresses")]
    barred = await count("addresses WHERE barred")
    with monkeypatch.context() as patched:
        patched.setattr(exclusion_work, "CONTACTS_AT_ONCE", 1)
        patched.setattr(exclusion_work, "pause_between_chunks", take_back)
        await work_off_exclusions(world.context)
    assert chunks == 1, "the rest is left as it is"
    assert [await count(what) for what in ("interactions", "cards WHERE emails <> '{}'", "addresses")] == before
    assert await count("exclusions WHERE ended_at IS NOT NULL AND applied_at IS NULL") == 1
    assert await count("addresses WHERE barred") > barred
    await work_off_exclusions(world.context)
    assert (await count("exclusions"), await count("addresses WHERE barred")) == (0, barred)
    await world.receive(mail("fresh", ME, [ANN]))
    assert ANN in (await world.contact(ANN)).emails


async def test_the_question_to_another_user_about_the_same_address_stays(world: World) -> None:
    await world.receive(*EVERYTHING)
    other = UserId(new_id())
    await world.pool.executemany(
        """INSERT INTO bcc_offers (user_id, address, name, account_id, contact_id, at)
           VALUES ($1, $2, '', gen_random_uuid(), gen_random_uuid(), now())""",
        [(USER, ANN), (other, ANN)],
    )
    await add(world, ANN)
    await work_off_exclusions(world.context)
    assert [row["user_id"] for row in await world.pool.fetch("SELECT user_id FROM bcc_offers")] == [other]


async def test_a_brief_knows_that_a_guest_is_not_recorded_and_nothing_else_of_them(world: World) -> None:
    await world.receive(*EVERYTHING)
    await add(world, ANN)
    await work_off_exclusions(world.context)
    query = GetAttendees(user_id=USER, addresses=(ANN, BOB), now=datetime.now(UTC))
    ann, bob = (await attendees.get_attendees(world.context, query)).items
    assert (ann.contact_id, ann.name, ann.last, ann.not_recorded) == (None, "", (), True)
    assert bob.contact_id is not None
    assert not bob.not_recorded


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("gmail.com", "public_domain"),
        ("nonsense", "invalid_address"),
        (ME, "own_address"),
        ("me+x@googlemail.com", "own_address"),
    ],
)
async def test_a_rule_about_half_the_world_or_myself_is_refused(world: World, value: str, code: str) -> None:
    if code == "invalid_address":
        value = "non sense"
    with pytest.raises(Refused) as refused:
        await add(world, value)
    assert refused.value.code == code


async def test_a_rule_is_there_once_and_goes_with_the_user_and_its_marks_with_their_account(world: World) -> None:
    await world.receive(*EVERYTHING)
    assert (await add(world, ANN)).id == (await add(world, f"  {ANN.upper()} ")).id
    await work_off_exclusions(world.context)
    await world.receive(disconnected(1, purge=True))
    assert await world.pool.fetchval("SELECT count(*) FROM left_out") == 0
    assert await world.pool.fetchval("SELECT count(*) FROM exclusions") == 1
    await world.receive(UserDeleted(user_id=USER, account_ids=()))
    assert await world.pool.fetchval("SELECT count(*) FROM exclusions") == 0
