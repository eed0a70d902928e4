"""BCC logging: what is logged to whom, under which hash, and whom the user is asked about."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.events import BccUnclaimed, MessageIngested, UserDeleted
from libs.common.requests import Contact, DeleteContact, MergeContacts, RotateBcc, UndoMerge
from services.contacts import bcc_offers
from services.contacts.handlers import contacts, merges, messages
from tests.support.contacts_world import (
    ME,
    USER,
    WORK,
    World,
    account_id,
    card,
    connected,
    contacts_database,
    disconnected,
    identified,
    mail,
    removed,
    settings,
    world,
)

__all__ = ["contacts_database", "world"]

JANE, BOB, OFFICE, STRANGER = "jane@acme.example", "bob@beta.example", "maya@office.example", "x@y.example"


def logged(gmail_id: str, contact: Contact | str, sender: str = ME, **more: Any) -> MessageIngested:
    """A mail to a stranger that carries a contact's hash."""
    hash_ = contact if isinstance(contact, str) else contact.bcc_hash
    return mail(gmail_id, sender, [STRANGER], **{"bcc_tags": (hash_,), "days_ago": 0.5, **more})


async def offered(world: World, later: timedelta = timedelta(minutes=1)) -> list[BccUnclaimed]:
    """What is offered by then; each once."""
    before = len(world.published)
    await bcc_offers.publish_offers(world.context, datetime.now(UTC) + later)
    return [event for event in world.published[before:] if isinstance(event, BccUnclaimed)]


async def lines(world: World, email: str) -> list[tuple[str, str | None, bool]]:
    return [(line.title, line.direction, line.bcc_logged) for line in await world.timeline(email)]


async def known(world: World, *emails: str) -> list[Contact]:
    """Contacts, each made by a mail of theirs."""
    await world.receive(*[mail(f"from {email}", email, days_ago=9) for email in emails])
    return [await world.contact(email) for email in emails]


async def test_a_stranger_with_a_known_hash_is_asked_about_once_and_logs_nothing(world: World) -> None:
    [jane] = await known(world, JANE)
    first = logged("m1", jane, OFFICE, name="Maya at work")
    await world.receive(first, first, logged("m2", jane, OFFICE.upper()))
    [offer] = await offered(world)
    assert (offer.user_id, offer.account_id, offer.contact_id) == (USER, account_id(1), jane.id)
    assert (offer.address, offer.name) == (OFFICE, "Maya at work")
    assert await offered(world) == []
    await world.receive(logged("m3", jane, OFFICE))
    assert await offered(world) == []
    assert len(await lines(world, JANE)) == 1


async def test_every_address_and_every_user_is_asked_about_for_itself(world: World) -> None:
    [jane] = await known(world, JANE)
    await world.receive(logged("m1", jane, OFFICE), logged("m2", jane, "maya@club.example"))
    assert {offer.address for offer in await offered(world)} == {OFFICE, "maya@club.example"}


async def test_an_address_that_is_accepted_logs_its_mail_of_before_and_of_after(world: World) -> None:
    [jane] = await known(world, JANE)
    await world.receive(logged("m1", jane, OFFICE, days_ago=3), logged("m2", jane, OFFICE, days_ago=2))
    assert frozenset({OFFICE}) in await world.emails(), "until then it is somebody who wrote to me"
    await world.receive(settings(1, own_addresses=[OFFICE]), logged("m3", jane, OFFICE, days_ago=1))
    assert await lines(world, JANE) == [
        ("about m3", "outbound", True),
        ("about m2", "outbound", True),
        ("about m1", "outbound", True),
        ("about from jane@acme.example", "inbound", False),
    ]
    assert await world.emails() == {frozenset({JANE})}, "neither I nor the stranger is a contact"
    await world.receive(settings(2))
    assert len(await lines(world, JANE)) == 1, "an address taken off again logs nothing"


