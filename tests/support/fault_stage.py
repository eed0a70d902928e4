"""The whole product, every service a process that dies on request, on a local Google; and people who live on it one after the other.

What a person's life has left behind is compared as `Remains`: all their rows in all schemas, and the mails that were sent, without what
differs between any two lives (ids, tokens, moments).
"""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import nats
import pytest
from nats.js import JetStreamContext

from libs.common.ids import SERVICES, Service
from libs.common.topology import CONSUMERS, DEAD_STREAM, EVENT_STREAM
from libs.google_sim.pubsub.topics import Push, Subscription
from libs.google_sim.server import GoogleServer, run_google
from libs.local import ROOT
from libs.local.migrate import migrate_bus
from libs.local.ports import free_port
from libs.local.secrets import SECRET_KEYS, WEBHOOK_KEYS, Secrets
from libs.local.servers import Nats
from libs.local.urls import redis_url as redis_url_of
from tests.support.bus import stop_schedules
from tests.support.database import Database, fresh_database
from tests.support.driven_clock import set_clock
from tests.support.faulty_services import ACK_WAIT_SECONDS, armed_name
from tests.support.product import UNLIMITED
from tests.support.push import PUSHED, ROBOT, TOPIC, pulls
from tests.support.servers import Servers

QUIET_SECONDS = 150.0  # only to end what hangs
POLL_SECONDS = 0.03
PUSHED_TOPIC = "projects/pingcrm/topics/pushed"

_UNFINISHED = """
SELECT EXISTS (SELECT FROM sync.runs WHERE finished_at IS NULL) AS runs,
       EXISTS (SELECT FROM sync.outbox) OR EXISTS (SELECT FROM auth.outbox) OR EXISTS (SELECT FROM prep.outbox) AS outbox,
       EXISTS (SELECT FROM sync.audits WHERE finished_at IS NULL) AS audits,
       EXISTS (SELECT FROM sync.item_audits WHERE due_at <= now()) AS item_audits,
       EXISTS (SELECT FROM contacts.rechecks) AS rechecks,
       EXISTS (SELECT FROM contacts.contacts WHERE due_at <= now() AND merged_into IS NULL) AS scores,
       EXISTS (SELECT FROM contacts.contacts WHERE duplicates_due AND merged_into IS NULL) AS duplicates,
       EXISTS (SELECT FROM contacts.bcc_offers WHERE told_at IS NULL) AS offers,
       EXISTS (SELECT FROM prep.preps WHERE state = 'sending') AS briefs,
       EXISTS (SELECT FROM gateway.webhook_deliveries) AS webhooks
"""


