"""The local Google as a process of its own, and its control API: what it expects, what was sent through it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from libs.local import ROOT
from libs.local.process import Process, spawn

START_SECONDS = 120.0  # a mailbox of gigabytes takes a while to read


class GoogleFailed(Exception):
    """The local Google did not start; the message ends with what it printed."""


@dataclass(frozen=True)
class LocalGoogle:
    """A running local Google. `url` is what the product sees; the control API is only for the demo and the tests."""

    url: str
    control_url: str
    pid: int
    http: aiohttp.ClientSession

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control API; GoogleFailed with its sentence where it refuses."""
        async with self.http.request(method, f"{self.control_url}{path}", json=body) as response:
            value = await response.json()
            if response.status >= 400:
                raise GoogleFailed(f"{method} {path}: {value.get('error')}")
            return value

    async def addresses(self) -> list[str]:
        """The accounts that there are, in order."""
        state = await self.control("GET", "/state")
        return [account["address"] for account in state["accounts"]]

    async def expected(self, **options: Any) -> dict[str, Any]:
        """The oracle's numbers for a user who connected every account."""
        expected: dict[str, Any] = await self.control("POST", "/oracle", {"options": options})
        return expected

    async def briefs(self) -> list[dict[str, Any]]:
        """The prep emails that were sent through Gmail."""
        sent = (await self.control("GET", "/sent"))["sent"]
        return [mail for mail in sent if any(name.lower() == "x-pingcrm-prep" for name, *_ in _headers(mail))]


def _headers(mail: dict[str, Any]) -> list[Sequence[str]]:
    headers = mail["headers"]
    return list(headers.items()) if isinstance(headers, dict) else list(headers)


@asynccontextmanager
async def local_google(folder: Path, options: Sequence[str]) -> AsyncIterator[LocalGoogle]:
    """Run `python -m libs.google_sim` with these options until the context ends; its files are in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    ports, log = folder / "google.json", folder / "google.log"
    ports.unlink(missing_ok=True)
    process = spawn(
        [sys.executable, "-m", "libs.google_sim", "--port-file", str(ports), *options],
        death_signal=signal.SIGTERM,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        log=log,
        cwd=Path.cwd(),
    )
    try:
        where = await _started(ports, process)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as http:
            yield LocalGoogle(where["url"], where["control_url"], process.pid, http)
    finally:
        await process.stop(signal.SIGTERM, 5)


async def _started(ports: Path, process: Process) -> dict[str, str]:
    ending = asyncio.ensure_future(process.wait())
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    try:
        while not ports.exists():
            if ending.done() or asyncio.get_running_loop().time() > deadline:
                raise GoogleFailed(f"The local Google did not start.\n{process.last_lines()}")
            await asyncio.sleep(0.05)
    finally:
        ending.cancel()
    where: dict[str, str] = json.loads(ports.read_text())
    return where
