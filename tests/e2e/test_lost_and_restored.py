"""What may be lost: everything but a backup and the keys; and, of an installation that runs, the bus and Redis."""

import asyncio
import json
import os
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from yarl import URL

from libs.common import __version__
from libs.google_sim.account import AccountData
from libs.google_sim.sample import sample
from libs.local import ROOT
from libs.local.backup.archive import Archive
from libs.local.backup.backing_up import back_up, source
from libs.local.demo.person import poll_until
from libs.local.migrate import migrate_bus
from libs.local.ports import free_port
from tests.support.api_replies import account_ids, browser_of, replies, settle, some_requests
from tests.support.product import Product, local_google, started

OWN = "maya@elsewhere.example"


async def pingcrm(*arguments: str | Path) -> str:
    """What the command prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "libs.local", *map(str, arguments), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, env={"PATH": os.environ["PATH"], "COLUMNS": "500"},
    )  # fmt: skip
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    return printed.decode()


async def request_syncs(it: Product, *kinds: str) -> None:
    """Of every account."""
    for id_ in await account_ids(it):
        await it.person.call("POST", f"/accounts/{id_}/sync", {"kinds": kinds})


async def sync(it: Product) -> None:
    """Every kind of every account, and all that follows from it."""
    await request_syncs(it, "mail", "contacts", "calendar")
    await settle(it)


async def read_at_google(it: Product) -> int:
    """How many messages were read since the counters were reset."""
    counted = (await it.google.control("GET", "/counters"))["accounts"].values()
    return sum(methods.get("gmail.users.messages.get", {"requests": 0})["requests"] for methods in counted)


async def write_to_me(it: Product, account: AccountData, count: int) -> None:
    """Mail of somebody new arrives, while nobody looks."""
    for number in range(count):
        now = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} +0000"
        mail = f"From: Nia Obi <nia{number}@new.example>\r\nTo: {account.address}\r\nSubject: Hello {number}\r\n"
        mail += f"Message-ID: <hello-{number}@new.example>\r\nDate: {now}\r\n\r\nAre you there?\r\n"
        await it.google.control("POST", f"/accounts/{account.address}/messages", {"raw": mail})


@pytest.mark.timeout(300)
async def test_a_backup_and_the_keys_are_all_that_must_be_kept_and_the_bus_and_redis_may_go_at_any_time(
    tmp_path: Path,
) -> None:
    account = sample(datetime.now(UTC))[0]
    data, again, kept, keys = (tmp_path / name for name in ("data", "again", "kept", "keys"))
    kept.mkdir()
    settings = {"PINGCRM_PORT": str(free_port())}
    async with local_google([account]) as (_, google):
        async with started(data, google, settings) as it:
            await it.person.sign_in(account.address)
            await settle(it)
            paths, browser = await some_requests(it), browser_of(it.person)
            printed = await pingcrm("backup", kept, "--keys", keys, "--data-dir", data)
            before = await replies(it.person, paths)
            assert {status for _, status, _ in before} == {200}
        (file,) = kept.iterdir()
        assert_the_keys_are_apart(file, keys, data, printed)
        await assert_a_backup_of_a_stopped_one_has_the_same(file, data)
        shutil.rmtree(data)

        printed = await pingcrm("restore", file, "--keys", keys, "--data-dir", again)
        assert "Restored" in printed
        assert "Start `pingcrm up`." in printed
        async with started(again, google, settings) as it:
            it.person.http.cookie_jar.update_cookies(browser, URL(it.person.url))
            after = await replies(it.person, paths)
            assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == []
            await assert_a_sync_reads_nothing_twice(it, account)
            await assert_the_bus_and_redis_may_go(it, account)


def assert_the_keys_are_apart(file: Path, keys: Path, data: Path, printed: str) -> None:
    secret = json.loads((data / "secrets.json").read_text())["PINGCRM_SECRET_KEYS"]
    assert secret.encode() not in file.read_bytes()
    assert secret in keys.read_text()
    assert f"{file}: {file.stat().st_size:,} bytes, of " in printed
    assert (
        "The keys are not in it: whoever finds the backup can't use the permissions of the Google accounts" in printed
    )
    assert f"They are in {keys} now: keep that apart from the backups." in printed


async def assert_a_backup_of_a_stopped_one_has_the_same(file: Path, data: Path) -> None:
    async with source(data, {}) as found:
        again = await back_up(found, file.with_name("again.zip"), datetime.now(UTC), lambda *_: None)
    file.with_name("again.zip").unlink()
    with Archive(file, __version__) as archive:
        assert again.rows == archive.manifest.rows
        assert again.sealed_with == archive.manifest.sealed_with != ()


async def assert_a_sync_reads_nothing_twice(it: Product, account: AccountData) -> None:
    """With an access token for which the refresh token has to be opened."""
    await it.google.control("POST", f"/accounts/{account.address}/expire", {"what": "access_tokens"})
    await it.google.control("DELETE", "/counters")
    await sync(it)
    assert await read_at_google(it) == 0
    expected, actually = await it.numbers()
    assert actually == expected
    assert await it.doubled() == 0


async def assert_the_bus_and_redis_may_go(it: Product, account: AccountData) -> None:
    """With mail and a change of settings in the stream that `contacts` has not taken."""
    nats, valkey = it.stack.nats, it.stack.valkey
    assert nats is not None
    assert valkey is not None
    before = (await it.numbers())[1]["messages"]
    os.kill(it.stack.processes["contacts"], signal.SIGSTOP)
    await write_to_me(it, account, 3)
    await request_syncs(it, "mail")

    async def is_on_its_way() -> bool:
        (recorded,) = await it.rows(
            "SELECT count(*) FROM sync.messages WHERE state = 'recorded' AND occurred_at > now() - interval '1 hour'"
        )
        return int(recorded[0]) >= 3 and not await it.rows("SELECT FROM sync.runs WHERE finished_at IS NULL")

    assert await poll_until(is_on_its_way, seconds=60)
    settings = await it.person.call("GET", "/settings")
    settings["gmail"]["own_addresses"] = [OWN]
    await it.person.call("PUT", "/settings", settings)
    for server, content in ((nats, "jetstream"), (valkey, "appendonlydir")):
        await server.kill()
        shutil.rmtree(server.folder / content)
        await server.restart()
    await migrate_bus(nats.admin_url)
    await it.stack.kill("contacts")
    await it.stack.until_ready()
    for id_ in await account_ids(it):
        await it.person.call("POST", f"/accounts/{id_}/audit")

    async def is_whole() -> bool:
        expected, actually = await it.numbers()
        own = await it.rows("SELECT FROM contacts.own_addresses WHERE address = $1 AND source = 'settings'", OWN)
        return actually == expected and actually["messages"] == before + 3 and len(own) == 1

    assert await poll_until(is_whole, seconds=60), await it.numbers()
    await settle(it)
    expected, actually = await it.numbers()
    assert actually == expected
    assert await it.doubled() == 0
