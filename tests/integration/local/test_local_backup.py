"""A backup of a real database and its restoration: the same schema and rows, of one moment, or nothing at all."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from libs.common import __version__
from libs.common.events import ContactChanged
from libs.common.integrations import Grants
from libs.local.backup import backing_up
from libs.local.backup.archive import Archive
from libs.local.backup.backing_up import Source, back_up
from libs.local.backup.dumping import dump, find_program, restore
from libs.local.backup.failures import BackupFailed, NoInstallation, Unrestorable
from libs.local.backup.keys import ids_of
from libs.local.backup.restoring import Target, check, give_up_unreadable_tokens, restore_into
from libs.local.bus_admin import admin_stream
from libs.local.environment import Servers as Urls
from libs.local.integrations import create_integration, delete_integration, get_integration, list_integrations
from libs.local.secrets import SECRET_KEYS, Secrets, generate
from libs.local.servers import Nats
from tests.support.database import Database, fresh_database
from tests.support.installation_rows import ANN, USER, everything_in, fill, run
from tests.support.servers import Servers

NOW = datetime(2026, 11, 28, 16, 5, 7, tzinfo=UTC)


def unseen(what: str, done: int, total: int) -> None:
    """Nobody watches."""


LATE = (
    f"INSERT INTO auth.api_tokens (id, user_id, hash, name, scopes) VALUES ('{ANN}', '{USER}', 'h', 'late', '{{read}}')",
    f"DELETE FROM contacts.interactions WHERE user_id = '{USER}'",
    "DELETE FROM gateway.notifications",
)


class CutOff(Archive):
    """A file that ends in the middle of its last tables."""

    def pieces(self) -> Iterator[bytes]:
        whole = b"".join(super().pieces())
        yield whole[:-64]  # most of a small one is the list of what is in it


@asynccontextmanager
async def another(servers: Servers, secrets: Secrets) -> AsyncIterator[Database]:
    """A second database of a new installation."""
    async with fresh_database(await servers.postgres(), secrets) as empty:
        yield empty


async def test_what_is_restored_is_what_there_was_at_one_moment_and_an_installation_in_use_is_left_alone(
    database: Database,
    nats_server: Nats,
    servers: Servers,
    secrets: Secrets,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await fill(database.admin_url, secrets)
    expected = await everything_in(database.admin_url)
    async with admin_stream(nats_server.admin_url) as js:
        sheet = await create_integration(js, "sheet", Grants(subscribe=(ContactChanged,)))

    async def dump_later(*arguments: Any) -> None:
        await run(database.admin_url, *LATE)
        await dump(*arguments)

    file, stages = tmp_path / "backup.zip", set[str]()
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(backing_up, "dump", dump_later)
        manifest = await back_up(
            Source(database.admin_url, (sheet,)), file, NOW, lambda what, *_: stages.add(what.partition(" ")[0])
        )
    assert stages == {"Counting", "Writing"}
    assert manifest.rows == {name: len(rows) for name, rows in expected.items() if name != "described"}
    assert set(manifest.sealed_with) == set(await ids_of(secrets))

    async with another(servers, secrets) as empty, admin_stream(nats_server.admin_url) as js:
        await delete_integration(js, "sheet")
        target = Target(Urls(empty.admin_url, nats_server.admin_url, ""), secrets, None)
        with CutOff(file, __version__) as cut, pytest.raises(BackupFailed, match=r"pg_restore failed: "):
            await restore_into(target, cut, unseen)
        with Archive(file, __version__) as archive:
            check(archive, await ids_of(secrets), unseen)
            await restore_into(target, archive, lambda what, *_: stages.add(what.partition(" ")[0]))
            assert await everything_in(empty.admin_url) == expected
            assert {"Restoring", "Computing", "Bringing"} <= stages
            restored = (await get_integration(js, "sheet")).integration
            assert restored.grants == sheet.grants
            assert len(await list_integrations(js)) == 1
            await delete_integration(js, "sheet")

            # Numbers go on where they were, and triggers count on.
            another_one = "INSERT INTO contacts.addresses (user_id, kind, value, shown) VALUES ($1, 'email', 'new', '') RETURNING id"
            connection = await asyncpg.connect(empty.url_for("contacts"))
            assert await connection.fetchval(another_one, USER) == 41
            await connection.execute("DELETE FROM interactions WHERE ref::int <= 100")
            assert await connection.fetchval("SELECT total FROM interaction_counts") == 200
            await connection.close()

            # Whose keys are lost is asked to connect again.
            keyless = Secrets({**secrets, SECRET_KEYS: generate()[SECRET_KEYS]})
            await give_up_unreadable_tokens(replace(target, secrets=keyless), {})
            connection = await asyncpg.connect(empty.admin_url)
            assert await connection.fetchval("SELECT status FROM auth.google_accounts") == "reauth_required"
            await connection.close()

            with pytest.raises(
                Unrestorable, match=r"is not empty \(auth.google_accounts\): a backup is restored into a new"
            ):
                await restore_into(target, archive, unseen)


async def test_a_database_that_services_use_is_left_alone(
    database: Database, nats_server: Nats, servers: Servers, secrets: Secrets, tmp_path: Path
) -> None:
    file = tmp_path / "backup.zip"
    await back_up(Source(database.admin_url), file, NOW, unseen)
    connection = await asyncpg.connect(database.url_for("sync"))
    target = Target(Urls(database.admin_url, nats_server.admin_url, ""), secrets, None)
    with Archive(file, __version__) as archive, pytest.raises(Unrestorable, match=r"sync use the database at .*: stop"):
        await restore_into(target, archive, unseen)
    assert await connection.fetchval("SELECT count(*) FROM accounts") == 0
    await connection.close()


async def test_what_pg_dump_or_pg_restore_refuses_is_passed_on_and_leaves_no_file(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackupFailed, match=r"pg_restore failed: .*input file"):
        await restore(
            find_program("pg_restore", 18, tls=False), database.admin_url, [b"no dump at all"] * 99, 0, unseen
        )

    async def dump_of_another_moment(program: Any, url: str, _: str, *others: Any) -> None:
        await dump(program, url, "00000003-0000001B-1", *others)

    monkeypatch.setattr(backing_up, "dump", dump_of_another_moment)
    with pytest.raises(BackupFailed, match=r"pg_dump failed: .*snapshot"):
        await back_up(Source(database.admin_url), tmp_path / "backup.zip", NOW, unseen)
    assert list(tmp_path.iterdir()) == []


async def test_a_database_without_pingcrm_is_named(servers: Servers, tmp_path: Path) -> None:
    url = (await servers.postgres()).url("postgres")
    with pytest.raises(NoInstallation, match=r"There is no PingCRM in the database at .*/postgres: name another one"):
        await back_up(Source(url), tmp_path / "backup.zip", NOW, unseen)
