"""Data of an older major version of PostgreSQL: carried over at the next start, whole, whatever happens meanwhile; or left as it is."""

import re
import shutil
import signal
import sys
from asyncio import create_subprocess_exec
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from libs.common import __version__
from libs.local import ROOT
from libs.local.backup import carrying_over
from libs.local.backup.archive import Archive
from libs.local.backup.backing_up import back_up, source
from libs.local.backup.failures import BackupFailed
from libs.local.backup.restoring import Target, restore_into, target
from libs.local.environment import Servers as Urls
from libs.local.migrate import migrate_database
from libs.local.secrets import FILE, Secrets
from libs.local.servers import Nats, ServerFailed, majors
from libs.local.supervisor import Stack
from tests.support.database import Database, fresh_database
from tests.support.installation_rows import describe, fill, rows_in
from tests.support.older_postgres import MOMENTS, Moment, older_postgres
from tests.support.servers import UNSAFE, Servers

NOW = datetime(2026, 11, 28, 16, 5, 7, tzinfo=UTC)
OLDER = 16  # the wheel has it, as the version before ours

Rows = Mapping[str, list[str]]


async def install(data_dir: Path, major: int) -> Rows:
    """As a release with that PostgreSQL leaves its folder; all its rows. Skips the test where that version is not here."""
    async with older_postgres(data_dir, major) as (server, secrets):
        await migrate_database(server.admin_url, secrets)
        await fill(server.admin_url, secrets)
        return await rows_in(server.admin_url)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def older(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rows]:
    """A folder to be copied, and what is in it."""
    data_dir = tmp_path_factory.mktemp("older") / "data"
    return data_dir, await install(data_dir, OLDER)


@pytest.fixture
def data_dir(older: tuple[Path, Rows], tmp_path: Path) -> Path:
    """An installation with an older PostgreSQL, of the test's own."""
    return Path(shutil.copytree(older[0], tmp_path / "data"))


def made_by(data_dir: Path) -> int | None:
    return majors.read_major(data_dir / "postgres" / "data")


def kept_by(data_dir: Path) -> list[int | None]:
    return [majors.read_major(folder) for folder in majors.list_kept(data_dir / "postgres")]


async def rows_of_ours(data_dir: Path) -> Rows:
    """All rows, as a start on the folder finds them."""
    async with Stack.start(data_dir, services=(), postgres_options=UNSAFE, report=lambda _: None) as stack:
        return await rows_in(stack.admin_postgres_url)


def without_names_of_constraints(description: str) -> str:
    """An older PostgreSQL has no names for NOT NULL; ours makes them of those that columns have now."""
    return re.sub(r"CONSTRAINT \w+ NOT NULL", "NOT NULL", description)


@pytest.mark.parametrize("major", [15, 16, 17])
async def test_data_of_an_older_postgresql_is_carried_over_and_stays_until_the_start_after_that(
    major: int, database: Database, tmp_path: Path
) -> None:
    data_dir, reports = tmp_path / "data", list[str]()
    rows = await install(data_dir, major)
    async with Stack.start(data_dir, services=(), postgres_options=UNSAFE, report=reports.append) as stack:
        assert await rows_in(stack.admin_postgres_url) == rows
        ours, native = describe(stack.admin_postgres_url), describe(database.admin_url)
        assert without_names_of_constraints(ours) == without_names_of_constraints(native)
    assert (made_by(data_dir), kept_by(data_dir)) == (majors.MAJOR, [major])
    assert not (data_dir / "postgres" / "next").exists()
    reported = [report for report in reports if not report.startswith("Waiting")]
    assert len(reported) == 2
    assert reported[0].endswith(f"is carried over from PostgreSQL {major} to {majors.MAJOR} …")
    assert reported[1].endswith(" until PingCRM has started once more.")

    async with Stack.start(data_dir, services=(), postgres_options=UNSAFE, report=reports.append) as stack:
        assert await rows_in(stack.admin_postgres_url) == rows
    assert (made_by(data_dir), kept_by(data_dir)) == (majors.MAJOR, [])
    assert reports[-1].endswith(" is removed: PingCRM works with what was carried over from it.")


@pytest.mark.parametrize("major", [15, 16, 17])
async def test_a_backup_of_an_older_postgresql_is_restored_into_ours_and_the_folder_is_left_as_it_is(
    major: int, nats_server: Nats, servers: Servers, secrets: Secrets, tmp_path: Path
) -> None:
    data_dir, file = tmp_path / "data", tmp_path / "backup.zip"
    rows = await install(data_dir, major)
    async with source(data_dir, {}) as found:
        manifest = await back_up(found, file, NOW, lambda *_: None)
    assert (manifest.server, manifest.dumped_by) == (major, majors.MAJOR)
    assert (made_by(data_dir), kept_by(data_dir)) == (major, [])
    async with fresh_database(await servers.postgres(), secrets) as empty:
        with Archive(file, __version__) as archive:
            await restore_into(
                Target(Urls(empty.admin_url, nats_server.admin_url, ""), secrets, None), archive, lambda *_: None
            )
        assert await rows_in(empty.admin_url) == rows