@pytest.mark.parametrize(
    ("sender", "more"),
    [
        (OFFICE, {"dmarc": "fail"}),
        (ME, {"dmarc": "fail"}),
        (OFFICE, {"bcc_tags": ("zzzzzzzzzz",)}),
        (OFFICE, {"bcc_tags": ("newsletter",)}),
        ("no-reply@office.example", {}),
        (OFFICE, {"automated": "auto_submitted"}),
        (OFFICE, {"automated": "list"}),
        (OFFICE, {"via": True}),
        (JANE, {}),  # she knows the address: it was in a To that she answers
        ("", {}),
    ],
)
async def test_who_is_nobody_to_ask_about_neither_logs_nor_is_asked_about(
    world: World, sender: str, more: dict[str, Any]
) -> None:
    [jane] = await known(world, JANE)
    before = await lines(world, JANE)
    await world.receive(logged("m1", jane, sender, **more))
    assert await offered(world) == []
    assert [line for line in await lines(world, JANE) if line[2]] == []
    assert len(await lines(world, JANE)) == len(before) + (sender == JANE)


async def test_an_address_that_becomes_mine_in_the_same_breath_raises_no_question(world: World) -> None:
    [jane] = await known(world, JANE)
    await world.receive(logged("m1", jane, OFFICE), identified(ME, OFFICE))
    assert await offered(world) == []
    assert len(await lines(world, JANE)) == 2


async def test_nothing_is_asked_before_the_dust_has_settled(world: World) -> None:
    [jane] = await known(world, JANE)
    await world.receive(logged("m1", jane, OFFICE))
    assert await offered(world, later=-bcc_offers.SETTLING_TIME) == []
    assert len(await offered(world)) == 1


async def test_who_learns_a_hash_can_ask_no_more_than_a_few_questions_a_day(world: World) -> None:
    [jane] = await known(world, JANE)
    flood = [logged(f"m{n}", jane, f"spammer{n}@evil.example") for n in range(30)]
    await messages.record_messages(world.context, flood[:25])
    await world.receive(*flood[25:])
    assert len(await offered(world)) == bcc_offers.MAX_OFFERS


async def test_a_contact_that_is_deleted_meanwhile_is_not_asked_about(world: World) -> None:
    [jane] = await known(world, JANE)
    await world.receive(logged("m1", jane, OFFICE))
    await contacts.delete_contact(world.context, DeleteContact(user_id=USER, contact_id=jane.id))
    assert await offered(world) == []
    await world.receive(logged("m2", jane, OFFICE))
    assert await offered(world) == [], "its hash is unknown by now"


async def rotated(world: World, contact: Contact) -> Contact:
    return await contacts.rotate_bcc(world.context, RotateBcc(user_id=USER, contact_id=contact.id))


async def test_a_rotated_hash_logs_and_asks_about_no_later_mail_and_keeps_the_earlier(world: World) -> None:
    [jane] = await known(world, JANE)
    early: dict[str, Any] = {"days_ago": 3}
    late: dict[str, Any] = {"days_ago": -30_000}
    await world.receive(logged("m1", jane, **early))
    new = await rotated(world, jane)
    assert new.bcc_hash != jane.bcc_hash
    await world.receive(logged("m2", jane, **late), logged("m3", jane, OFFICE, **late), logged("m4", new, **late))
    assert {line[0] for line in await lines(world, JANE) if line[2]} == {"about m1", "about m4"}
    await world.receive(logged("m1", jane, revision=2, **early), logged("m5", jane, **early))
    assert {line[0] for line in await lines(world, JANE) if line[2]} == {"about m1", "about m4", "about m5"}
    assert await offered(world) == []


async def merged(world: World, survivor: Contact, other: Contact) -> Any:
    command = MergeContacts(user_id=USER, contact_id=survivor.id, other_id=other.id)
    return (await merges.merge_contacts(world.context, command)).merge_id


async def test_both_hashes_lead_to_the_merged_contact_and_apart_again_when_the_merge_is_undone(world: World) -> None:
    jane, bob = await known(world, JANE, BOB)
    await world.receive(logged("m1", jane), logged("m2", bob))
    merge_id = await merged(world, jane, bob)
    await world.receive(logged("m3", jane), logged("m4", bob), logged("m5", bob, OFFICE))
    assert {line[0] for line in await lines(world, JANE) if line[2]} == {f"about m{n}" for n in (1, 2, 3, 4)}
    assert [offer.contact_id for offer in await offered(world)] == [jane.id]
    await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merge_id))
    await world.receive(logged("m6", jane), logged("m7", bob))
    assert {line[0] for line in await lines(world, JANE) if line[2]} == {"about m1", "about m3", "about m6"}
    assert {line[0] for line in await lines(world, BOB) if line[2]} == {"about m2", "about m4", "about m7"}


