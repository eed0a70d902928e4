"""How `pingcrm promote` asks the cluster that runs on a folder: a signal to the process that holds its lock, the outcome in a file."""

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import BaseModel, ValidationError

from libs.local.locate import NothingRuns
from libs.local.private_file import write_private

REQUEST_SIGNAL = signal.SIGUSR1
OUTCOME_SECONDS = 120.0
POLL_SECONDS = 0.1


class Outcome(BaseModel):
    """A sentence about how it went."""

    done: bool
    sentence: str


class NotPromoted(Exception):
    """The cluster refused, or gave no answer; the message is why."""


@asynccontextmanager
async def promotions_served(
    folder: Path, promote: Callable[[], Awaitable[Outcome]]
) -> AsyncIterator["asyncio.Task[None]"]:
    """Inside, each signal makes a promotion, one after the other, for as long as the task goes on that is returned.

    To be entered before the lock is taken, and left after it is released: the signal would end who does not serve it.
    """
    loop, wanted = asyncio.get_running_loop(), asyncio.Event()

    async def serve() -> None:
        while True:
            await wanted.wait()
            wanted.clear()
            outcome = await promote()
            write_private(_outcome_file(folder), outcome.model_dump_json())

    loop.add_signal_handler(REQUEST_SIGNAL, wanted.set)
    serving = asyncio.create_task(serve())
    try:
        yield serving
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        loop.remove_signal_handler(REQUEST_SIGNAL)
        signal.signal(REQUEST_SIGNAL, signal.SIG_IGN)  # a request that comes too late must not cut the end short


async def request_promotion(folder: Path) -> str:
    """Ask the cluster on the folder, and wait for the end of it. NothingRuns, NotPromoted."""
    holder = _holder_of(folder / "lock")
    if holder is None:
        raise NothingRuns(f"No cluster runs on {folder.parent}: start `pingcrm cluster`, or name its --data-dir.")
    _outcome_file(folder).unlink(missing_ok=True)
    os.kill(holder, REQUEST_SIGNAL)
    deadline = asyncio.get_running_loop().time() + OUTCOME_SECONDS
    while (outcome := _read_outcome(folder)) is None:
        if asyncio.get_running_loop().time() > deadline:
            raise NotPromoted(f"The cluster did not answer within {OUTCOME_SECONDS:.0f} s; its terminal may say why.")
        await asyncio.sleep(POLL_SECONDS)
    if not outcome.done:
        raise NotPromoted(outcome.sentence)
    return outcome.sentence


def _outcome_file(folder: Path) -> Path:
    return folder / "promotion.json"


def _read_outcome(folder: Path) -> Outcome | None:
    try:
        return Outcome.model_validate_json(_outcome_file(folder).read_text())
    except (FileNotFoundError, ValidationError):
        return None


def _holder_of(lock: Path) -> int | None:
    """The process that holds a lock; None where nobody does. A lock outlives no process, so no number is somebody else's by now."""
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(descriptor, 20).decode().strip() or 0) or None
    else:
        return None
    finally:
        os.close(descriptor)