@pytest.mark.parametrize("moment", MOMENTS)
async def test_killed_at_any_moment_it_goes_on_at_the_next_start(
    moment: Moment, older: tuple[Path, Rows], data_dir: Path
) -> None:
    command = [sys.executable, "-m", "tests.support.older_postgres", str(data_dir), moment]
    process = await create_subprocess_exec(*command, cwd=ROOT)
    assert await process.wait() == -signal.SIGKILL
    assert made_by(data_dir) == {"renamed": None, "replaced": majors.MAJOR}.get(moment, OLDER)
    assert await rows_of_ours(data_dir) == older[1]
    assert made_by(data_dir) == majors.MAJOR
    assert kept_by(data_dir) == ([] if moment == "replaced" else [OLDER])
    assert not (data_dir / "postgres" / "next").exists()


async def test_a_backup_finishes_the_renaming_that_was_cut_off(older: tuple[Path, Rows], data_dir: Path) -> None:
    process = await create_subprocess_exec(
        sys.executable, "-m", "tests.support.older_postgres", str(data_dir), "renamed", cwd=ROOT
    )
    assert await process.wait() == -signal.SIGKILL
    async with source(data_dir, {}) as found:
        assert await rows_in(found.postgres_url) == older[1]
    assert (made_by(data_dir), kept_by(data_dir)) == (majors.MAJOR, [OLDER])


async def test_what_could_not_be_done_leaves_the_folder_as_it_was(
    older: tuple[Path, Rows], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fill_a_disk(*_: object) -> None:
        raise BackupFailed("no space left on the device")

    with monkeypatch.context() as full:
        full.setattr(carrying_over, "fill_database", fill_a_disk)
        with pytest.raises(ServerFailed, match=r"could not be carried over .*, and is as it was: no space left"):
            await rows_of_ours(data_dir)
    assert (made_by(data_dir), kept_by(data_dir)) == (OLDER, [])
    assert not (data_dir / "postgres" / "next").exists()
    with pytest.raises(ServerFailed, match=r"`pingcrm up` carries over what it has made itself"):
        async with target(data_dir, {}, {}):
            pass
    assert await rows_of_ours(data_dir) == older[1]


async def test_with_lost_secrets_it_is_carried_over_all_the_same(older: tuple[Path, Rows], data_dir: Path) -> None:
    (data_dir / FILE).unlink()
    async with Stack.start(
        data_dir, services=(), postgres_options=UNSAFE, new_secrets=True, report=lambda _: None
    ) as stack:
        found = await rows_in(stack.admin_postgres_url)
    assert found["contacts.interactions"] == older[1]["contacts.interactions"]
    assert len(found["auth.users"]) == 1


async def test_a_folder_whose_first_start_was_cut_off_begins_with_ours(tmp_path: Path) -> None:
    async with older_postgres(tmp_path / "data", OLDER):
        pass
    assert (await rows_of_ours(tmp_path / "data"))["auth.users"] == []
    assert made_by(tmp_path / "data") == majors.MAJOR


async def test_data_of_a_newer_postgresql_is_left_alone_by_all_commands(data_dir: Path) -> None:
    (data_dir / "postgres" / "data" / "PG_VERSION").write_text(f"{majors.MAJOR + 1}\n")
    with pytest.raises(ServerFailed, match="a newer PingCRM has carried it over"):
        await rows_of_ours(data_dir)
    with pytest.raises(ServerFailed, match="a newer PingCRM has carried it over"):
        async with source(data_dir, {}):
            pass
    with pytest.raises(ServerFailed, match="a newer PingCRM has carried it over"):
        async with target(data_dir, {}, {}):
            pass


async def test_an_older_server_of_ones_own_is_not_carried_over(tmp_path: Path) -> None:
    """The folder of the embedded one is not looked at then."""
    async with older_postgres(tmp_path / "elsewhere", OLDER) as (server, _):
        settings = {"PINGCRM_POSTGRES_URL": server.admin_url}
        async with Stack.start(tmp_path / "data", settings, services=(), report=lambda _: None) as stack:
            connection = await asyncpg.connect(stack.admin_postgres_url)
            assert connection.get_server_version().major == OLDER
            await connection.close()
