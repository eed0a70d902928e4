"""What is read of the running product: processes, queues, tables, logs."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import aiohttp
import asyncpg
import nats
import nats.errors
import psutil

from libs.common.topology import CLOCK_STREAM, DEAD_STREAM, EVENT_STREAM
from tests.bench.stage import GOOGLE, Stage

UNREACHABLE: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    nats.errors.Error,
    asyncpg.PostgresConnectionError,
)
_UNFINISHED = "SELECT count(*) FROM sync.runs WHERE finished_at IS NULL AND due_at <= now()"


@dataclass(frozen=True)
class Held:
    """By a process and everything below it, `members` in all. `memory_bytes`: pages that belong to no file, resident or swapped out.

    Programs and libraries are left out: how much of them is resident changes with whoever else on the machine uses them. What is shared
    with the process that it was copied from counts whole: of a share, more would be its own whenever one of the copies writes into a page,
    and it would seem to grow by what it had from the beginning.
    """

    pid: int
    memory_bytes: int
    descriptors: int
    members: int


@dataclass(frozen=True)
class Metrics:
    """Of a service, as Prometheus reads it. `series`: names with labels. `collections`: how often Python has looked for cycles."""

    series: int
    collections: int


@dataclass(frozen=True)
class Sample:
    """One moment, in seconds. `queues`: messages that wait or are in hand, by consumer, and runs that are due."""

    at: float
    processes: Mapping[str, Held]
    queues: Mapping[str, int]
    metrics: Mapping[str, Metrics] = field(default_factory=dict)


async def take(product: Stage, begun: float) -> Sample:
    """`begun`: on the monotonic clock, the beginning of the samples' time."""
    pids = {**product.stack.processes, **product.stack.server_processes, GOOGLE: product.google.pid}
    processes = await asyncio.to_thread(lambda: {name: _held(pid) for name, pid in pids.items()})
    return Sample(monotonic() - begun, processes, await _queues(product), await _metrics(product))


def _held(pid: int) -> Held:
    memory = descriptors = members = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for member in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):  # it ends meanwhile
                memory += anonymous_bytes(Path(f"/proc/{member.pid}/smaps_rollup").read_text())
                descriptors += member.num_fds()
                members += 1
    return Held(pid, memory, descriptors, members)


def anonymous_bytes(rollup: str) -> int:
    """Of a process, from its smaps_rollup."""
    fields = dict(line.split(":", 1) for line in rollup.splitlines()[1:])
    return sum(int(fields[name].split()[0]) * 1024 for name in ("Anonymous", "Swap"))


async def _metrics(product: Stage) -> dict[str, Metrics]:
    """Nothing of a service that is just being started again."""
    found: dict[str, Metrics] = {}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        for (service, _), port in product.stack.health_ports.items():
            with suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(f"http://127.0.0.1:{port}/metrics") as response:
                    found[service] = metrics_in(await response.text())
    return found


def metrics_in(exposition: str) -> Metrics:
    """What is in an answer of `/metrics`."""
    series = [line for line in exposition.splitlines() if line and not line.startswith("#")]
    values = dict(line.rsplit(" ", 1) for line in series)
    return Metrics(len(series), int(float(values.get('python_gc_collections_total{generation="0"}', "0"))))


async def _queues(product: Stage) -> dict[str, int]:
    client = await nats.connect(product.stack.admin_nats_url)
    try:
        queues = {
            info.name: (info.num_pending or 0) + (info.num_ack_pending or 0)
            for stream in (EVENT_STREAM, CLOCK_STREAM)
            for info in await client.jetstream().consumers_info(stream)
        }
    finally:
        await client.close()
    return {**queues, "runs that are due": await _count(product, _UNFINISHED)}


# --- at the end ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Left:
    """What is there at the end. `idle_runs`: looks that found nothing, and left a row all the same."""

    runs: int
    idle_runs: int
    recorded: int
    pending: int
    dead_letters: int
    largest_log_bytes: int
    log_bytes: int
    errors: int


async def take_left(product: Stage) -> Left:
    logs = [*(product.stack.data_dir / "logs").glob("*.log")]
    sizes = [log.stat().st_size for log in logs]
    return Left(
        runs=await _count(product, "SELECT count(*) FROM sync.runs"),
        idle_runs=await _count(
            product,
            "SELECT count(*) FROM sync.runs WHERE finished_at IS NOT NULL AND reason IN ('poll', 'push') AND new + updated + removed = 0"
            " AND state = 'completed'",
        ),
        recorded=await count_recorded(product),
        pending=await _count(product, "SELECT count(*) FROM sync.messages WHERE state = 'pending'"),
        dead_letters=await _dead_letters(product),
        largest_log_bytes=max(sizes, default=0),
        log_bytes=sum(sizes),
        errors=sum(_errors(log) for log in logs),
    )


async def count_recorded(product: Stage) -> int:
    """Messages that are on timelines, of all accounts."""
    return await _count(product, "SELECT count(*) FROM sync.messages WHERE state = 'recorded'")


async def _count(product: Stage, query: str) -> int:
    connection = await asyncpg.connect(product.stack.admin_postgres_url)
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


async def _dead_letters(product: Stage) -> int:
    client = await nats.connect(product.stack.admin_nats_url)
    try:
        return int((await client.jetstream().stream_info(DEAD_STREAM)).state.messages)
    finally:
        await client.close()


def _errors(log: Path) -> int:
    """Lines in which a service says that something is wrong with it."""
    return sum(b'"level":"error"' in line.replace(b" ", b"") for line in log.read_bytes().splitlines())
