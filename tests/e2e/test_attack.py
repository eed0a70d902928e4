"""An attacker writes to one user whatever a mailbox lets in. Nobody else notices, and the one who is attacked loses nothing.

What is asserted are results, counts and ratios; how long the other user's calls take, calm and under attack, is printed.
"""

import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

import nats
import pytest

from libs.local.dead import DeadLetter, iterate_dead_letters
from libs.local.demo.person import Person, person_at
from libs.local.demo.report import count_actual, shown_numbers
from tests.support import attack, neighbors
from tests.support.neighbors import Neighbor, briefs_to, friend_of, get_mail, header, request_sync, titles_with
from tests.support.product import Product, product

VICTIM, NEIGHBOR = "vera@example.net", "nora@example.com"
CALM_ROUNDS, WAVES = 3, 4
NOW = datetime.now(UTC).replace(microsecond=0)


async def deliver(it: Product, number: int) -> dict[str, list[str]]:
    """A wave of the attack, and the syncs that read it. The ids of its mail, by what it tries."""
    mail = attack.wave(number, VICTIM, neighbors.message_id(VICTIM, 5), NOW)
    for message in chain.from_iterable(mail.values()):
        await it.google.control("POST", f"/accounts/{VICTIM}/messages", message)
    for event in attack.invitations(number, VICTIM, neighbors.FRIEND[1], NOW):
        await it.google.control("PUT", f"/accounts/{VICTIM}/calendars/primary/events/{event['id']}", event)
    for name, card in attack.cards(number).items():
        await it.google.control("PUT", f"/accounts/{VICTIM}/people/{name}", card)
    await request_sync(it.person, "mail", "contacts", "calendar")
    return {name: [message["id"] for message in messages] for name, messages in mail.items()}


async def dead_letters(it: Product) -> list[DeadLetter]:
    client = await nats.connect(it.stack.admin_nats_url)
    try:
        return [letter async for letter in iterate_dead_letters(client.jetstream())]
    finally:
        await client.close()


async def assert_numbers(it: Product, person: Person, address: str) -> None:
    """What the oracle expects of this account is what the person is shown; briefs apart."""
    expected = shown_numbers(await it.google.control("POST", "/oracle", {"accounts": [address]}))
    assert {**await count_actual(person, it.google), "preps": 0} == {**expected, "preps": 0}


async def assert_nothing_is_lost(it: Product, waves: Sequence[dict[str, list[str]]]) -> None:
    """Every mail of the attack is recorded, or set aside with a reason; Gmail's list is accounted for; good mail goes on."""
    (account,) = (await it.person.call("GET", "/accounts"))["items"]
    assert account["status"] == "active"
    audit = await it.person.call("GET", f"/accounts/{account['id']}/audit")
    assert audit["complete"] == 1.0
    assert audit["listed"] == neighbors.MESSAGES + sum(len(ids) for wave in waves for ids in wave.values())
    for name, ids in waves[-1].items():
        fate = await it.person.call("GET", f"/accounts/{account['id']}/messages/{ids[0]}/why")
        assert fate["state"] in ("recorded", "set_aside"), f"{name}: {fate}"
        assert fate["explanation"]
    assert set(audit["by_state"]) <= {"recorded", "set_aside"}
    assert await dead_letters(it) == []
    await get_mail(it, it.person, VICTIM, "After the attack")


async def assert_nobody_is_deceived(it: Product) -> None:
    """Forged, hidden and repeated mail is only what it is; nothing that others wrote is markup on a page or in a brief."""
    assert (await it.person.call("GET", "/contacts", q="mule"))["items"] == [], "who a forged mail is to is a contact"
    assert "Engine 5" in await titles_with(it.person, await friend_of(it.person))
    (joined,) = await it.rows(
        """SELECT count(*) FILTER (WHERE i.title LIKE 'Engine%') AS to_anothers, count(*) FILTER (WHERE i.title LIKE 'Repeated%') AS to_own
           FROM contacts.participants p JOIN contacts.addresses a ON a.id = p.address_id
           JOIN contacts.interactions i ON i.id = p.interaction_id WHERE a.value LIKE '%@joined.example'"""
    )
    assert joined["to_anothers"] == 0, "who repeats a Message-ID adds people to the mail that had it first"
    assert joined["to_own"] > 0
    briefs = {header(brief, "Subject"): brief for brief in await briefs_to(it, VICTIM)}
    assert len(briefs) == 2, "one with the friend alone, one that the attacker invited to; none with 400 guests"
    for subject, brief in briefs.items():
        assert attack.FORGED_SUBJECT not in brief["html"] + brief["text"]
        assert attack.is_harmless(brief["html"])
        assert ("evil" in brief["html"]) == ("alert" in subject)
    meeting = await hostile_meeting(it.person)
    for page in ("/", f"/meetings/{meeting['id']}"):
        async with it.person.http.get(f"{it.stack.url}{page}") as response:
            assert response.status == 200
            html = await response.text()
        assert attack.is_harmless(html)
    assert "&lt;script&gt;" in html, "the meeting's page has its title, as text"


