"""TLS to the three servers: what a URL asks for is had, or nothing is sent. The servers are real and want a certificate of ours."""

import asyncio
import gc
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TypeVar

import asyncpg
import nats.errors
import pytest
import pytest_asyncio
from redis.exceptions import ConnectionError as RedisConnectionError

from libs.common.bus import Bus
from libs.common.cache import open_cache
from libs.common.config import Settings
from libs.common.db import check_writable, open_pool
from libs.common.errors import Outage
from libs.common.tls import TlsFiles, with_tls_files
from libs.local import schemas
from libs.local.bus_admin import connect_admin
from libs.local.doctor.servers import check_servers
from libs.local.environment import Servers, external_servers
from libs.local.ports import free_port
from libs.local.secrets import generate
from libs.local.urls import postgres_url, with_database
from tests.support.certificates import Authority
from tests.support.servers import new_folder
from tests.support.tls_servers import HOST, PASSWORD, MappingNats, TlsNats, TlsPostgres, TlsRedis, TlsServer

T = TypeVar("T", bound=TlsServer)
Reach = Callable[[str, TlsFiles], Awaitable[None]]
REFUSED = (Outage, OSError, nats.errors.Error, RedisConnectionError)


def settings_of(files: TlsFiles, **urls: str) -> Settings:
    return Settings(tls_ca=files.ca, tls_cert=files.certificate, tls_key=files.key, **urls)  # type: ignore[arg-type]


async def reach_postgres(url: str, files: TlsFiles) -> None:
    pool = await open_pool(settings_of(files, postgres_url=url))
    try:
        await check_writable(pool)
    finally:
        await pool.close()


async def reach_nats(url: str, files: TlsFiles) -> None:
    connection = await connect_admin(with_tls_files(url, files))
    try:
        await connection.flush()
    finally:
        await connection.close()


async def reach_redis(url: str, files: TlsFiles) -> None:
    cache = open_cache(settings_of(files, redis_url=url), "auth")
    try:
        await cache.ping()
    finally:
        await cache.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("of_a_stranger"), "theirs")


@asynccontextmanager
async def running(kind: type[T], authority: Authority) -> AsyncIterator[T]:
    folder = new_folder("tls")
    server = kind(folder, authority)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()
        shutil.rmtree(folder)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def postgres(authority: Authority) -> AsyncIterator[TlsPostgres]:
    async with running(TlsPostgres, authority) as server:
        yield server


@pytest.mark.parametrize(("kind", "reach"), [(TlsNats, reach_nats), (TlsRedis, reach_redis)], ids=["nats", "redis"])
async def test_a_server_is_reached_by_its_own_name_under_our_ca_with_our_certificate_and_not_otherwise(
    kind: type[TlsServer], reach: Reach, authority: Authority, stranger: Authority
) -> None:
    async with running(kind, authority) as server:
        await check_reach(server, reach, stranger)


async def test_postgres_is_reached_by_its_own_name_under_our_ca_with_our_certificate_and_not_otherwise(
    postgres: TlsPostgres, stranger: Authority
) -> None:
    await check_reach(postgres, reach_postgres, stranger)


async def check_reach(server: TlsServer, reach: Reach, stranger: Authority) -> None:
    await reach(server.url(), server.files)

    with pytest.raises(REFUSED, match="certificate verify failed"):
        await reach(server.url(), replace(server.files, ca=stranger.certificate))
    with pytest.raises(REFUSED, match=r"IP address mismatch|not valid for '127\.0\.0\.1'"):
        await reach(server.url("127.0.0.1"), server.files)
    with pytest.raises(REFUSED):
        await reach(server.url(), replace(server.files, certificate=None, key=None))
    foreign = stranger.issue("client")
    with pytest.raises(REFUSED):
        await reach(server.url(), replace(server.files, certificate=foreign.certificate, key=foreign.key))

    await reach(server.url(), server.files)


async def test_a_certificate_is_a_login_without_a_password_where_the_server_takes_it_for_one(
    postgres: TlsPostgres, authority: Authority
) -> None:
    files = files_of(authority, "certified")
    admin = await asyncpg.connect(postgres.admin_url)
    await admin.execute("CREATE ROLE certified LOGIN")
    await admin.close()
    url = f"postgresql://certified@{HOST}:{postgres.port}/postgres?sslmode=verify-full"
    await reach_postgres(url, files)
    with pytest.raises(Outage, match="certificate authentication failed"):
        await reach_postgres(url, postgres.files)
    async with running(MappingNats, authority) as server:
        await reach_nats(server.url(), server.files)
        with pytest.raises(REFUSED):
            await reach_nats(server.url(), files)


