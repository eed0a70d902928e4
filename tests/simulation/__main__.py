"""`make simulation`: does the six o'clock sync of 100,000 accounts get through Google's quotas, and is it fair?"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from time import perf_counter
from typing import Any, cast

import asyncpg
from rich.console import Console

from libs.common.cache import open_cache
from libs.common.config import Settings
from libs.common.db import open_pool
from libs.local.secrets import Secrets, generate
from libs.local.urls import redis_url as redis_url_of
from tests.bench.figure import Figure
from tests.simulation.accounts import populate
from tests.simulation.clock import Clock, ClockedCache, install
from tests.simulation.morning import BEGIN, TICK, Morning
from tests.simulation.report import figures, show
from tests.support.database import Database, fresh_database
from tests.support.servers import Servers

FULL = 100_000  # accounts; fewer have as much less of the quotas
GMAIL_UNITS, CALENDAR_REQUESTS = 1_200_000, 10_000  # Google's, of a project, a minute
USUAL, BUSY = 7.5, 15.0  # new messages of a mailbox in six hours, on average

Publish = Callable[[str], None]


async def simulated(
    database: Database,
    redis_url: str,
    secrets: Secrets,
    *,
    accounts: int,
    replicas: int,
    messages: float,
    publish: Publish,
    tick: timedelta = TICK,
) -> list[Figure]:
    """One morning on an empty database and an empty Redis. `tick`: how far the clock moves at a time."""
    settings = Settings(
        postgres_url=database.url_for("sync"),
        redis_url=redis_url_of(redis_url, "sync", secrets),
        gmail_project_units_per_minute=GMAIL_UNITS * accounts // FULL,
        calendar_project_requests_per_minute=CALENDAR_REQUESTS * accounts // FULL,
        mail_poll_seconds=0,  # all that is new comes with the schedule: with polls or push most of it would be there already
        pool_size=1,
    )
    clock = Clock(BEGIN)
    await install(database.admin_url)
    admin = await asyncpg.connect(database.admin_url)
    opened = open_cache(settings, "sync")
    cache = ClockedCache(opened.client, opened.service, opened.namespace, clock)
    try:
        await populate(admin, accounts, BEGIN)
        db = await open_pool(settings)
        # After 50,000 queries another connection would come, which does not know the moment.
        for holder in cast(Any, db)._holders:
            holder._max_queries = float("inf")
        try:
            morning = Morning.of(settings, db, clock, cache, admin, replicas, messages)
            morning.tick = tick
            seen = await morning.pass_by(publish)
        finally:
            await db.close()
    finally:
        await cache.close()
        await admin.close()
    return figures(seen, accounts)


async def _mornings(chosen: argparse.Namespace, publish: Publish, console: Console) -> list[tuple[str, list[Figure]]]:
    """Each is shown, beside those before it, as soon as it is over."""
    secrets = generate()
    servers, found = Servers(secrets), []
    try:
        for messages in chosen.messages:
            publish(f"{chosen.accounts:,} accounts, {messages:g} new messages each")
            postgres, valkey = await servers.postgres(), await servers.valkey()
            await _empty(valkey.admin_url)
            async with fresh_database(postgres, secrets) as database:
                morning = await simulated(
                    database, valkey.admin_url, secrets,
                    accounts=chosen.accounts, replicas=chosen.replicas, messages=messages, publish=publish,
                )  # fmt: skip
            found.append((f"{messages:g} messages", morning))
            show(console, found)
    finally:
        await servers.stop()
    return found


async def _empty(redis_url: str) -> None:
    cache = open_cache(Settings(redis_url=redis_url), "sync")
    await cache.client.flushall()
    await cache.close()


def main(arguments: Sequence[str]) -> int:
    """0 where all targets are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--accounts", type=int, default=FULL, help="default: %(default)s")
    parser.add_argument("--replicas", type=int, default=4, help="of sync; default: %(default)s")
    parser.add_argument("--messages", type=float, nargs="+", default=[USUAL, BUSY],
                        help="new in each mailbox, on average; a morning for each (default: %(default)s)")  # fmt: skip
    chosen = parser.parse_args(arguments)
    console, begun = Console(width=None if sys.stdout.isatty() else 120), perf_counter()

    def publish(sentence: str) -> None:
        console.print(f"[dim]{perf_counter() - begun:6.1f} s  {sentence}[/]", highlight=False)

    mornings = asyncio.run(_mornings(chosen, publish, console))
    missed = [f"{figure.name} ({name})" for name, found in mornings for figure in found if figure.is_met is False]
    console.print(f"Targets missed: {', '.join(missed) or 'none'}.", highlight=False)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