async def hostile_meeting(person: Person) -> dict[str, Any]:
    """One with 400 guests whose title is markup."""
    ever = {"from": "0002-01-01T00:00:00Z", "to": "9998-12-31T00:00:00Z", "limit": 200}
    found = [meeting async for meeting in person.all("/meetings", **ever)]
    assert len(found) == 1 + sum(len(attack.invitations(n, VICTIM, neighbors.FRIEND[1], NOW)) for n in range(WAVES))
    return next(meeting for meeting in found if meeting["title"] == attack.MARKUP)


async def assert_everything_can_be_read(it: Product) -> None:
    """Lists, timelines and the export of the one who was attacked, however much is in them."""
    contacts = [contact async for contact in it.person.all("/contacts", sort="name", limit=200)]
    assert len({contact["id"] for contact in contacts}) == len(contacts)
    (eve,) = [contact for contact in contacts if attack.ATTACKER in contact["emails"]]
    timeline = [line async for line in it.person.all(f"/contacts/{eve['id']}/interactions", limit=200)]
    assert len(timeline) >= WAVES * (attack.TIMES["a crowd"] + attack.TIMES["a hundred people"])
    counts = (await it.person.call("GET", "/me"))["counts"]
    async with it.person.http.get(f"{it.stack.url}/api/v1/me/export") as response:
        assert response.status == 200
        archive = zipfile.ZipFile(io.BytesIO(await response.read()))
    interactions = [json.loads(line) for line in archive.read("interactions.jsonl").splitlines()]
    assert len(interactions) == counts["messages"] + counts["meetings"]


def show(calm: dict[str, list[float]], attacked: dict[str, list[float]]) -> None:
    print("\nthe neighbor's calls, in ms: median and longest, calm / under attack")
    for name in attacked:
        print(f"  {name:<18}{figures(calm.get(name, []))}   /{figures(attacked[name])}")


def figures(seconds: Sequence[float]) -> str:
    return f"{median(seconds) * 1000:6.0f} {max(seconds) * 1000:6.0f}" if seconds else " " * 13


@pytest.mark.timeout(240)
async def test_whatever_is_sent_to_one_user_stops_nobody_deceives_nobody_and_loses_nothing(tmp_path: Path) -> None:
    accounts = [neighbors.account(VICTIM, NOW), neighbors.account(NEIGHBOR, NOW)]
    async with product(tmp_path, accounts) as it, person_at(it.stack.url) as browser:
        await it.person.sign_in(VICTIM)
        await browser.sign_in(NEIGHBOR)
        await it.settle()
        neighbor = Neighbor(it, browser, NEIGHBOR)
        await neighbor.round()  # the first one finds cold caches
        neighbor.seconds.clear()
        calm_cost = await neighbor.round_cost(CALM_ROUNDS)
        calm, neighbor.seconds = neighbor.seconds, defaultdict(list)

        waves, costs = [], []
        for number in range(WAVES):
            waves.append(await deliver(it, number))
            costs.append(await neighbor.round_cost(1))
        brief = await neighbor.get_brief()
        show(calm, neighbor.seconds)
        await it.settle()

        # The neighbor: everything is there, a sync costs Google no call more than in calm, and the brief is theirs and complete.
        assert costs == [calm_cost] * WAVES
        await assert_numbers(it, browser, NEIGHBOR)
        assert header(brief, "Subject").startswith(f"Meeting prep: Engine <b>&amp;</b> {NEIGHBOR} in ")
        assert neighbors.FRIEND[0] in brief["text"]
        assert neighbor.latest in brief["text"]
        assert "evil" not in (brief["html"] + brief["text"]).lower()
        # No run lost its lease by working.
        assert await it.rows("SELECT account_id, kind, fence FROM sync.runs WHERE fence > 1") == []
        # The victim.
        await assert_nobody_is_deceived(it)
        await assert_everything_can_be_read(it)
        await assert_nothing_is_lost(it, waves)
        await it.settle()
        await assert_numbers(it, it.person, VICTIM)
        assert await it.doubled() == 0
