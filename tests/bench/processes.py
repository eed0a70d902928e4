"""What the operating system counted for the product's processes: CPU seconds and memory, each with its children."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """CPU in seconds since the start; memory in bytes.

    `memory_bytes`: what processes share is divided among them (PSS), so that a sum counts it once. `unshared_bytes`: without that (USS).
    """

    cpu_seconds: float
    memory_bytes: int
    unshared_bytes: int


def usage(pids: Mapping[str, int]) -> dict[str, Usage]:
    """The usage of each named process and everything below it that has no name of its own, now."""
    return {name: _usage(pid, set(pids.values()) - {pid}) for name, pid in pids.items()}


def cpu_between(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> dict[str, float]:
    """CPU seconds spent between two readings; a process that was restarted counts from its start."""
    return {
        name: max(now.cpu_seconds - before[name].cpu_seconds, 0.0) if name in before else now.cpu_seconds
        for name, now in after.items()
    }


@asynccontextmanager
async def peak_memory(read: Callable[[], Mapping[str, Usage]], every_seconds: float) -> AsyncIterator[dict[str, int]]:
    """The most memory that each process had, in bytes, read now and again until the block ends."""
    peaks = {name: used.memory_bytes for name, used in read().items()}

    async def sample() -> None:
        while True:
            await asyncio.sleep(every_seconds)
            for name, used in (await asyncio.to_thread(read)).items():
                peaks[name] = max(peaks.get(name, 0), used.memory_bytes)

    sampling = asyncio.create_task(sample())
    try:
        yield peaks
    finally:
        sampling.cancel()


def _usage(pid: int, others: set[int]) -> Usage:
    """A parent's own count has what its ended children spent: backends that came and went are PostgreSQL's."""
    cpu, memory, unshared = 0.0, 0, 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for member in (process, *process.children(recursive=True)):
            if member.pid in others:
                continue
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                times = member.cpu_times()
                cpu += times.user + times.system + times.children_user + times.children_system
                found = member.memory_full_info()
                memory += getattr(found, "pss", found.uss)  # only Linux knows who shares what
                unshared += found.uss
    return Usage(cpu, memory, unshared)
