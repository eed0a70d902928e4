"""Embedded servers whose disk is full for a while: they keep what they have confirmed, and go on by themselves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg
import nats.errors
import nats.js.errors
import pytest

from libs.common.cache import OUTAGES, Cache, open_cache
from libs.common.config import Settings
from libs.local.bus_admin import Unreachable, admin_stream
from libs.local.keep_alive import in_background, keep_running
from libs.local.secrets import generate
from libs.local.servers import Nats, Postgres, Server, ServerFailed, Valkey
from tests.support.disks import Disk, own_disk, why_no_disk
from tests.support.servers import UNSAFE

SECONDS = 60.0
PIECE = b"x" * 100_000
REFUSED = (TimeoutError, OSError, Unreachable, nats.errors.Error, nats.js.errors.Error)


async def stored_before_full(disk: Disk, store: Callable[[int], Awaitable[bool]]) -> list[int]:
    """The numbers that were stored: three with room, then as many as went onto a disk that was full. Afterwards 1,000 is stored, too."""
    stored = [number for number in range(3) if await store(number)]
    assert stored == [0, 1, 2]
    async with disk.full(), asyncio.timeout(SECONDS):
        number = 3
        while await store(number):
            stored.append(number)
            number += 1
    async with asyncio.timeout(SECONDS):
        while not await store(1_000):
            await asyncio.sleep(0.1)
    return stored


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[tuple[Disk, list[str]]]:
    """On a disk of its own, and started again when it ends; what is reported of it."""
    if reason := why_no_disk():
        pytest.skip(reason)
    reports: list[str] = []
    async with AsyncExitStack() as cleanup:
        disk = cleanup.enter_context(own_disk(server.folder))
        cleanup.push_async_callback(server.stop)
        await server.start()
        in_background(cleanup, keep_running(server, reports.append))
        yield disk, reports


async def test_nats_goes_on_with_what_it_has_confirmed_when_its_disk_has_room_again(tmp_path: Path) -> None:
    server = Nats(tmp_path / "nats", generate())

    async def publish(number: int) -> bool:
        try:
            async with admin_stream(server.admin_url) as js:
                await js.publish("kept", b"%d " % number + PIECE, timeout=2)
        except REFUSED:
            return False
        return True

    async with running(server) as (disk, reports):
        async with admin_stream(server.admin_url) as js:
            await js.add_stream(name="KEPT", subjects=["kept"])
        confirmed = await stored_before_full(disk, publish)
        async with admin_stream(server.admin_url) as js:
            kept = [
                int((await js.get_msg("KEPT", seq=seq)).data.split(b" ")[0]) for seq in range(1, len(confirmed) + 1)
            ]
        assert kept == confirmed
        assert reports, "it would have kept its streams off"


async def test_postgresql_goes_on_with_what_it_has_committed_when_its_disk_has_room_again(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", "superuser-password", UNSAFE)

    async def insert(number: int) -> bool:
        try:
            connection = await asyncpg.connect(server.url("postgres"), timeout=2)
            try:
                await connection.execute(
                    "INSERT INTO kept SELECT n, repeat(md5(n::text), 3000) FROM (SELECT $1::int) AS given(n)",
                    number,
                    timeout=5,
                )
            finally:
                connection.terminate()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async with running(server) as (disk, _):
        connection = await asyncpg.connect(server.url("postgres"))
        await connection.execute("CREATE TABLE kept (number int, filling text STORAGE EXTERNAL)")
        await connection.close()
        committed = await stored_before_full(disk, insert)
        connection = await asyncpg.connect(server.url("postgres"))
        kept = [row["number"] for row in await connection.fetch("SELECT number FROM kept ORDER BY number")]
        await connection.close()
        assert kept == [*committed, 1_000]


async def test_a_server_that_can_not_be_started_on_a_full_disk_is_started_when_there_is_room(tmp_path: Path) -> None:
    server = Nats(tmp_path / "nats", generate())
    async with running(server) as (disk, reports):
        assert server.process is not None
        async with disk.full(), asyncio.timeout(SECONDS):
            await server.process.kill()
            while not any("could not be started" in report for report in reports):
                await asyncio.sleep(0.1)
            with pytest.raises((OSError, ServerFailed)):
                (server.folder / "more").write_bytes(bytes(10_000))
        async with asyncio.timeout(SECONDS):
            while not (server.running and await server.probe() is None):
                await asyncio.sleep(0.1)


async def test_valkey_takes_writes_when_its_disk_has_room_again_and_refuses_them_as_an_outage_before(
    tmp_path: Path,
) -> None:
    secrets = generate()
    server = Valkey(tmp_path / "valkey", secrets)
    async with running(server) as (disk, _):
        cache = open_cache(Settings(redis_url=server.url_for("sync")), "sync")
        try:
            await cache.put("kept", "before", timedelta(hours=1))
            async with disk.full(), asyncio.timeout(SECONDS):
                while await is_taken(cache, PIECE):
                    pass
                with pytest.raises(OUTAGES):
                    await cache.count_failure("strike", timedelta(hours=1))
                with pytest.raises(OUTAGES):
                    await cache.ping()
            async with asyncio.timeout(SECONDS):
                while not await is_taken(cache, b"room"):
                    await asyncio.sleep(0.1)
            assert await cache.get("kept") == b"before"
        finally:
            await cache.close()


async def is_taken(cache: Cache, value: bytes) -> bool:
    try:
        await cache.put("filling", value, timedelta(hours=1))
    except OUTAGES:
        return False
    return True
