"""What the distance to Google costs: the same import with and without 50 ms before every answer."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import perf_counter

from libs.google_sim.account import AccountData
from libs.google_sim.oracle import expect
from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import Person
from tests.bench.corpus import real_mailboxes
from tests.bench.figure import Figure, Target, at_least
from tests.bench.pairs import compared
from tests.bench.people import mail_read, people_at, recorded
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import Stage, stage

MILLISECONDS = 50
SLOW = {"rules": [{"match": "gmail", "kind": "latency", "milliseconds": MILLISECONDS}], "seed": 0}
FAST = {"rules": [], "seed": 0}
ROUNDS = 2


async def run(setting: Setting) -> list[Figure]:
    """A generated mailbox, and one of real mail where there is a corpus: its threads are short and its headers large."""
    now = datetime.now(UTC)
    count = 1 + 2 * setting.size(ROUNDS, 1)
    addresses = [f"person{number}@gmail.com" for number in range(2 * count)]
    generated = [
        generate_mailbox(address, setting.messages, seed=number, now=now)
        for number, address in enumerate(addresses[:count])
    ]
    real = real_mailboxes(addresses[count:], setting.messages, now=now)
    setting.publish("starting")
    mailboxes = [*generated, *real]
    async with stage(setting.folder, mailboxes) as product, people_at(product.url, len(mailboxes)) as people:
        figures = await _compare(setting, product, [*zip(people, generated, strict=False)], "", at_least(0.9))
        if real:
            accounts = [*zip(people[count:], real, strict=True)]
            figures += await _compare(setting, product, accounts, "real mail: ", at_least(0.95))
    return figures


async def _compare(
    setting: Setting, product: Stage, accounts: Sequence[tuple[Person, AccountData]], kind: str, target: Target
) -> list[Figure]:
    """Alternating, after one import that warms everything up: what drifts falls on both."""
    _, mailbox = accounts[0]
    messages, expected = len(mailbox.messages), expect([mailbox], datetime.now(UTC)).messages
    without: list[float] = []
    with_latency: list[float] = []
    for number, (person, mailbox) in enumerate(accounts):
        slow = number > 0 and number % 2 == 0
        setting.publish(f"{kind}import {number + 1} of {len(accounts)}, {'with' if slow else 'without'} latency")
        seconds = await _import(product, person, mailbox, SLOW if slow else FAST, expected)
        if number:
            (with_latency if slow else without).append(seconds)
    pairs = [(messages / slow, messages / fast) for slow, fast in zip(with_latency, without, strict=True)]
    fast = messages * len(without) / sum(without)
    slow_rate = messages * len(with_latency) / sum(with_latency)
    how = f"imports of {messages:,} messages from sign-in to the last on its timeline, {len(without)} of each kind"
    return [
        *compared(f"{kind}rate with {MILLISECONDS} ms latency, against none", pairs, "1/s", how, target),
        Figure(f"{kind}without latency", fast, "messages/s", how),
        Figure(
            f"{kind}with {MILLISECONDS} ms latency",
            slow_rate,
            "messages/s",
            "the same; every Gmail request waits that long",
        ),
    ]


async def _import(
    product: Stage, person: Person, mailbox: AccountData, script: dict[str, object], expected: int
) -> float:
    """The seconds until so many messages are on the timelines."""
    await product.google.control("PUT", "/faults", script)
    begun = perf_counter()
    await person.sign_in(mailbox.address)
    await mail_read(person, every=0.1)
    await recorded(person, expected)
    seconds = perf_counter() - begun
    await product.settled(person)
    return seconds


SCENARIO = Scenario("latency", f"What do {MILLISECONDS} ms of latency to Google cost?", run, limit_seconds=300.0)
