"""The whole product on one machine: servers, migrations, the five services. For `pingcrm up`, demo, tests and benchmarks."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from libs.common.ids import SERVICES, Service
from libs.local import ROOT
from libs.local.backup.carrying_over import carry_over
from libs.local.bus_admin import admin_stream
from libs.local.data_dir import Runtime, announced, create, locked
from libs.local.environment import (
    Servers,
    external_servers,
    inherited,
    reachable_host,
    service_environment,
    settings_of,
)
from libs.local.forking import ForkServer, NoForkServer, can_fork
from libs.local.integrations import list_integrations
from libs.local.keep_alive import ServiceProcess, in_background, keep_running
from libs.local.log_files import keep_bounded
from libs.local.migrate import migrate
from libs.local.ports import LOOPBACK, free_port, why_not_served
from libs.local.process import Process, spawn
from libs.local.readiness import StackFailed, until_ready
from libs.local.secrets import POSTGRES_ADMIN, Secrets, load, renew
from libs.local.servers import Nats, Postgres, Server, Valkey, majors
from libs.local.waiting import Report, explained

READY_SECONDS = 90.0

Replica = tuple[Service, int]


class Stack:
    """What runs. `postgres`, `nats`, `valkey` are None where an external server is used. Made by `Stack.start`."""

    def __init__(
        self,
        data_dir: Path,
        settings: dict[str, str],
        external: Servers,
        secrets: Secrets,
        report: Report,
        *,
        log_files: bool,
    ) -> None:
        self.data_dir = data_dir
        self.secrets = secrets
        self.postgres: Postgres | None = None
        self.nats: Nats | None = None
        self.valkey: Valkey | None = None
        self.health_ports: dict[Replica, int] = {}
        self._settings = settings
        self._report = report
        self._log_files = log_files
        self._services: dict[Replica, ServiceProcess] = {}
        self._ports: dict[int, int] = {}  # the gateway's, by replica
        self._external = external
        self._fork_server: ForkServer | None = None

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        data_dir: Path,
        settings_overrides: Mapping[str, str] | None = None,
        *,
        services: Sequence[Service] = SERVICES,
        replicas: Mapping[Service, int] | None = None,
        postgres_options: Mapping[str, str] | None = None,
        log_files: bool = True,
        new_secrets: bool = False,
        report: Report = print,
    ) -> AsyncIterator["Stack"]:
        """Everything up and ready inside the context, everything stopped after it.

        `settings_overrides` are `PINGCRM_*` variables on top of the environment's; `PINGCRM_PORT` 0, or none, takes a free port.
        `replicas` is how many processes a service has (default 1). With `log_files` the services write to `data_dir/logs/`,
        else to our own stderr. `new_secrets`: what is lost of the folder's secrets is made anew, its data opened with it.
        `report` is called with what a person should know. Raises StackFailed, InUse, LostSecrets, ServerFailed, Unreachable,
        MigrationFailed.
        """
        settings = {**settings_of(os.environ), **(settings_overrides or {})}
        create(data_dir)
        async with AsyncExitStack() as cleanup:
            await cleanup.enter_async_context(locked(data_dir))
            environment = {**os.environ, **settings}
            renewal = renew(data_dir, environment) if new_secrets else None
            secrets = renewal.secrets if renewal else load(data_dir, environment)
            stack = cls(data_dir, settings, external_servers(environment), secrets, report, log_files=log_files)
            counts = {service: (replicas or {}).get(service, 1) for service in services}
            await stack._choose_ports(counts, int(settings.get("PINGCRM_PORT", "0")))
            stack._choose_servers(postgres_options)
            outdated = await stack._carry_over(renewed=renewal is not None)
            if len(stack.health_ports) > 1 and can_fork():
                stack._start_fork_server(cleanup)  # imports while the servers start
            if renewal and stack.postgres:
                await stack.postgres.reset_password()
            await stack._start_servers(cleanup)
            await migrate(
                stack.admin_postgres_url,
                stack.admin_nats_url,
                stack.secrets,
                replicas=int(settings.get("PINGCRM_STREAM_REPLICAS", "1")),
                report=report,
            )
            if stack.nats:
                await _let_integrations_in(stack.nats)
            if renewal:
                await stack._give_up_unreadable_tokens()
                renewal.keep()
            await stack._until_imported()
            cleanup.push_async_callback(stack._stop_services)
            stack._start_services(cleanup)
            in_background(cleanup, keep_bounded(stack._list_logs))
            await stack.until_ready()
            for folder in outdated:
                report(f"{folder} is removed: PingCRM works with what was carried over from it.")
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)  # else the next start tries again
            cleanup.enter_context(announced(data_dir, stack._runtime()))
            yield stack

    # --- what a caller reads and does --------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Of the gateway, from this machine."""
        return self.urls[0]

    @property
    def urls(self) -> list[str]:
        """Of each replica of the gateway."""
        host = reachable_host(self._settings.get("PINGCRM_HOST", LOOPBACK))
        return [f"http://{host}:{port}" for port in self._ports.values()]

    @property
    def public_url(self) -> str:
        """Under which people reach it."""
        return self._settings.get("PINGCRM_PUBLIC_URL", self.url)

    @property
    def admin_postgres_url(self) -> str:
        return self.postgres.admin_url if self.postgres else self._external.postgres

    @property
    def admin_nats_url(self) -> str:
        return self.nats.admin_url if self.nats else self._external.nats

    @property
    def servers(self) -> Servers:
        """The embedded ones, and those of the environment in their place."""
        embedded = {service: self.valkey.url_for(service) for service in SERVICES} if self.valkey else {}
        return Servers(
            self.admin_postgres_url,
            self.admin_nats_url,
            self.valkey.admin_url if self.valkey else self._external.redis,
            {**embedded, **self._external.redis_of},
        )

    @property
    def processes(self) -> dict[str, int]:
        """Name → process id: `sync`, further replicas as `sync-1`…"""
        return {supervised.name: supervised.pid for supervised in self._services.values()}

    @property
    def fork_server_pid(self) -> int | None:
        """Of the process that the services are copies of; None where each was started by itself."""
        return self._fork_server.pid if self._fork_server else None

    @property
    def server_processes(self) -> dict[str, int]:
        """Name → process id of the embedded servers that run."""
        servers = {"postgres": self.postgres, "nats": self.nats, "valkey": self.valkey}
        return {name: server.process.pid for name, server in servers.items() if server and server.process}

    def settings_for(self, service: Service, replica: int = 0) -> dict[str, str]:
        """The whole environment of a service's process."""
        environment = service_environment(service, os.environ, self._settings, self.servers, self.secrets)
        port = self._ports.get(replica if service == "gateway" else 0, 0)
        environment |= {
            "PINGCRM_PORT": str(port),
            "PINGCRM_PUBLIC_URL": self.public_url if self._ports else "",
            "PINGCRM_HEALTH_PORT": str(self.health_ports.get((service, replica), 0)),
        }
        return environment

    async def kill(self, service: Service, replica: int = 0) -> None:
        """SIGKILL, as a crash: it is started again after half a second."""
        await self._services[service, replica].kill()

    async def restart(self, service: Service, replica: int = 0) -> None:
        """A clean stop and a start; returns when it is ready."""
        await self._services[service, replica].restart()
        await self.until_ready()

    async def until_ready(self, timeout: float = READY_SECONDS) -> None:
        """Wait until every service reports that it is ready. StackFailed where one keeps ending, or the time is over."""
        host = reachable_host(self._settings.get("PINGCRM_HOST", LOOPBACK))
        services = {
            f"http://{host}:{self.health_ports[replica]}/health/ready": service
            for replica, service in self._services.items()
        }
        await until_ready(services, timeout, self._report)

    # --- how it comes up and goes down ----------------------------------------------------------------------------

    async def _choose_ports(self, counts: Mapping[Service, int], port: int) -> None:
        host = self._settings.get("PINGCRM_HOST", LOOPBACK)
        if port and (refused := await why_not_served(port, host)):
            raise StackFailed(refused)
        for service, count in counts.items():
            for replica in range(count):
                self.health_ports[service, replica] = free_port()
                if service == "gateway":
                    self._ports[replica] = port if port and replica == 0 else free_port()

    def _choose_servers(self, postgres_options: Mapping[str, str] | None) -> None:
        """Those that no URL replaces."""
        if not self._external.postgres:
            self.postgres = Postgres(self.data_dir / "postgres", self.secrets[POSTGRES_ADMIN], postgres_options)
        if not self._external.nats:
            self.nats = Nats(self.data_dir / "nats", self.secrets)
        if not self._external.redis:
            self.valkey = Valkey(self.data_dir / "valkey", self.secrets)

    async def _carry_over(self, *, renewed: bool) -> Sequence[Path]:
        """Data of an older PostgreSQL is ours afterwards. What was carried over by a run before this one, and may go once all works."""
        if self.postgres is None:
            return ()
        folder, is_ours = self.postgres.folder, majors.read_major(self.postgres.data) == majors.MAJOR
        outdated = majors.list_kept(folder) if is_ours else ()
        await carry_over(self.postgres, self.secrets, self._report, renewed=renewed)
        return outdated

    async def _start_servers(self, cleanup: AsyncExitStack) -> None:
        """All at once."""
        cleanup.push_async_callback(self._stop_servers)
        missing = [server.name for server in self._servers()]

        async def start(server: Server) -> None:
            await server.start()
            missing.remove(server.name)

        async with explained(lambda: ", ".join(missing), self._report), asyncio.TaskGroup() as group:
            for server in self._servers():
                group.create_task(start(server))
        for server in self._servers():
            in_background(cleanup, keep_running(server, self._report))

    def _servers(self) -> list[Server]:
        return [server for server in (self.postgres, self.nats, self.valkey) if server is not None]

    async def _stop_servers(self) -> None:
        names = ", ".join(server.name for server in self._servers())
        async with explained(lambda: f"{names} to stop", self._report):
            await asyncio.gather(*(server.stop() for server in self._servers()))

    async def _give_up_unreadable_tokens(self) -> None:
        """The accounts whose tokens were sealed with a lost key wait for their users; nothing runs yet that could need one."""
        logs = self.data_dir / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        process = spawn(
            [sys.executable, "-m", "services.auth.lost_keys"],
            death_signal=signal.SIGKILL,
            env=self.settings_for("auth"),
            log=logs / "auth.log",
            cwd=ROOT,
        )
        if await process.wait() != 0:
            raise StackFailed(f"The tokens sealed with the lost key could not be given up.\n{process.last_lines()}")

    def _start_fork_server(self, cleanup: AsyncExitStack) -> None:
        self._fork_server = ForkServer(ROOT, inherited(os.environ))
        cleanup.push_async_callback(self._fork_server.stop)

    async def _until_imported(self) -> None:
        if self._fork_server:
            async with explained(lambda: "the services to be imported", self._report):
                try:
                    await self._fork_server.until_ready()
                except NoForkServer:
                    self._fork_server = None

    def _start_services(self, cleanup: AsyncExitStack) -> None:
        (self.data_dir / "logs").mkdir(mode=0o700, exist_ok=True)
        for service, replica in self.health_ports:
            name = f"{service}-{replica}" if replica else service
            log = self.data_dir / "logs" / f"{name}.log" if self._log_files else None
            supervised = ServiceProcess(name, self._starter(service, replica, log), log, self._report)
            self._services[service, replica] = supervised
            in_background(cleanup, supervised.run())

    def _list_logs(self) -> list[Path]:
        """Of the services and of the embedded servers."""
        return [*(self.data_dir / "logs").glob("*.log"), *(server.log for server in self._servers())]

    def _starter(self, service: Service, replica: int, log: Path | None) -> Callable[[], Process]:
        """A service may die at once with its supervisor: whatever it had in hand is delivered again."""

        def start() -> Process:
            environment = self.settings_for(service, replica)
            if self._fork_server:
                try:
                    return self._fork_server.fork(service, environment, log)
                except NoForkServer:  # killed: its copies are started by themselves from now on
                    self._fork_server = None
            command = [sys.executable, "-m", f"services.{service}"]
            return spawn(command, death_signal=signal.SIGKILL, env=environment, log=log, cwd=ROOT)

        return start

    async def _stop_services(self) -> None:
        async with explained(lambda: "the services to finish what they have in hand", self._report):
            await asyncio.gather(*(supervised.stop() for supervised in self._services.values()))

    def _runtime(self) -> Runtime:
        return Runtime(
            pid=os.getpid(),
            url=self.public_url if self._ports else "",
            postgres_url=self.admin_postgres_url,
            nats_url=self.admin_nats_url,
            redis_url=self.servers.redis,
            redis_urls=dict(self.servers.redis_of),
            health_ports={self._services[replica].name: port for replica, port in self.health_ports.items()},
        )


async def _let_integrations_in(server: Nats) -> None:
    """As the stream knows them: what the server was started with may be older, after a crash or a restored folder."""
    async with admin_stream(server.admin_url) as js:
        integrations = [waiting.integration for waiting in await list_integrations(js)]
    if integrations != server.integrations():
        await server.set_integrations(integrations)
