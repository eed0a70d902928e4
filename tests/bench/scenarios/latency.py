"""What the distance to Google costs: the same import with and without 50 ms before every answer."""

from datetime import UTC, datetime
from time import perf_counter

from libs.google_sim.account import AccountData
from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import Person
from tests.bench.figure import Figure, at_most
from tests.bench.people import mail_read, people_at, recorded
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import Stage, stage

MILLISECONDS = 50
SLOW = {"rules": [{"match": "gmail", "kind": "latency", "milliseconds": MILLISECONDS}], "seed": 0}
FAST = {"rules": [], "seed": 0}
ROUNDS = 2


async def run(setting: Setting) -> list[Figure]:
    """Alternating, after one import that warms everything up: what drifts falls on both."""
    now = datetime.now(UTC)
    scripts = [FAST, *[FAST, SLOW] * setting.size(ROUNDS, 1)]
    mailboxes = [
        generate_mailbox(f"person{number}@gmail.com", setting.messages, seed=number, now=now)
        for number in range(len(scripts))
    ]
    without: list[float] = []
    with_latency: list[float] = []
    setting.publish("starting")
    async with stage(setting.folder, mailboxes) as product, people_at(product.url, len(mailboxes)) as people:
        for number, (script, person, mailbox) in enumerate(zip(scripts, people, mailboxes, strict=True)):
            setting.publish(f"import {number + 1} of {len(scripts)}, {'with' if script is SLOW else 'without'} latency")
            seconds = await _import(product, person, mailbox, script)
            if number:
                (with_latency if script is SLOW else without).append(seconds)
    fast = setting.messages * len(without) / sum(without)
    slow = setting.messages * len(with_latency) / sum(with_latency)
    how = f"imports of {setting.messages:,} messages from sign-in to the last on its timeline, {len(without)} of each kind"
    return [
        Figure("cost of latency", (1 - slow / fast) * 100, "% of the rate", f"{how}, alternating", at_most(10)),
        Figure("without latency", fast, "messages/s", how),
        Figure(f"with {MILLISECONDS} ms latency", slow, "messages/s", "the same; every Gmail request waits that long"),
    ]


async def _import(product: Stage, person: Person, mailbox: AccountData, script: dict[str, object]) -> float:
    await product.google.control("PUT", "/faults", script)
    begun = perf_counter()
    await person.sign_in(mailbox.address)
    await mail_read(person, every=0.1)
    await recorded(person, len(mailbox.messages))
    seconds = perf_counter() - begun
    await product.settled(person)
    return seconds


SCENARIO = Scenario("latency", f"What do {MILLISECONDS} ms of latency to Google cost?", run)
