"""`pingcrm cluster`: a standby that has every commit, a promotion that services find by reconnecting, and the command around all of it."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from libs.common import db
from libs.common.bus import OUTAGES
from libs.common.config import Settings
from libs.common.db import Pool, open_pool
from libs.common.errors import Outage
from libs.local.cluster import NoStandby, PostgresPair
from libs.local.data_dir import Runtime, read_runtime
from libs.local.schemas import primary_of
from libs.local.servers import ServerFailed
from tests.support.fault_stage import until
from tests.support.servers import UNSAFE
from tests.support.stand_ins import pingcrm

PASSWORD = "superuser-password"
START_SECONDS, GONE_SECONDS = 150, 60


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[PostgresPair]:
    pair = PostgresPair(folder, PASSWORD, UNSAFE)
    try:
        await pair.start()
        yield pair
    finally:
        await asyncio.gather(*(node.kill() for node in pair.nodes))


@asynccontextmanager
async def pool_of(url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(
        Settings(postgres_url=url, nats_url="nats://nowhere", redis_url="redis://nowhere", pool_size=2)
    )
    try:
        yield pool
    finally:
        pool.terminate()


async def numbers(pool: Pool) -> list[int]:
    return [row["number"] for row in await pool.fetch("SELECT number FROM kept ORDER BY number")]


@pytest.mark.timeout(150)
async def test_a_promotion_loses_no_commit_and_a_pool_finds_it_after_nothing_but_outages(tmp_path: Path) -> None:
    async with running(tmp_path) as pair:
        administrator = await asyncpg.connect(pair.primary.url("postgres"))
        await administrator.execute("CREATE DATABASE pingcrm")
        await administrator.close()
        async with pool_of(pair.admin_url) as pool:
            await pool.execute("CREATE TABLE kept (number int)")
            for number in range(50):
                await pool.execute("INSERT INTO kept VALUES ($1)", number)
            old, new = pair.nodes

            async def read_by_standby() -> bool:
                """It has every commit, and shows it a moment later: also that there is this database."""
                try:
                    connection = await asyncpg.connect(new.url("pingcrm"))
                except asyncpg.InvalidCatalogNameError:
                    return False
                await connection.close()
                return True

            assert await until(read_by_standby)
            await old.kill()
            with pytest.raises((Outage, *db.OUTAGES)):  # of the connection that there was
                await numbers(pool)
            with pytest.raises(Outage):  # of a new one; a bare OSError the gateway would take for its client's
                await numbers(pool)
            await pair.promote()

            async def found() -> list[int]:
                try:
                    return await numbers(pool)
                except OUTAGES:
                    return []

            assert await until(found) == list(range(50))
            await pool.execute("INSERT INTO kept VALUES (50)")
            assert pair.nodes == (new, old)
            assert (await primary_of(pair.admin_url)).partition("@")[
                2
            ] == f"127.0.0.1:{new.port}/pingcrm?target_session_attrs=read-write"

            with pytest.raises(NoStandby):  # the other one has not all of it yet
                await pair.promote()
            with pytest.raises(ServerFailed, match="not the primary any more"):
                await old.start()
            await pair.renew_standby()
            await pair.promote()
            assert await until(found) == list(range(51))

            # Who starts the folder again finds the primary that was, and makes the other one its standby.
            await asyncio.gather(*(node.stop() for node in pair.nodes))
            async with running(tmp_path) as again:
                assert again.primary.title == pair.primary.title
                async with pool_of(again.admin_url) as fresh:
                    assert await numbers(fresh) == list(range(51))


@pytest.mark.timeout(120)
async def test_a_commit_is_one_when_the_standby_has_it(tmp_path: Path) -> None:
    async with running(tmp_path) as pair:
        assert pair.standby.process is not None
        paused = [standby := psutil.Process(pair.standby.process.pid), *standby.children(recursive=True)]
        writer, watcher = [await asyncpg.connect(pair.primary.url("postgres")) for _ in range(2)]
        await writer.execute("CREATE TABLE kept (number int)")
        for process in paused:
            process.suspend()
        writing = asyncio.create_task(writer.execute("INSERT INTO kept VALUES (1)"))

        async def waits() -> bool:
            return bool(await watcher.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))

        try:
            assert await until(waits, 20)
            assert not writing.done()
        finally:
            for process in paused:
                process.resume()
        await writing
        for connection in (writer, watcher):
            await connection.close()


@pytest.mark.timeout(120)
async def test_where_only_standbys_are_left_that_is_an_outage(tmp_path: Path) -> None:
    """In the middle of a promotion, and for who is connected to what was the primary and is none any more."""
    async with running(tmp_path) as pair:
        standby = pair.standby.url("postgres")
        with pytest.raises(Outage):
            await open_pool(
                Settings(
                    postgres_url=f"{standby}?target_session_attrs=read-write",
                    nats_url="nats://nowhere",
                    redis_url="redis://nowhere",
                )
            )
        async with pool_of(standby) as pool:
            with pytest.raises(OUTAGES):
                await pool.execute("CREATE TABLE refused ()")


class ClusterCommand:
    """A running `pingcrm cluster`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.process = self.command("cluster")

    def command(self, name: str) -> "subprocess.Popen[str]":
        return pingcrm(self.folder, [name, "--data-dir", str(self.data_dir)])

    async def started(self) -> Runtime:
        async def runtime() -> Runtime | None:
            if self.process.poll() is not None:
                raise AssertionError(self.process.communicate()[0])
            return read_runtime(self.data_dir)

        found: Runtime = await until(runtime, START_SECONDS)
        return found

    async def end(self) -> str:
        """All that it printed, once Ctrl-C has ended it."""
        self.process.send_signal(signal.SIGINT)
        printed, _ = await asyncio.to_thread(self.process.communicate, timeout=GONE_SECONDS)
        return str(printed)


@pytest.mark.timeout(START_SECONDS + 150)
async def test_the_command_runs_everything_twice_promotes_on_request_and_leaves_nothing_behind(tmp_path: Path) -> None:
    cluster = ClusterCommand(tmp_path)
    try:
        runtime = await cluster.started()
        assert len(runtime.health_ports) == 10
        assert runtime.nats_url.count("nats://") == 3
        family = psutil.Process(cluster.process.pid).children(recursive=True)
        assert sum(process.name() == "nats-server" for process in family) == 3

        promotion = cluster.command("promote")
        printed, _ = await asyncio.to_thread(promotion.communicate, timeout=GONE_SECONDS)
        assert (promotion.returncode, printed) == (0, "postgres-2 is the primary, postgres-1 its standby.\n")
        connection = await asyncpg.connect(runtime.postgres_url)
        await connection.execute("CREATE TABLE written ()")
        await connection.close()
    finally:
        output = await cluster.end()
    assert cluster.process.returncode == 0, output
    assert "two gateways of one cluster" in output
    assert "Traceback" not in output
    assert [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    assert (cluster.data_dir / "servers" / "nats-1" / "nats.conf").stat().st_mode & 0o777 == 0o600
    late = cluster.command("promote")
    printed, _ = await asyncio.to_thread(late.communicate, timeout=GONE_SECONDS)
    assert late.returncode == 1
    assert "No cluster runs on" in printed
