"""What a connected account costs when nothing happens to it."""

import asyncio

from libs.google_sim.account import AccountData
from libs.local.demo.progress import wait_until_idle, wait_until_synced
from tests.bench.figure import Figure, at_most
from tests.bench.people import people_at, sign_in_all
from tests.bench.processes import Usage, cpu_between
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import GOOGLE, WAIT_SECONDS, Stage, google_with, product_at

ACCOUNTS = 1000
POLL_SECONDS = 30
REST_SECONDS = 36  # more than one poll of every mailbox
POLLED = {"PINGCRM_MAIL_POLL_SECONDS": str(POLL_SECONDS)}


async def run(setting: Setting) -> list[Figure]:
    """Both are measured after a start of everything: what is left over from signing in and syncing is not what is asked for."""
    addresses = [f"person{number}@gmail.com" for number in range(setting.size(ACCOUNTS, 10))]
    accounts = [AccountData(address, "Quiet Person", "") for address in addresses]
    setting.publish("starting")
    async with google_with(setting.folder, accounts) as google:
        async with product_at(setting.folder, google, POLLED) as product:
            setting.publish("at rest with nobody")
            empty, _ = await _at_rest(product, setting.size(REST_SECONDS // 4, 2))
            await _populate(setting, product, addresses)
        setting.publish(f"at rest with {len(addresses):,} accounts")
        async with product_at(setting.folder, google, POLLED) as product:
            full, busy = await _at_rest(product, setting.size(REST_SECONDS, 2))
            services = list(product.services)
    each = {name: (full[name].memory_bytes - empty[name].memory_bytes) / len(addresses) / 1000 for name in full}
    how = (
        f"memory, of which what processes share is counted once, {len(addresses):,} accounts less none, both after a start"
        f" of everything and {setting.size(REST_SECONDS, 2)} s, polled every {POLL_SECONDS} s"
    )
    everything = sum(grown for name, grown in each.items() if name != GOOGLE)
    return [
        Figure(
            "memory per idle account", sum(each[name] for name in services), "kB", f"{how}; the services", at_most(20)
        ),
        Figure("memory per idle account, everything", everything, "kB", "with PostgreSQL, NATS and Valkey"),
        *(Figure(f"memory per idle account: {name}", each[name], "kB", "the same") for name in each if name != GOOGLE),
        Figure("CPU of resting accounts", busy * 100, "%", f"of one core, {len(addresses):,} accounts, polling on"),
    ]


async def _populate(setting: Setting, product: Stage, addresses: list[str]) -> None:
    """Everybody signs in and has their first sync."""
    async with people_at(product.url, len(addresses)) as people:
        setting.publish(f"{len(people):,} people sign in")
        await sign_in_all(people, addresses)
        setting.publish("first syncs")
        for person in people:
            await wait_until_synced(person, seconds=WAIT_SECONDS)
    await wait_until_idle(product.stack.admin_nats_url, seconds=WAIT_SECONDS)


async def _at_rest(product: Stage, seconds: int) -> tuple[dict[str, Usage], float]:
    """Memory by process after so many seconds, and the cores that were busy meanwhile."""
    before = product.usage()
    await asyncio.sleep(seconds)
    after = product.usage()
    spent = cpu_between(before, after)
    return after, sum(used for name, used in spent.items() if name != GOOGLE) / seconds


SCENARIO = Scenario("idle", "What does a connected account cost that rests?", run, limit_seconds=300)
