"""The whole cluster as one context: its servers, then the services on them, two of each. All on the loopback interface."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from libs.common.ids import SERVICES
from libs.local.cluster.postgres_pair import NoStandby, PostgresPair
from libs.local.cluster.promotion import Outcome
from libs.local.data_dir import create, locked
from libs.local.environment import URLS, redis_url_name
from libs.local.keep_alive import in_background, keep_running
from libs.local.log_files import keep_bounded
from libs.local.nats_config import Membership
from libs.local.ports import LOOPBACK, choose_port
from libs.local.readiness import StackFailed
from libs.local.secrets import POSTGRES_ADMIN, Secrets, load
from libs.local.servers import Nats, Server, ServerFailed, Valkey
from libs.local.supervisor import Stack
from libs.local.waiting import Report, explained

NATS_SERVERS = 3
REPLICAS = 2


class Cluster:
    """What runs. Made by `Cluster.start`. `stack` is the services, on servers that are external to it."""

    stack: Stack

    def __init__(self, folder: Path, secrets: Secrets, report: Report, options: Mapping[str, str] | None) -> None:
        self.folder = folder
        self.postgres = PostgresPair(folder, secrets[POSTGRES_ADMIN], options)
        self.nats = tuple(Nats(folder / f"nats-{number + 1}", secrets) for number in range(NATS_SERVERS))
        self.valkey = Valkey(folder / "valkey", secrets)
        self._report = report
        self._promoting = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        data_dir: Path,
        settings_overrides: Mapping[str, str] | None = None,
        *,
        postgres_options: Mapping[str, str] | None = None,
        report: Report = print,
    ) -> AsyncIterator["Cluster"]:
        """Everything up and ready inside the context, everything stopped after it.

        Arguments as for `Stack.start`, whose errors it raises; StackFailed, too, where the environment names servers.
        """
        if named := [name for name in (*URLS, *map(redis_url_name, SERVICES)) if os.environ.get(name)]:
            raise StackFailed(f"A cluster has servers of its own: unset {', '.join(named)}.")
        create(data_dir)
        folder = servers_of(data_dir)
        create(folder)
        async with AsyncExitStack() as cleanup:
            await cleanup.enter_async_context(locked(folder))
            cluster = cls(folder, load(data_dir, os.environ), report, postgres_options)
            report("Starting three NATS servers, PostgreSQL and its standby, and Valkey …")
            await cluster._start_servers(cleanup)
            report("Starting two replicas of each service …")
            cluster.stack = await cleanup.enter_async_context(
                Stack.start(
                    data_dir,
                    {**cluster._settings(), **(settings_overrides or {})},
                    replicas=dict.fromkeys(SERVICES, REPLICAS),
                    report=report,
                )
            )
            yield cluster

    @property
    def servers(self) -> dict[str, Server]:
        """By name, as their folders are called."""
        return {server.folder.name: server for server in (*self.nats, *self.postgres.nodes, self.valkey)}

    @property
    def processes(self) -> dict[str, int]:
        """Name → process id, of servers and services that run: `nats-1`, `postgres-2`, `sync`, `sync-1`…"""
        servers = {name: server.process.pid for name, server in self.servers.items() if server.process}
        return {**servers, **self.stack.processes}

    async def promote(self) -> Outcome:
        """The standby becomes primary, and the primary before it its standby. One at a time."""
        async with self._promoting:
            before = self.postgres.primary.title
            try:
                await self.postgres.promote()
                now = self.postgres.primary.title
                self._report(f"{now} is the primary now. Making {before} its standby …")
                await self.postgres.renew_standby()
            except (NoStandby, ServerFailed, OSError) as error:  # such as a full disk
                self._report(str(error))
                return Outcome(done=False, sentence=str(error))
            sentence = f"{now} is the primary, {before} its standby."
            self._report(sentence)
            return Outcome(done=True, sentence=sentence)

    def _settings(self) -> dict[str, str]:
        own = {redis_url_name(service): self.valkey.url_for(service) for service in SERVICES}
        urls = (self.postgres.admin_url, ",".join(server.admin_url for server in self.nats), self.valkey.admin_url)
        return {
            **dict(zip(URLS, urls, strict=True)),
            **own,
            "PINGCRM_STREAM_REPLICAS": str(NATS_SERVERS),
            "PINGCRM_HOST": LOOPBACK,
            "PINGCRM_PORT": "0",
        }

    async def _start_servers(self, cleanup: AsyncExitStack) -> None:
        """All at once: a NATS server of a cluster is ready when most of them are."""
        self._join_nats()
        cleanup.push_async_callback(self._stop_servers)
        missing = {*self.servers}

        async def start(server: Server) -> None:
            await server.start()
            missing.discard(server.folder.name)

        async def start_pair() -> None:
            await self.postgres.start()
            missing.difference_update(node.title for node in self.postgres.nodes)

        async with explained(lambda: ", ".join(sorted(missing)), self._report), asyncio.TaskGroup() as group:
            group.create_task(start_pair())
            for server in (*self.nats, self.valkey):
                group.create_task(start(server))
        for server in self.servers.values():
            in_background(cleanup, keep_running(server, self._report))
        in_background(cleanup, keep_bounded(lambda: [server.log for server in self.servers.values()]))

    def _join_nats(self) -> None:
        """Each is told where the others listen for it."""
        for server in self.nats:
            server.folder.mkdir(mode=0o700, exist_ok=True)
        ports = [choose_port(server.folder / "cluster-port") for server in self.nats]
        for server, port in zip(self.nats, ports, strict=True):
            others = tuple(other for other in ports if other != port)
            server.membership = Membership(server.folder.name, port, others)

    async def _stop_servers(self) -> None:
        async with explained(lambda: "the servers to stop", self._report):
            await asyncio.gather(*(server.stop() for server in self.servers.values()))


def servers_of(data_dir: Path) -> Path:
    """The folder of a cluster's servers. Its lock is held by who runs them; the one of `data_dir` by who runs services."""
    return data_dir / "servers"
