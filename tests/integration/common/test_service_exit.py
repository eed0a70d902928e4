"""With which code the process of a service ends: whoever keeps it alive goes by that."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from libs.common.config import Settings
from libs.local import ROOT
from tests.conftest import ServiceSettings

# A service of which a loop ends with an error, and another has something in hand meanwhile.
PROGRAM = """
import asyncio, sys
from libs.common.service import run

async def wire(r):
    began = asyncio.Event()

    async def work():
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            assert await r.db.fetchval("SELECT 1") == 1, "what loops need is there until they have ended"
            print("finished", flush=True)

    async def fail():
        await began.wait()
        if sys.argv[1] == "fail":
            raise ZeroDivisionError
        print("ready", flush=True)
        await asyncio.Event().wait()

    r.run_in_background("work", work)
    r.run_in_background("other", fail)

run("sync", wire)
"""


def environment_of(settings: Settings) -> Mapping[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PINGCRM_POSTGRES_URL": settings.postgres_url,
        "PINGCRM_NATS_URL": settings.nats_url,
        "PINGCRM_REDIS_URL": settings.redis_url,
        "PINGCRM_LOG_FORMAT": "json",
    }


async def start(program: Path, how: str, settings: Settings) -> asyncio.subprocess.Process:
    program.write_text(PROGRAM)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(program),
        how,
        env={**environment_of(settings), "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def output_of(process: asyncio.subprocess.Process) -> tuple[int, str, list[str]]:
    """Its exit code, what it printed, and the events of its log, once it has ended."""
    async with asyncio.timeout(60):
        printed, logged = await process.communicate()
    lines = [json.loads(line) for line in logged.decode().splitlines()]
    assert process.returncode is not None
    return process.returncode, printed.decode(), [line["event"] for line in lines]


async def test_a_service_whose_loop_fails_ends_in_order_to_be_started_again(
    service_settings: ServiceSettings, tmp_path: Path
) -> None:
    code, printed, events = await output_of(await start(tmp_path / "program.py", "fail", service_settings("sync")))
    assert code == 1
    assert printed == "finished\n"
    assert sorted(events[:2]) == ["background_ended", "started"]
    assert events[2:] == ["stopping", "stopped"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_service_that_is_stopped_ends_with_0(
    service_settings: ServiceSettings, tmp_path: Path, number: signal.Signals
) -> None:
    process = await start(tmp_path / "program.py", "stay", service_settings("sync"))
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert await process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert await output_of(process) == (0, "finished\n", ["started", "stopping", "stopped"])


async def test_a_service_that_can_not_start_ends_with_1(service_settings: ServiceSettings, tmp_path: Path) -> None:
    settings = service_settings("sync").model_copy(update={"postgres_url": "postgresql://nobody@127.0.0.1:1/none"})
    code, printed, events = await output_of(await start(tmp_path / "program.py", "stay", settings))
    assert (code, printed, events) == (1, "", ["start_failed"])