@dataclass
class FaultStage:
    """`google.world` is changed directly. `url`: the gateway's. `pool`, `stream`: the servers as their administrator sees them."""

    google: GoogleServer
    url: str
    folder: Path
    pool: asyncpg.Pool
    stream: JetStreamContext
    pushed: Subscription
    nats_url: str
    people: int = 0

    # --- the clock, where the test drives it

    def set_clock(self, moment: datetime) -> None:
        """From now on it is that moment, for what the services decide by the time of day and for Google."""
        set_clock(self.folder, moment)
        self.google.world.now = moment.timestamp

    @property
    def now(self) -> datetime:
        return self.google.world.utc_now()

    # --- faults

    def arm(self, kind: str, point: str, of: str = "") -> None:
        """The next process that reaches the point `fails` or `dies` there."""
        (self.folder / "armed" / armed_name(point, of)).write_text(kind)

    def unreached(self) -> list[str]:
        """What is still armed."""
        return sorted(path.name for path in (self.folder / "armed").iterdir())

    def disarm(self) -> None:
        for path in (self.folder / "armed").iterdir():
            path.unlink()

    # --- watching

    async def quiet(self) -> None:
        """Until nothing is left to do: no event undelivered, no run unfinished, nothing due."""
        busy: list[str] = []
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                while busy := await self._busy():
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            pytest.fail(f"still busy after {QUIET_SECONDS} s: {busy}\n{self.last_errors()}")

    async def _busy(self) -> list[str]:
        """What is left to do, looked for in the order in which one thing leads to the next: what has left one place is found in the other.

        Notifications become events, events runs, and runs events, which may ask for more runs.
        """
        if any(waiting.waiting or waiting.leased for waiting in self.google.world.pubsub.subscriptions.values()):
            return ["notifications"]
        if self.pushed.counters.published > self.pushed.counters.acknowledged:
            return ["pushed notifications"]
        for look in (self._undelivered, self._unfinished) * 2:
            if busy := await look():
                return busy
        return await self._undelivered()

    async def _unfinished(self) -> list[str]:
        row = await self.pool.fetchrow(_UNFINISHED)
        assert row is not None
        return [name for name, is_busy in row.items() if is_busy]

    async def _undelivered(self) -> list[str]:
        info = await self.stream.stream_info(EVENT_STREAM, subjects_filter=">")
        if info.state.messages:
            return sorted(info.state.subjects or {"events": 1})
        clocks = [consumer for consumer in CONSUMERS if consumer.stream != EVENT_STREAM]
        found = await asyncio.gather(*(self.stream.consumer_info(clock.stream, clock.name) for clock in clocks))
        return [state.name for state in found if state.num_pending or state.num_ack_pending]

    async def dead_letters(self) -> int:
        return (await self.stream.stream_info(DEAD_STREAM)).state.messages

    def last_errors(self) -> str:
        """The ends of the services' logs, for whoever looks for the reason of a failure."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text()[-1500:]}" for log in logs)


async def until(true: Callable[[], Awaitable[Any]], seconds: float = QUIET_SECONDS) -> Any:
    """What `true` returns, once that is something."""
    async with asyncio.timeout(seconds):
        while not (found := await true()):
            await asyncio.sleep(POLL_SECONDS)
        return found


def _environment(
    service: Service, database: Database, nats_server: Nats, redis: str, secrets: Secrets
) -> dict[str, str]:
    return {
        "PINGCRM_POSTGRES_URL": database.url_for(service),
        "PINGCRM_NATS_URL": nats_server.url_for(service),
        "PINGCRM_REDIS_URL": redis_url_of(redis, service, secrets),
        "PINGCRM_SECRET_KEYS": secrets[SECRET_KEYS],
        "PINGCRM_WEBHOOK_KEYS": secrets[WEBHOOK_KEYS],
        **UNLIMITED,
        "PINGCRM_MAIL_POLL_SECONDS": "3600",
        "PINGCRM_LOG_LEVEL": "WARNING",
        "PINGCRM_LOG_FORMAT": "json",
        "PINGCRM_POOL_SIZE": "4",
    }


def _push_subscription(gateway_url: str) -> Subscription:
    endpoint = f"{gateway_url}/api/v1/hooks/gmail"
    return Subscription(PUSHED, PUSHED_TOPIC, Push(endpoint, endpoint, ROBOT))


@asynccontextmanager
async def _services(folder: Path) -> AsyncIterator[None]:
    """The process that starts the services; they end with it."""
    log = (folder / "starter.log").open("wb")
    with (
        log,
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.faulty_services", str(folder)], cwd=ROOT, stdout=log, stderr=log
        ) as starter,
    ):
        try:
            yield
        finally:
            starter.terminate()


@asynccontextmanager
async def fault_stage(
    servers: Servers, secrets: Secrets, *, clock: datetime | None = None
) -> AsyncIterator[FaultStage]:
    """Everything up; nobody has signed in yet. `clock`: the test drives it, from then on."""
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="pingcrm-faults-"))
        stack.callback(shutil.rmtree, folder)
        for name in ("armed", "reached"):
            (folder / name).mkdir()
        database = await stack.enter_async_context(fresh_database(await servers.postgres(), secrets))
        valkey = await servers.valkey()
        server = Nats(folder / "nats", secrets)
        await server.start()
        stack.push_async_callback(server.kill)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("libs.common.topology.ACK_WAIT_SECONDS", ACK_WAIT_SECONDS)
            await migrate_bus(server.admin_url)
        await stop_schedules(server.admin_url)
        google = await stack.enter_async_context(run_google([]))
        port = free_port()
        pulling = pulls(google, folder, ack_seconds=1.0)
        shared = {f"PINGCRM_{name.upper()}": str(value) for name, value in pulling.items()}
        shared |= {"PINGCRM_GOOGLE_API_ROOT": google.url, "PINGCRM_GOOGLE_OAUTH_ROOT": google.url}
        shared |= {"PINGCRM_PORT": str(port), "PINGCRM_GOOGLE_PUBSUB_SERVICE_ACCOUNT": ROBOT}
        environments = {
            service: _environment(service, database, server, valkey.admin_url, secrets) | shared for service in SERVICES
        }
        (folder / "config.json").write_text(json.dumps(environments))
        pool = await asyncpg.create_pool(database.admin_url, min_size=1, max_size=2)
        stack.push_async_callback(pool.close)
        # Nobody is polled before an act wants it: what runs find must not depend on when that is.
        await pool.execute("ALTER TABLE sync.accounts ALTER poll_at SET DEFAULT 'infinity'")
        client = await nats.connect(server.admin_url)
        stack.push_async_callback(client.close)
        if clock:
            set_clock(folder, clock)  # before they start: they look whether there is one
            google.world.now = clock.timestamp
        await stack.enter_async_context(_services(folder))
        url = f"http://127.0.0.1:{port}"
        pushed = _push_subscription(url)
        google.world.pubsub.subscribe(pushed)
        google.world.pusher.serve(pushed)
        made = FaultStage(google, url, folder, pool, client.jetstream(timeout=20), pushed, server.admin_url)
        await _until_ready(made)
        yield made


async def _until_ready(stage: FaultStage) -> None:
    async with aiohttp.ClientSession() as http:

        async def ready() -> bool:
            try:
                async with http.get(f"{stage.url}/health/ready") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        try:
            await until(ready)
        except TimeoutError:
            pytest.fail(f"the gateway does not get ready\n{stage.last_errors()}")


__all__ = ["PUSHED_TOPIC", "TOPIC", "FaultStage", "fault_stage", "until"]