def files_of(authority: Authority, name: str) -> TlsFiles:
    """Those of whoever has this name."""
    issued = authority.issue(name)
    return TlsFiles(authority.certificate, issued.certificate, issued.key)


async def test_the_migration_and_a_service_log_in_over_tls(
    postgres: TlsPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the query of the administrator's URL, which dbmate reads as well, and `external_servers` completes."""
    monkeypatch.setattr(schemas, "SERVICES", ("auth",))  # the others want a newer PostgreSQL than the system may have
    secrets = generate()
    environment = {
        "PINGCRM_POSTGRES_URL": with_database(postgres.url(), "crm"),
        "PINGCRM_TLS_CA": str(postgres.files.ca),
        "PINGCRM_TLS_CERT": str(postgres.files.certificate),
        "PINGCRM_TLS_KEY": str(postgres.files.key),
    }
    admin_url = external_servers(environment).postgres
    assert await schemas.create_database(admin_url)
    await schemas.apply_roles(admin_url, secrets)
    await schemas.apply_migrations(admin_url, secrets)
    pool = await open_pool(Settings(postgres_url=postgres_url(admin_url, "auth", secrets)))
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert await connection.fetchval("SELECT count(*) FROM users") == 0
    await pool.close()


async def test_a_service_and_a_cluster_of_nats_are_connected_over_tls(authority: Authority) -> None:
    async with running(TlsNats, authority) as server:
        urls = f"tls://auth:{PASSWORD}@{HOST}:{free_port()},{server.url()}"  # of the first nobody is at home
        settings = settings_of(server.files, nats_url=urls, redis_url="redis://127.0.0.1:1")
        bus = Bus(settings, "auth", open_cache(settings, "auth"))
        async with asyncio.timeout(20):
            await bus.connect()
        assert bus.client.connected_url is not None
        assert bus.client.connected_url.port == server.port
        await bus.stop()


async def test_doctor_names_a_certificate_that_nobody_we_trust_has_signed(
    authority: Authority, stranger: Authority
) -> None:
    async with running(TlsNats, authority) as server:
        url = with_tls_files(server.url(), replace(server.files, ca=stranger.certificate))
        found = [finding async for finding in check_servers(Servers("", url, "")) if finding.level == "wrong"]
        assert len(found) == 1
        assert "its certificate is refused" in found[0].sentence
        assert "PINGCRM_TLS_CA" in found[0].sentence
        assert PASSWORD not in found[0].sentence


class PlainServer:
    """Offers no encryption, and keeps what it is sent. `greeting` is what NATS begins with, `no` PostgreSQL's reply to a wish for TLS."""

    def __init__(self, greeting: bytes, no: bytes) -> None:
        self.greeting = greeting
        self.no = no
        self.received = b""
        self.port = 0
        self.serving: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.append(asyncio.current_task())
        writer.write(self.greeting)
        while data := await reader.read(4096):
            self.received += data
            if not self.no:
                break
            writer.write(self.no)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@pytest_asyncio.fixture
async def plain_server(request: pytest.FixtureRequest) -> AsyncIterator[PlainServer]:
    plain = PlainServer(*request.param)
    listening = await asyncio.start_server(plain.serve, "127.0.0.1", 0)
    plain.port = listening.sockets[0].getsockname()[1]
    yield plain
    listening.close()
    async with asyncio.timeout(20):
        await asyncio.gather(*filter(None, plain.serving))
    gc.collect()


# Redis' client leaves the socket of a failed handshake to the garbage collector, which warns.
LEAVES_ITS_SOCKET = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
INFO = b'INFO {"server_id":"x","version":"2.15.0","auth_required":true,"max_payload":1048576,"headers":true}\r\n'


@pytest.mark.parametrize(
    ("plain_server", "url", "reach"),
    [
        ((b"", b"N"), "postgresql://postgres:{}@localhost:{}/postgres?sslmode=require", reach_postgres),
        ((b"", b"N"), "postgresql://postgres:{}@localhost:{}/postgres?sslmode=verify-full", reach_postgres),
        ((INFO, b"PONG\r\n"), "tls://auth:{}@localhost:{}", reach_nats),
        pytest.param((b"", b""), "rediss://auth:{}@localhost:{}/0", reach_redis, marks=LEAVES_ITS_SOCKET),
    ],
    ids=["postgres-require", "postgres", "nats", "redis"],
    indirect=["plain_server"],
)
async def test_no_password_goes_to_a_server_that_does_not_encrypt_where_the_url_asks_for_it(
    plain_server: PlainServer, url: str, reach: Reach, authority: Authority
) -> None:
    with pytest.raises(REFUSED):
        await reach(url.format(PASSWORD, plain_server.port), TlsFiles(authority.certificate))
    assert PASSWORD.encode() not in plain_server.received
