"""A first import of a large mailbox: how fast, for how many units, with how much CPU in which process. And what idleness costs."""

import asyncio
from datetime import UTC, datetime
from time import perf_counter

from libs.google_sim.account import AccountData
from libs.google_sim.oracle import gmail_optimum
from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import Person, person_at
from libs.local.demo.progress import wait_until_synced
from tests.bench.figure import Figure, at_least, at_most, exactly
from tests.bench.importing import FirstImport, import_first
from tests.bench.processes import cpu_between
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import GOOGLE, Stage, google_with, product_at

REST_SECONDS = 45  # until what the start needed is closed: connections that nobody uses
IDLE_SECONDS = 10


async def run(setting: Setting) -> list[Figure]:
    now = datetime.now(UTC)
    mailbox = generate_mailbox("owner@gmail.com", setting.messages, seed=1, now=now)
    figures: list[Figure] = []
    async with google_with(setting.folder, [mailbox]) as google:
        setting.publish("starting the product for the first time")
        begun = perf_counter()
        async with product_at(setting.folder, google) as stage, person_at(stage.url) as person:
            started = perf_counter() - begun
            setting.publish("idle")
            figures += await _idle(stage, setting.size(REST_SECONDS, 0), setting.size(IDLE_SECONDS, 2))
            setting.publish(f"first import of {setting.messages:,} messages")
            figures += await _import(stage, person, mailbox)
            setting.publish("a sync with nothing new")
            figures += await _nothing_new(stage, person)
        setting.publish("starting on the data")
        begun = perf_counter()
        async with product_at(setting.folder, google):
            again = perf_counter() - begun
    return [
        *figures,
        Figure("first start", started, "s", "from nothing to every service ready, databases and streams set up"),
        Figure("start with data", again, "s", "from nothing running to every service ready"),
    ]


async def _import(stage: Stage, person: Person, mailbox: AccountData) -> list[Figure]:
    """What a first import takes of time, CPU and quota."""
    imported = await import_first(stage, person, mailbox)
    messages = imported.messages
    spent, optimum = await stage.gmail(), gmail_optimum(mailbox, datetime.now(UTC))
    return [
        Figure(
            "messages a second", imported.rate, "1/s",
            f"{messages:,} messages from sign-in to the last one on its timeline, as the API shows it", at_least(1000),
        ),
        Figure("first import", imported.seconds, "s", "the same"),
        *_by_process(imported),
        Figure("Gmail units per message", spent.units / messages, "units", "counted by the local Google"),
        Figure(
            "Gmail units over the optimum", (spent.units / optimum["units"] - 1) * 100, "%",
            f"the optimum for this mailbox is {optimum['units']:,} units", at_most(2),
        ),
        Figure(
            "Gmail units, as estimated", imported.run["estimated_units"] / spent.units * 100, "%",
            "what the API tells that the import will cost, of what it did cost",
        ),
        Figure(
            "Gmail calls over the optimum", (spent.calls / optimum["requests"] - 1) * 100, "%",
            f"the optimum for this mailbox is {optimum['requests']:,} calls", at_most(2),
        ),
        Figure(
            "HTTP requests per message", spent.http / messages, "", "to Google, sign-in and the other APIs included"
        ),
        Figure("refused by Gmail", spent.refused, "calls", "counted by the local Google", exactly(0)),
    ]  # fmt: skip


def _by_process(imported: FirstImport) -> list[Figure]:
    """CPU milliseconds per message, from sign-in until the bus is quiet."""
    each = {name: spent / imported.messages * 1000 for name, spent in imported.cpu_seconds.items()}
    how = "user and system time of all services and servers, from sign-in until the bus is quiet"
    return [
        Figure("CPU per message", imported.cpu_milliseconds, "ms", how, at_most(1.0)),
        *(Figure(f"CPU per message: {name}", spent, "ms", "with all its processes") for name, spent in each.items()),
    ]


async def _nothing_new(stage: Stage, person: Person) -> list[Figure]:
    account = (await person.call("GET", "/accounts"))["items"][0]
    await stage.forget_counts()
    await person.call("POST", f"/accounts/{account['id']}/sync", {"kinds": ["mail"]})
    await asyncio.sleep(1)
    await wait_until_synced(person, seconds=60)
    spent = await stage.gmail()
    return [
        Figure("nothing new: calls", spent.calls, "calls", "of one sync on demand", exactly(1)),
        Figure("nothing new: units", spent.units, "units", "of one sync on demand", exactly(2)),
    ]


async def _idle(stage: Stage, rest_seconds: int, seconds: int) -> list[Figure]:
    """Memory, and CPU, when nothing happens: after a rest, for so many seconds."""
    await asyncio.sleep(rest_seconds)
    before = stage.usage()
    await asyncio.sleep(seconds)
    after = stage.usage()
    ours = {name: used for name, used in after.items() if name != GOOGLE}
    services = sum(ours[name].unshared_bytes for name in stage.services) / 1e6
    everything, shared = (
        sum(getattr(used, kind) for used in ours.values()) / 1e6 for kind in ("unshared_bytes", "memory_bytes")
    )
    busy = sum(spent for name, spent in cpu_between(before, after).items() if name != GOOGLE)
    how = f"not shared with other processes, nobody signed in, {rest_seconds} s after the start"
    return [
        Figure("idle memory of the services", services, "MB", how),
        Figure(
            "idle memory of everything", everything, "MB", "the same with PostgreSQL, NATS and Valkey", at_most(220)
        ),
        Figure(
            "idle memory of everything, shared too", shared, "MB", "the same, and what processes share, counted once"
        ),
        *(
            Figure(f"idle memory: {name}", used.memory_bytes / 1e6, "MB", "with its part of what is shared")
            for name, used in ours.items()
        ),
        Figure("idle CPU", busy / seconds * 100, "%", f"of one core, over {seconds} s, all services and servers"),
    ]


SCENARIO = Scenario("backfill", "A first import: how fast, how many units, how much CPU where?", run)
