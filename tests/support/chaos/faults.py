"""What befalls a cluster: processes that are killed or paused, connections that are cut, disks that are full, a primary that is replaced
by its standby.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

import asyncpg
import psutil
import redis.asyncio
import redis.exceptions

from libs.local.cluster import Cluster
from tests.support.disks import Disk

Kind = Literal[
    "service killed",
    "service paused",
    "NATS server killed",
    "NATS server paused",
    "PostgreSQL killed",
    "PostgreSQL paused",
    "standby killed",
    "standby promoted",
    "Valkey killed",
    "Valkey paused",
    "PostgreSQL's connections cut",
    "Valkey's connections cut",
    "PostgreSQL's disk full",
    "standby's disk full",
    "NATS server's disk full",
    "Valkey's disk full",
    "logs' disk full",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
FULL_DISKS = tuple(kind for kind in KINDS if kind.endswith("disk full"))
LOGS = "logs"  # the disk of what the services write themselves; those of servers are called as their folders
# There are ten processes of services.
OFTEN: tuple[Kind, ...] = (*KINDS, *("service killed", "service paused") * 2)
ONCE: Kind = "standby promoted"
LEAST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 1.0, 8.0

_CUT = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE 'pingcrm_%'"


@dataclass(frozen=True)
class Fault:
    """One of a kind. `chance` decides which of several processes it is, `seconds` how long a pause or a full disk lasts."""

    kind: Kind
    chance: float
    seconds: float

    @property
    def lasts(self) -> bool:
        """Whether it goes on for its seconds; the others are over at once."""
        return self.kind.endswith("paused") or self.kind in FULL_DISKS


def faults(random: Random, kinds: Sequence[Kind]) -> Iterator[Fault]:
    """Without end: all `kinds` in some order, then all of them in another; the promotion only once."""
    bag: list[Kind] = []
    promoted = False
    while True:
        if not bag:
            bag = [kind for kind in kinds if not (promoted and kind == ONCE)]
            random.shuffle(bag)
        kind = bag.pop()
        promoted = promoted or kind == ONCE
        yield Fault(kind, random.random(), random.uniform(LEAST_PAUSE_SECONDS, MOST_PAUSE_SECONDS))


async def inflict(fault: Fault, cluster: Cluster, disks: Mapping[str, Disk]) -> str:
    """Do it, and return what it befell once it is over: at once, or after its seconds. What was killed is started again by the cluster.

    `disks`: those that can be full, by name; a fault of another one must not be asked for.
    """
    match fault.kind:
        case "standby promoted":
            for disk in disks.values():  # whoever promotes sees to it that there is room for two copies
                await disk.room.wait()
            await _until_standby_answers(cluster)
            old = cluster.postgres.primary.title
            _kill(cluster.processes[old])
            outcome = await cluster.promote()
            assert outcome.done, outcome.sentence
            return old
        case "PostgreSQL's connections cut":
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # it is down: they are cut already
                await _cut_postgres(cluster)
            return cluster.postgres.primary.title
        case "Valkey's connections cut":
            with suppress(OSError, redis.exceptions.RedisError):
                await _cut_valkey(cluster)
            return "valkey"
    names = _names(fault.kind, cluster)
    name = names[int(fault.chance * len(names))]
    if fault.kind in FULL_DISKS:
        async with disks[name].full():
            await asyncio.sleep(fault.seconds)
        return name
    pid = cluster.processes.get(name)
    if pid is None:  # an earlier one that is being started again
        return name
    if fault.kind.endswith("paused"):
        await _pause(pid, fault.seconds)
    else:
        _kill(pid)
    return name


def _names(kind: Kind, cluster: Cluster) -> list[str]:
    """Of the processes that it may befall, or of the disks."""
    subject = kind.removesuffix("'s disk full") if kind in FULL_DISKS else kind.rpartition(" ")[0]
    match subject:
        case "logs' disk full":
            return [LOGS]
        case "service":
            return sorted(cluster.stack.processes)
        case "NATS server":
            return [server.folder.name for server in cluster.nats]
        case "PostgreSQL":
            return [cluster.postgres.primary.title]
        case "standby":
            return [cluster.postgres.standby.title]
        case _:
            return [cluster.valkey.folder.name]


async def _until_standby_answers(cluster: Cluster) -> None:
    """An earlier fault may have befallen it: who promotes looks whether there is something to promote."""
    async with asyncio.timeout(60):
        while not cluster.postgres.standby.running or await cluster.postgres.standby.probe() is not None:
            await asyncio.sleep(0.1)


def _family(pid: int) -> list[psutil.Process]:
    """It and its children: PostgreSQL has one for each connection."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _kill(pid: int) -> None:
    for process in _family(pid):
        with suppress(psutil.NoSuchProcess):
            process.kill()


async def _pause(pid: int, seconds: float) -> None:
    paused = _family(pid)
    try:
        for process in paused:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        await asyncio.sleep(seconds)
    finally:
        for process in paused:
            with suppress(psutil.NoSuchProcess):
                process.resume()


async def _cut_postgres(cluster: Cluster) -> None:
    connection = await asyncpg.connect(cluster.postgres.primary.url("postgres"), timeout=5)
    try:
        await connection.execute(_CUT)
    finally:
        await connection.close()


async def _cut_valkey(cluster: Cluster) -> None:
    async with redis.asyncio.Redis.from_url(cluster.valkey.admin_url, socket_timeout=2) as client:
        await client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
