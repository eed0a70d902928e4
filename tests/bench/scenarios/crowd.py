"""Many mailboxes at once: how much gets through in all, and whether everybody gets a fair share of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from libs.common.events import AccountConnected
from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import Person
from libs.local.demo.progress import wait_until_idle, wait_until_synced
from tests.bench.bus import held_back
from tests.bench.figure import Figure, at_least, at_most, exactly
from tests.bench.people import people_at, sign_in_all
from tests.bench.processes import cpu_between
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import GOOGLE, WAIT_SECONDS, Stage, stage

MAILBOXES = 200
MESSAGES = 100


async def run(setting: Setting) -> list[Figure]:
    now = datetime.now(UTC)
    mailboxes = [
        generate_mailbox(f"person{number}@gmail.com", MESSAGES, seed=number, now=now)
        for number in range(setting.size(MAILBOXES, 8))
    ]
    setting.publish("starting")
    async with (
        stage(setting.folder, mailboxes, real_quota=True) as product,
        people_at(product.url, len(mailboxes)) as people,
    ):
        setting.publish(f"{len(people)} people sign in")
        async with held_back(product.stack.admin_nats_url, "sync", AccountConnected):
            await sign_in_all(people, [mailbox.address for mailbox in mailboxes])
            before = product.usage()
        setting.publish("all imports at once")
        ended = await _all_read(product, people)
        cpu = cpu_between(before, product.usage())
        runs = [await _mail_run(person) for person in people]
        shown = [(await person.call("GET", "/me"))["counts"]["messages"] for person in people]
        spent = await product.gmail()
    messages = len(mailboxes) * MESSAGES
    began = min(_moment(run["started_at"]) for run in runs)
    last_start = (max(_moment(run["started_at"]) for run in runs) - began).total_seconds()
    lasted = [(_moment(run["finished_at"]) - began).total_seconds() for run in runs]
    seconds = (ended - began).total_seconds()
    each = {name: used / messages * 1000 for name, used in cpu.items()}
    milliseconds = sum(used for name, used in each.items() if name != GOOGLE)
    size = f"{len(mailboxes)} mailboxes of {MESSAGES} messages under Gmail's quota"
    return [
        Figure(
            "crowd: slowest / fastest mailbox", max(lasted) / min(lasted), "",
            f"{size}; from the moment the first import began to the end of each, as the API shows it", at_most(1.2),
        ),
        Figure("crowd: messages a second", messages / seconds, "1/s", f"{size}, to the last one on its timeline"),
        Figure("crowd: last import begins after", last_start, "s", "of the moment the first one began"),
        Figure("crowd: fastest mailbox", min(lasted), "s", "the same moments"),
        Figure("crowd: slowest mailbox", max(lasted), "s", "the same moments"),
        Figure("crowd: CPU per message", milliseconds, "ms", "all services and servers, contacts and calendars included"),
        *(Figure(f"crowd: CPU per message: {name}", used, "ms", "with all its processes") for name, used in each.items()),
        Figure("crowd: mailboxes complete", sum(number >= MESSAGES for number in shown), "",
               "all messages on their timelines", at_least(len(mailboxes))),
        Figure("crowd: refused by Gmail", spent.refused, "calls", "counted by the local Google", exactly(0)),
    ]  # fmt: skip


async def _all_read(product: Stage, people: Sequence[Person]) -> datetime:
    """When the last message was handled. People are asked one after another: asking all of them all the time is work too."""
    for person in people:
        await wait_until_synced(person, seconds=WAIT_SECONDS, every=0.5)
    await wait_until_idle(product.stack.admin_nats_url, seconds=WAIT_SECONDS)
    return datetime.now(UTC)


async def _mail_run(person: Person) -> dict[str, Any]:
    run: dict[str, Any] = (await person.call("GET", "/accounts"))["items"][0]["syncs"]["mail"]
    if run["state"] != "completed":
        raise RuntimeError(f"A mailbox was not read: {run['error']}")
    return run


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


SCENARIO = Scenario("crowd", "Two hundred mailboxes at once: how fast, how fair?", run, limit_seconds=240)