async def test_contacts_that_a_card_makes_one_keep_both_hashes(world: World) -> None:
    jane, bob = await known(world, JANE, BOB)
    await world.receive(card("1", name="Jane", emails=[JANE, BOB]), logged("m1", jane), logged("m2", bob))
    assert {line[0] for line in await lines(world, JANE) if line[2]} == {"about m1", "about m2"}


async def test_an_undone_merge_leaves_each_with_an_address_that_logs(world: World) -> None:
    jane, bob = await known(world, JANE, BOB)
    merge_id = await merged(world, jane, bob)
    await rotated(world, jane)
    await merges.undo_merge(world.context, UndoMerge(user_id=USER, merge_id=merge_id))
    later: dict[str, Any] = {"days_ago": -30_000}
    await world.receive(
        logged("m1", await world.contact(JANE), **later), logged("m2", await world.contact(BOB), **later)
    )
    assert [line[0] for line in await lines(world, JANE) if line[2]] == ["about m1"]
    assert [line[0] for line in await lines(world, BOB) if line[2]] == ["about m2"]


@pytest.mark.parametrize(
    "copies",
    [
        [(1, ME, True)],  # the SENT copy's Bcc header
        [(1, ME, False), (2, ME, True)],  # sent with one account, delivered to another one's address
        [(2, ME, True), (1, ME, False)],
        [(1, WORK, True)],  # another client, with a connected account's address, delivered to mine
        [(1, ME, True), (2, ME, True)],
    ],
)
async def test_a_hash_counts_in_whichever_account_it_is_seen_and_once(
    world: World, copies: Sequence[tuple[int, str, bool]]
) -> None:
    await world.receive(connected(2, WORK))
    [jane] = await known(world, JANE)
    await world.receive(
        *[
            logged(
                f"copy {account}", jane, sender, account=account, title="log me", rfc_message_id="<one@mail>",
                bcc_tags=(jane.bcc_hash,) if tagged else (),
            )
            for account, sender, tagged in copies
        ]
    )  # fmt: skip
    assert (await lines(world, JANE))[0] == ("log me", "outbound", True)
    assert (await world.counts()).messages == 2
    assert await world.emails() == {frozenset({JANE})}
    await world.receive(*[removed(f"copy {account}", account=account) for account, _, tagged in copies if tagged])
    assert [line for line in await lines(world, JANE) if line[2]] == []


async def test_who_repeats_the_message_id_of_my_mail_can_not_log_it(world: World) -> None:
    await world.receive(connected(2, WORK))
    [jane] = await known(world, JANE)
    sent = mail("m1", ME, ["mallory@evil.example"], days_ago=0.5, rfc_message_id="<one@mail>")
    forged = logged("m2", jane, "mallory@evil.example", account=2, days_ago=0.4, rfc_message_id="<one@mail>")
    for copies in ((sent, forged), (forged, sent)):
        await world.receive(*copies)
        assert [line for line in await lines(world, JANE) if line[2]] == []


async def test_a_mail_logged_to_two_contacts_is_on_both_timelines(world: World) -> None:
    jane, bob = await known(world, JANE, BOB)
    await world.receive(logged("m1", jane, bcc_tags=(jane.bcc_hash, bob.bcc_hash)))
    assert (await lines(world, JANE))[0] == (await lines(world, BOB))[0] == ("about m1", "outbound", True)


async def test_people_of_logged_mail_are_linked_where_they_are_known(world: World) -> None:
    jane, _ = await known(world, JANE, BOB)
    await world.receive(mail("m1", ME, [BOB, STRANGER], bcc_tags=(jane.bcc_hash,)))
    assert (await lines(world, BOB))[0] == ("about m1", "outbound", True)
    assert await world.emails() == {frozenset({JANE}), frozenset({BOB})}


async def test_of_a_deleted_user_no_question_is_left(world: World) -> None:
    [jane] = await known(world, JANE)
    await world.receive(logged("m1", jane, OFFICE), UserDeleted(user_id=USER, account_ids=(account_id(1),)))
    assert await offered(world) == []
    assert await world.pool.fetchval("SELECT count(*) FROM bcc_offers") == 0


async def test_what_a_purged_account_logged_goes(world: World) -> None:
    await world.receive(connected(2, WORK))
    [jane] = await known(world, JANE)
    await world.receive(logged("m1", jane, WORK, account=2), disconnected(2, purge=True))
    assert len(await lines(world, JANE)) == 1
