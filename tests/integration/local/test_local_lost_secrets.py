"""A data folder whose secrets.json is lost: nothing is made anew unasked, and nothing but the sealed tokens is lost."""

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from libs.common.ids import AccountId, new_id
from libs.local import ROOT, supervisor
from libs.local.bus_admin import admin_stream
from libs.local.data_dir import read_runtime
from libs.local.schemas import MigrationFailed
from libs.local.secrets import SECRET_KEYS, LostSecrets
from libs.local.supervisor import Stack
from services.auth.keyring import Keyring
from tests.support import stand_ins

START_SECONDS = 120
UNSAFE = {"fsync": "off"}


async def connect_an_account(stack: Stack) -> AccountId:
    """As a sign-in leaves it: its token sealed with the folder's key."""
    account_id, user_id = AccountId(new_id()), new_id()
    sealed = Keyring([stack.secrets[SECRET_KEYS]]).seal("the refresh token", account_id, "refresh")
    connection = await asyncpg.connect(stack.settings_for("auth")["PINGCRM_POSTGRES_URL"])
    await connection.execute("INSERT INTO users (id, sub, name, address) VALUES ($1, '1', 'Anna', 'anna@x')", user_id)
    await connection.execute(
        """
        INSERT INTO google_accounts (id, user_id, sub, address, name, status, scopes, refresh_token, refresh_obtained_at, refreshed_at)
        VALUES ($1, $2, '1', 'anna@x', 'Anna', 'active', '{}', $3, now(), now())
        """,
        account_id,
        user_id,
        sealed,
    )
    await connection.close()
    return account_id


async def fail(*_: object, **__: object) -> None:
    raise MigrationFailed("cut off in the middle")


async def test_the_data_is_opened_with_new_secrets_and_the_accounts_wait_for_their_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir, file = tmp_path / "data", tmp_path / "data" / "secrets.json"
    async with Stack.start(data_dir, services=(), postgres_options=UNSAFE) as stack:
        await connect_an_account(stack)
        async with admin_stream(stack.admin_nats_url) as js:
            await js.publish("message.ingested", b"{}")
        async with redis.asyncio.Redis.from_url(stack.servers.redis) as client:
            await client.set("sync:kept", "42")
        former = dict(stack.secrets)
    file.unlink()

    with pytest.raises(LostSecrets, match="is lost"):
        async with Stack.start(data_dir, services=(), postgres_options=UNSAFE):
            pass
    with monkeypatch.context() as cut_off:
        cut_off.setattr(supervisor, "migrate", fail)
        with pytest.raises(MigrationFailed):
            async with Stack.start(data_dir, services=(), postgres_options=UNSAFE, new_secrets=True):
                pass
    assert not file.exists()

    async with Stack.start(data_dir, services=(), postgres_options=UNSAFE, new_secrets=True) as stack:
        assert not set(former.values()) & set(stack.secrets.values())
        connection = await asyncpg.connect(stack.settings_for("auth")["PINGCRM_POSTGRES_URL"])
        account = await connection.fetchrow("SELECT address, status, status_reason, refresh_token FROM google_accounts")
        assert await connection.fetchval("SELECT subject FROM outbox") == "account.reauth_required"
        await connection.close()
        assert tuple(account)[:2] == ("anna@x", "reauth_required")
        assert "The key with which PingCRM had encrypted the permission is lost" in account["status_reason"]
        assert account["refresh_token"] is None
        async with admin_stream(stack.admin_nats_url) as js:
            assert (await js.stream_info("EVENTS")).state.messages == 1
        async with redis.asyncio.Redis.from_url(stack.settings_for("sync")["PINGCRM_REDIS_URL"]) as client:
            assert await client.get("sync:kept") == b"42"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    async with Stack.start(data_dir, services=(), postgres_options=UNSAFE) as again:
        assert dict(again.secrets) == dict(stack.secrets)


def command(folder: Path, *arguments: str, terminal: int | None = None) -> "subprocess.Popen[str]":
    """`pingcrm up` with stand-ins for the services; its input is the terminal, or nothing."""
    stand_ins.write(folder)
    up = ("up", "--data-dir", str(folder / "data"), "--port", "0", *arguments)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.stand_ins", str(folder), *up],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PINGCRM_")},
        stdin=subprocess.DEVNULL if terminal is None else terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


async def until_started(process: "subprocess.Popen[str]", folder: Path) -> None:
    async with asyncio.timeout(START_SECONDS):
        while read_runtime(folder / "data") is None:
            assert process.poll() is None, process.communicate()[0]
            await asyncio.sleep(0.05)


async def stop(process: "subprocess.Popen[str]") -> str:
    process.terminate()
    printed, _ = await asyncio.to_thread(process.communicate, timeout=120)
    assert process.returncode == 0
    return printed


async def test_the_person_is_asked_before_anything_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "data" / "secrets.json"
    first = command(tmp_path)
    await until_started(first, tmp_path)
    await stop(first)
    file.unlink()

    nobody_there = command(tmp_path)
    printed, _ = await asyncio.to_thread(nobody_there.communicate, timeout=120)
    assert nobody_there.returncode == 1
    assert "`pingcrm up --new-secrets` makes new ones" in printed
    assert "Traceback" not in printed

    keyboard, terminal = os.openpty()
    os.write(keyboard, b"n\n")
    declined = command(tmp_path, terminal=terminal)
    printed, _ = await asyncio.to_thread(declined.communicate, timeout=120)
    assert declined.returncode == 1
    assert "connect the accounts again? [y/N]" in printed
    assert "Nothing was changed." in printed
    assert not file.exists()

    os.write(keyboard, b"y\n")
    accepted = command(tmp_path, terminal=terminal)
    await until_started(accepted, tmp_path)
    await stop(accepted)
    assert file.exists()
    os.close(keyboard)
    os.close(terminal)

    file.unlink()
    unasked = command(tmp_path, "--new-secrets")
    await until_started(unasked, tmp_path)
    await stop(unasked)
    assert file.exists()
