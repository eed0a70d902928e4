"""A Prometheus on the services that run here, with the alerts of deploy/: what an operator's would answer."""

import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from libs.local.demo.person import poll_until
from libs.local.ports import LOOPBACK, free_port
from libs.local.process import spawn
from libs.local.supervisor import Replica
from tests.support.monitoring import ALERTS

PROMETHEUS = shutil.which("prometheus")
START_SECONDS = 30.0


@dataclass(frozen=True)
class Series:
    """What a query gave: the labels, and (seconds since 1970, value) for each moment that had one."""

    labels: Mapping[str, str]
    values: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Prometheus:
    """Its HTTP API."""

    url: str
    http: aiohttp.ClientSession

    async def query(self, query: str, begin: float, end: float, step_seconds: float) -> list[Series]:
        """The series of a query between two moments. ValueError: Prometheus refuses it, with its words."""
        asked = {"query": query, "start": str(begin), "end": str(end), "step": f"{step_seconds:g}"}
        answer = await self._get("query_range", asked)
        return [
            Series(found["metric"], [(at, float(value)) for at, value in found["values"]])
            for found in answer["data"]["result"]
        ]

    async def healthy_targets(self) -> int:
        """How many services it has read from, the last time that it tried."""
        active = (await self._get("targets", {"state": "active"}))["data"]["activeTargets"]
        return sum(target["health"] == "up" for target in active)

    async def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/api/v1/{path}", params=query) as response:
            answer: dict[str, Any] = await response.json()
        if answer["status"] != "success":
            raise ValueError(f"{answer['error']}: {query}")
        return answer


@asynccontextmanager
async def prometheus(
    program: str, folder: Path, ports: Mapping[Replica, int], every_seconds: int
) -> AsyncIterator[Prometheus]:
    """It reads from each replica of each service; `ports`: those of their health. TimeoutError: it does not start."""
    folder.mkdir()
    config, log = folder / "prometheus.yml", folder / "prometheus.log"
    targets = [
        {"targets": [f"{LOOPBACK}:{port}"], "labels": {"service": service}} for (service, _), port in ports.items()
    ]
    document = {
        "global": {"scrape_interval": f"{every_seconds}s", "evaluation_interval": f"{every_seconds}s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [{"job_name": "pingcrm", "static_configs": targets}],
    }
    config.write_text(yaml.safe_dump(document))
    port = free_port()
    process = spawn(
        [program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={LOOPBACK}:{port}"],
        death_signal=signal.SIGKILL, env=os.environ, log=log, cwd=folder,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
            found = Prometheus(f"http://{LOOPBACK}:{port}", http)
            if not await poll_until(lambda: _has_read(found, len(ports)), seconds=START_SECONDS):
                raise TimeoutError(f"Prometheus did not read from {len(ports)} services.\n{process.last_lines()}")
            yield found
    finally:
        await process.stop(signal.SIGTERM, 5)


async def _has_read(found: Prometheus, services: int) -> bool:
    try:
        return await found.healthy_targets() == services
    except aiohttp.ClientError:
        return False
