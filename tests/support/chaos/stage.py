"""The cluster on a local Google, people on it, and faults for as long as it is wanted; then quiet, and everything compared."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random

import aiohttp
import asyncpg
import nats.errors
import nats.js.errors

from libs.google_sim.server import GoogleServer, run_google
from libs.local.bus_admin import Unreachable, admin_stream
from libs.local.cluster import Cluster
from libs.local.cluster.running import NATS_SERVERS, servers_of
from libs.local.data_dir import create
from libs.local.dead import iterate_dead_letters
from libs.local.demo.person import Person, Unavailable, person_at
from libs.local.demo.progress import wait_until_idle, wait_until_synced
from libs.local.secrets import load
from libs.local.tick import tick
from tests.support.chaos.faults import FULL_DISKS, LOGS, OFTEN, Fault, Kind, faults, inflict
from tests.support.chaos.people import Inhabitant, account_data
from tests.support.chaos.recovery import UNDISTURBED, Recoveries, until_recovered
from tests.support.disks import Disk, own_disk, why_no_disk
from tests.support.product import UNLIMITED
from tests.support.push import pulls
from tests.support.servers import UNSAFE

LEAST_FAULT_SECONDS, MOST_FAULT_SECONDS = 5.0, 15.0
LEAST_LIFE_SECONDS, MOST_LIFE_SECONDS = 0.2, 1.0
SCAN_SECONDS = 6.0
SETTLE_SECONDS = 240.0
COMPARISONS = 3


@dataclass
class ChaosStage:
    """`story`: what happened, for whoever looks for the reason of a failure. `disks`: those that can be full."""

    cluster: Cluster
    google: GoogleServer
    people: list[Inhabitant]
    seed: int
    disks: Mapping[str, Disk] = field(default_factory=dict)
    recoveries: Recoveries = field(default_factory=Recoveries)
    story: list[str] = field(default_factory=list)
    probes: int = 0

    def note(self, line: str) -> None:
        self.story.append(f"{datetime.now(UTC):%H:%M:%S} {line}")
        sys.stdout.write(self.story[-1] + "\n")
        sys.stdout.flush()

    async def rage(self, seconds: float, kinds: Sequence[Kind] = OFTEN, at_most: int | None = None) -> None:
        """People live and faults happen, some of them before the last one is over. Returns when everything has recovered.

        Disks are full only where there are `disks`.
        """
        for _ in range(COMPARISONS):
            await self._measure(None)
        chance = Random(self.seed)
        kinds = [kind for kind in kinds if kind not in FULL_DISKS or self.disks]
        async with asyncio.TaskGroup() as measuring:
            living = [asyncio.create_task(self._live()), asyncio.create_task(self._scan())]
            try:
                async with asyncio.timeout(seconds):
                    for fault in islice(faults(chance, kinds), at_most):
                        measuring.create_task(self._measure(fault))
                        await asyncio.sleep(chance.uniform(LEAST_FAULT_SECONDS, MOST_FAULT_SECONDS))
            except TimeoutError:
                pass
            finally:
                for task in living:
                    task.cancel()
                ended = await asyncio.gather(*living, return_exceptions=True)
            for error in ended:
                if isinstance(error, Exception):
                    raise error

    async def _live(self) -> None:
        chance = Random(self.seed)
        while True:
            chance.choice(self.people).live()
            await asyncio.sleep(chance.uniform(LEAST_LIFE_SECONDS, MOST_LIFE_SECONDS))

    async def _scan(self) -> None:
        """The look for briefs, oftener than its schedule does it."""
        while True:
            await self._tick()
            await asyncio.sleep(SCAN_SECONDS)

    async def _tick(self) -> bool:
        try:
            await tick(self.cluster.stack.admin_nats_url, "prep")
        except (Unreachable, TimeoutError, OSError, nats.errors.Error, nats.js.errors.Error):
            return False
        return True

    async def _measure(self, fault: Fault | None) -> None:
        """Inflict it, and measure how long it is felt: a mail arrives at the same moment."""
        self.probes += 1
        title = f"Probe {self.probes}"
        self.people[self.probes % len(self.people)].receive(Subject=title)
        began_at = asyncio.get_running_loop().time()
        if fault is not None:
            self.note(f"{fault.kind}: {(befallen := await inflict(fault, self.cluster, self.disks))}")
            if fault.lasts:
                began_at = asyncio.get_running_loop().time()
        kind = fault.kind if fault else UNDISTURBED
        recovered = await until_recovered(self.cluster, title)
        seconds = asyncio.get_running_loop().time() - began_at
        self.recoveries.seconds[kind].append(seconds)
        if fault is not None:
            self.note(f"{fault.kind}: {befallen} recovered after {seconds:.1f} s")
        if not recovered:
            self.recoveries.never.append(f"{title} after {kind}")

    # --- the end

    async def settle(self) -> datetime:
        """Everything is read once more and handled, and a last scan made; when that was."""
        await self._settled_once()
        scanned_at = datetime.now(UTC)
        async with asyncio.timeout(SETTLE_SECONDS):
            while not await self._tick():
                await asyncio.sleep(1)
        await self._handled()
        await self._settled_once()  # what was sent is in the mailbox, too
        return scanned_at

    async def _settled_once(self) -> None:
        for inhabitant in self.people:
            async with asyncio.timeout(SETTLE_SECONDS):
                while True:
                    with suppress(Unavailable, aiohttp.ClientError):
                        await inhabitant.sync()
                        break
                    await asyncio.sleep(0.5)
        await self._handled()

    async def _handled(self) -> None:
        """No run open, nothing on the bus; twice, for one may begin the other."""
        for _ in range(2):
            for inhabitant in self.people:
                progress = await wait_until_synced(inhabitant.person, seconds=SETTLE_SECONDS)
                assert progress.failed == (), progress.failed
            await wait_until_idle(self.cluster.stack.admin_nats_url, seconds=SETTLE_SECONDS)

    async def differences(self, scanned_at: datetime) -> list[str]:
        """Of everybody. Empty where the product shows what the oracle says."""
        sent = list(self.google.world.outbox.mails)
        database = await asyncpg.connect(self.cluster.stack.admin_postgres_url)
        try:
            return [word for person in self.people for word in await person.differences(database, sent, scanned_at)]
        finally:
            await database.close()

    async def dead_letters(self) -> list[str]:
        """Each with its reason."""
        async with admin_stream(self.cluster.stack.admin_nats_url) as js:
            return [
                f"{letter.subject} for {letter.consumer}: {letter.reason}"
                async for letter in iterate_dead_letters(js, "*")
            ]


def _settings(google: GoogleServer, folder: Path) -> dict[str, str]:
    pulling = pulls(google, folder, ack_seconds=5.0)
    return {f"PINGCRM_{name.upper()}": str(value) for name, value in pulling.items()} | {
        "PINGCRM_GOOGLE_API_ROOT": google.url,
        "PINGCRM_GOOGLE_OAUTH_ROOT": google.url,
        **UNLIMITED,
        "PINGCRM_MAIL_POLL_SECONDS": "5",
        "PINGCRM_LOG_FORMAT": "json",
    }


@asynccontextmanager
async def chaos_stage(folder: Path, people: int, seed: int) -> AsyncIterator[ChaosStage]:
    """Everybody is signed in, and their accounts are read. Nothing has happened yet."""
    accounts = [account_data(number) for number in range(1, people + 1)]
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(run_google(accounts))
        disks = _mount_disks(stack, folder / "cluster")
        cluster = await stack.enter_async_context(
            Cluster.start(folder / "cluster", _settings(google, folder), postgres_options=UNSAFE, report=_quietly)
        )
        stage = ChaosStage(cluster, google, [], seed, disks)
        for number, data in enumerate(accounts):
            first, second = cluster.stack.urls
            person = await stack.enter_async_context(person_at(first))
            await person.sign_in(data.address)
            elsewhere = Person(second, person.http)
            stage.people.append(
                Inhabitant(google.world.accounts[data.address], person, elsewhere, Random(seed + number))
            )
        await stage._handled()
        yield stage


def _mount_disks(cleanup: AsyncExitStack, data_dir: Path) -> dict[str, Disk]:
    """One for each server, and one for the logs of the services; none where none can be mounted."""
    if why_no_disk():
        return {}
    servers = servers_of(data_dir)
    create(data_dir)
    load(data_dir, os.environ)  # those of a folder that has servers already would count as lost
    create(servers)
    names = [*(f"nats-{number + 1}" for number in range(NATS_SERVERS)), "postgres-1", "postgres-2", "valkey"]
    folders = {name: servers / name for name in names} | {LOGS: data_dir / LOGS}
    return {name: cleanup.enter_context(own_disk(folder)) for name, folder in folders.items()}


def _quietly(_: str) -> None:
    """Restarts are what it is about."""
