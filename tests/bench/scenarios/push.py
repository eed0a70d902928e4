"""How fresh timelines are when Gmail pushes: from the moment a mail is in the mailbox until a browser can show it."""

import asyncio
from datetime import UTC, datetime
from typing import NamedTuple

from libs.google_sim.sample import generate_mailbox
from libs.local.demo.google import LocalGoogle
from libs.local.demo.person import Person, person_at
from tests.bench.figure import Figure, at_most, percentile
from tests.bench.live import Update, listening
from tests.bench.mail import letter
from tests.bench.pushing import PUSHED, subscribe, until_watched
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import google_with, product_at

DELIVERIES = 100
MAILBOXES = 8  # Gmail notifies of a mailbox at most once a second
PAUSE_SECONDS = 0.25
LIMIT_SECONDS = 10.0


class Seen(NamedTuple):
    """Milliseconds after a delivery: until the browser was notified, and until the timeline had it."""

    notified: float
    readable: float


async def run(setting: Setting) -> list[Figure]:
    """Nothing else happens meanwhile, and nothing is polled."""
    now = datetime.now(UTC)
    mailboxes = [
        generate_mailbox(f"owner{number}@gmail.com", 20, seed=number, now=now)
        for number in range(setting.size(MAILBOXES, 2))
    ]
    addresses = [mailbox.address for mailbox in mailboxes]
    setting.publish("starting")
    async with (
        google_with(setting.folder, mailboxes) as google,
        product_at(setting.folder, google, PUSHED) as product,
        person_at(product.url) as person,
    ):
        await subscribe(google, product)
        setting.publish(f"connecting {len(addresses)} mailboxes")
        await person.sign_in(addresses[0])
        for address in addresses[1:]:
            await person.add_account(address)
        await product.settled(person)
        await until_watched(google)
        count = setting.size(DELIVERIES, 6)
        setting.publish(f"{count} deliveries")
        seen = await _deliver(google, person, [addresses[number % len(addresses)] for number in range(count)])
    how = f"{count} deliveries to {len(addresses)} quiet mailboxes, one a moment; from just before the delivery"
    readable, notified = [arrival.readable for arrival in seen], [arrival.notified for arrival in seen]
    return [
        Figure("push to timeline, p50", percentile(readable, 50), "ms", f"{how} until the timeline shows it"),
        Figure("push to timeline, p95", percentile(readable, 95), "ms", "the same", at_most(1000)),
        Figure("push to timeline, p99", percentile(readable, 99), "ms", "the same"),
        Figure(
            "push to live update, p50",
            percentile(notified, 50),
            "ms",
            f"{how} until `contact.changed` is in the browser",
        ),
        Figure("push to live update, p95", percentile(notified, 95), "ms", "the same"),
    ]


async def _deliver(google: LocalGoogle, person: Person, addresses: list[str]) -> list[Seen]:
    """One mail after another, each when the one before is on its timeline."""
    clock = asyncio.get_running_loop().time
    seen: list[Seen] = []
    async with listening(person) as updates:
        for number, address in enumerate(addresses):
            await asyncio.sleep(PAUSE_SECONDS)
            while not updates.empty():
                updates.get_nowait()
            subject = f"delivery-{number}"
            begun = clock()
            await google.control("POST", f"/accounts/{address}/messages", letter(address, subject))
            try:
                async with asyncio.timeout(LIMIT_SECONDS):
                    notified = await _readable(person, updates, subject)
            except TimeoutError:
                raise TimeoutError(f"{subject} was not on its timeline after {LIMIT_SECONDS:.0f} s.") from None
            seen.append(Seen((notified - begun) * 1000, (clock() - begun) * 1000))
    return seen


async def _readable(person: Person, updates: "asyncio.Queue[Update]", subject: str) -> float:
    """Wait until a contact of which the browser is notified shows the mail; the moment of the notification."""
    while True:
        update = await updates.get()
        if update.name != "contact.changed":
            continue
        for contact_id in update.data["contact_ids"]:
            timeline = await person.call("GET", f"/contacts/{contact_id}/interactions", limit=3)
            if any(item["title"] == subject for item in timeline["items"]):
                return update.at


SCENARIO = Scenario("push", "How fresh are timelines when Gmail pushes?", run)
