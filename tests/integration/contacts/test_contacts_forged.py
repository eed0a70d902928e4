"""Mail that says it is from me and is not: kept, marked, and of no consequence."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.common.events import MessageIngested
from libs.common.requests import ExportContacts, GetAttendees, GetContact, Interaction
from libs.common.resources.gmail import read_message
from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.google_sim.oracle import expect
from services.contacts.handlers import attendees, contacts, export
from services.prep.domain.dossier import collect
from services.sync.domain.mail import Me, Recorded, read
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
    removed,
    settings,
    world,
)
from tests.support.meetings import guest, meeting

__all__ = ["contacts_database", "world"]

JANE, BOB, EVE = "jane@acme.example", "bob@beta.example", "eve@evil.example"


def forged(gmail_id: str, to: Sequence[str] = (JANE, ME), sender: str = ME, **more: Any) -> MessageIngested:
    return mail(gmail_id, sender, to, **{"dmarc": "fail", "title": "Send me the money", **more})


def shown(lines: Sequence[Interaction]) -> list[tuple[str, str, str]]:
    return [(line.title, line.direction, line.automated) for line in lines]


@pytest.mark.parametrize("creation", ["people", "sent_only", "everyone"])
async def test_forged_mail_is_kept_and_makes_nobody_a_contact(world: World, creation: str) -> None:
    await world.receive(settings(1, contact_creation=creation), forged("m1", [JANE], cc=[BOB], bcc=[EVE]))
    counts = await world.counts()
    assert (counts.messages, counts.contacts) == (1, 0)


async def test_forged_mail_is_marked_on_the_timeline_and_no_mail_of_mine(world: World) -> None:
    await world.receive(mail("m1", JANE, days_ago=3), forged("m2"))
    assert shown(await world.timeline(JANE)) == [
        ("Send me the money", "participant", "forged"),
        ("about m1", "inbound", ""),
    ]
    assert [line.title for line in await world.timeline(JANE, direction="outbound")] == []


async def test_forged_mail_counts_nowhere_and_is_in_no_brief(world: World) -> None:
    await world.receive(mail("m1", JANE, days_ago=3))
    before = await world.contact(JANE)
    await world.receive(forged("m2"), forged("m3", automated="list"))
    after = await contacts.get_contact(world.context, GetContact(user_id=USER, contact_id=before.id))
    assert after.relationship == before.relationship
    assert after.last_interaction_at == before.last_interaction_at
    for last in (10, 1):  # nor does it take the place of what counts
        found = await attendees.get_attendees(
            world.context, GetAttendees(user_id=USER, addresses=(JANE,), now=NOW, last=last)
        )
        assert found.items[0].last_contact_at == before.last_interaction_at
        [person] = collect(meeting(), [(guest(JANE), found.items[0])]).people
        assert [(past.text, past.direction_text) for past in person.interactions] == [
            ("about m1 — hello", "they wrote")
        ]


@pytest.mark.parametrize(
    "more",
    [{"sent": True}, {"dmarc": "unknown"}, {"dmarc": "pass"}, {"dmarc": "unknown", "sent": True}],
)
async def test_what_was_sent_or_does_not_fail_is_mine(world: World, more: dict[str, Any]) -> None:
    await world.receive(forged("m1", [JANE], **more))
    assert shown(await world.timeline(JANE)) == [("Send me the money", "outbound", "")]


async def test_mail_of_others_that_fails_dmarc_is_theirs_as_before(world: World) -> None:
    await world.receive(forged("m1", [ME], JANE, name="Jane Doe"))
    assert shown(await world.timeline(JANE)) == [("Send me the money", "inbound", "")]
    assert (await world.contact(JANE)).name == "Jane Doe"


@pytest.mark.parametrize("mine_first", [True, False])
async def test_mail_from_an_address_that_becomes_mine_later_is_forged_too(world: World, mine_first: bool) -> None:
    story = [mail("m1", BOB, days_ago=4), forged("m2", [BOB, JANE], WORK, name="Me at work")]
    mine = connected(2, WORK)
    await world.receive(*([mine, *story] if mine_first else [*story, mine]))
    assert await world.emails() == {frozenset({BOB})}
    assert shown(await world.timeline(BOB)) == [
        ("Send me the money", "participant", "forged"),
        ("about m1", "inbound", ""),
    ]


@pytest.mark.parametrize("forged_first", [True, False])
async def test_forged_mail_answers_no_thread(world: World, forged_first: bool) -> None:
    newsletter = mail("m1", JANE, automated="list", name="Jane", thread_id="t", days_ago=3)
    answer = forged("m2", [JANE], thread_id="t", days_ago=2)
    await world.receive(*((answer, newsletter) if forged_first else (newsletter, answer)))
    assert await world.emails() == set()


async def test_forged_mail_teaches_no_name(world: World) -> None:
    await world.receive(card("1", emails=(JANE,)))
    fake = forged("m1")
    people = tuple(who.model_copy(update={"name": "The Boss"}) if who.role == "to" else who for who in fake.people)
    await world.receive(fake.model_copy(update={"people": people}))
    assert (await world.contact(JANE)).name == JANE


async def test_a_forged_mail_with_a_hash_logs_nothing(world: World) -> None:
    await world.receive(mail("m1", JANE, days_ago=3))
    jane = await world.contact(JANE)
    await world.receive(forged("m2", ["x@y.example"], bcc_tags=(jane.bcc_hash,)))
    assert [line.title for line in await world.timeline(JANE)] == ["about m1"]


@pytest.mark.parametrize("forged_first", [True, False])
async def test_who_repeats_a_mail_of_mine_adds_nobody_to_it(world: World, forged_first: bool) -> None:
    await world.receive(connected(2, WORK))
    real = mail("a", ME, [JANE], rfc_message_id="<x@mail>", sent=True, days_ago=1)
    fake = forged("b", [EVE, WORK], account=2, rfc_message_id="<x@mail>", days_ago=2)
    await world.receive(*((fake, real) if forged_first else (real, fake)))
    assert await world.emails() == {frozenset({JANE})}
    assert shown(await world.timeline(JANE)) == [("about a", "outbound", "")]
    assert [who.address for who in (await world.timeline(JANE))[0].people] == [ME, JANE]
    await world.receive(removed("a"))
    assert await world.emails() == set(), "what is left is the forged one"
    assert (await world.counts()).messages == 1


async def test_a_forged_copy_does_not_push_a_mail_out_of_its_pair(world: World) -> None:
    await world.receive(connected(2, WORK))
    await world.receive(
        forged("fake", [JANE], rfc_message_id="<x@mail>", days_ago=9),
        mail("a", ME, [JANE], rfc_message_id="<x@mail>", sent=True, days_ago=1),
        mail("b", ME, [JANE, WORK], account=2, rfc_message_id="<x@mail>", days_ago=1),
    )
    assert sorted(shown(await world.timeline(JANE))) == [
        ("Send me the money", "participant", "forged"),
        ("about a", "outbound", ""),
    ]


async def test_forged_mail_is_exported_as_what_it_is(world: World) -> None:
    await world.receive(forged("m1", [JANE]))
    page = await export.export_contacts(world.context, ExportContacts(user_id=USER, what="interactions"))
    assert [(item["direction"], item["automated"]) for item in page.items] == [("inbound", "forged")]


def resource(
    number: int, sender: str, to: str, *, verdict: str = "", labels: Sequence[str] = ("INBOX",), **more: str
) -> Resource:
    headers = {"From": sender, "To": to, "Message-ID": f"<{number}@mail>", **more}
    if verdict:
        headers["Authentication-Results"] = verdict
    return {
        "id": f"{number:016x}",
        "threadId": more.get("thread", f"{number:016x}"),
        "labelIds": list(labels),
        "internalDate": str(int(NOW.timestamp() * 1000) - number * 1000),
        "payload": {
            "mimeType": "text/plain",
            "headers": [{"name": name, "value": value} for name, value in headers.items()],
        },
    }


FAIL = "mx.google.com; spf=pass (google.com: domain of dmarc=pass@evil.example) smtp.mailfrom=dmarc=pass@evil.example; dmarc=fail (p=NONE)"
PASS = "mx.google.com; arc=pass (i=1 dmarc=fail); dmarc=pass (p=NONE) header.from=gmail.com"
MAILBOX = [
    resource(1, ME, "jane@acme.example", verdict=FAIL),
    resource(2, ME, "bob@beta.example", verdict=FAIL, labels=("SENT",)),
    resource(3, ME, "carol@gamma.example", verdict=PASS),
    resource(4, ME, "dan@delta.example", verdict="mx.google.com; spf=pass (never closed; dmarc=fail (p=NONE)"),
    resource(
        5, ME, "eve@evil.example", verdict='mx.google.com; spf=pass smtp.mailfrom="; dmarc=fail "@x.example; dmarc=pass'
    ),
    resource(6, "frank@phi.example", ME, verdict=FAIL),
    resource(7, ME, "gil@gamma.example", verdict="evil.example; dmarc=fail\x00"),
    resource(
        8, f"Me <{ME}>", "hal@eta.example, jane@acme.example", verdict="(x) mx.google.com 1; dmarc / 1 = FAIL (p=NONE)"
    ),
]


async def test_from_gmails_answer_to_the_contacts_the_product_and_the_oracle_agree(world: World) -> None:
    me = Me(USER, account_id(1), frozenset({ME}))
    outcomes = [read(read_message(message), me, None, 1) for message in MAILBOX]
    await world.receive(*[outcome.event for outcome in outcomes if isinstance(outcome, Recorded)])
    account = AccountData(
        ME, "Me", "1" * 21, [], MAILBOX, [CalendarData(ME, ME, time_zone="UTC", primary=True, events=[])], []
    )
    expected = expect([account], datetime.now(UTC), mail_lookback_days=0)
    assert await world.emails() == expected.contact_addresses
    mine = {"bob@beta.example", "carol@gamma.example", "eve@evil.example", "gil@gamma.example"}
    assert expected.contact_addresses == {frozenset({address}) for address in {*mine, "frank@phi.example"}}
    page = await export.export_contacts(world.context, ExportContacts(user_id=USER, what="interactions"))
    directions = [item["direction"] for item in page.items]
    assert (
        {name: directions.count(name) for name in ("inbound", "outbound")}
        == expected.directions
        == {"inbound": 4, "outbound": 4}
    )
