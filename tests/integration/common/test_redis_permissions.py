"""A login of Redis opens the keys of its service and nothing else."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, RedisError

from libs.common.cache import Cache, open_cache
from libs.common.cache_access import NAMESPACES
from libs.common.config import Settings
from libs.common.google.quota import QuotaLimiter
from libs.common.ids import SERVICES, AccountId, Service, new_id
from libs.local import ROOT
from libs.local.ports import free_port
from libs.local.secrets import Secrets
from libs.local.servers import valkey
from libs.local.urls import redis_url as redis_url_of

MINUTE = timedelta(minutes=1)


@pytest.fixture
def url_of(redis_url: str, secrets: Secrets) -> Callable[[Service], str]:
    return lambda service: redis_url_of(redis_url, service, secrets)


@asynccontextmanager
async def cache_of(service: Service, url: str) -> AsyncIterator[Cache]:
    cache = open_cache(Settings(redis_url=url), service)
    try:
        yield cache
    finally:
        await cache.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_can_do_all_that_the_cache_offers(service: Service, url_of: Callable[[Service], str]) -> None:
    async with cache_of(service, url_of(service)) as own:
        await own.ping()
        for namespace in NAMESPACES[service]:
            cache = own.in_namespace(namespace)
            await cache.put("value", "1", MINUTE)
            assert await cache.get("value") == b"1"
            assert await cache.pop("value") == b"1"
            assert await cache.acquire("once", "me", MINUTE)
            assert not await cache.acquire("once", "you", MINUTE)
            await cache.release("once")
            assert await cache.count_failure("failures", MINUTE) == 1
            assert await cache.count_failure("failures", MINUTE) == 2
            assert await cache.run("return {redis.call('GET', KEYS[1])}", ["failures"]) == [b"2"]


@pytest.mark.parametrize("owner", SERVICES)
async def test_the_keys_of_a_service_are_closed_to_the_logins_of_the_others(
    owner: Service, url_of: Callable[[Service], str]
) -> None:
    async with cache_of(owner, url_of(owner)) as cache:
        await cache.put("private", "the secret of a sign-in", MINUTE)
    for intruder in (service for service in SERVICES if service != owner):
        async with redis.asyncio.Redis.from_url(url_of(intruder)) as client:
            for attempt in (
                client.get(f"{owner}:private"),
                client.getdel(f"{owner}:private"),
                client.set(f"{owner}:private", "forged"),
                client.delete(f"{owner}:private"),
                client.register_script("return redis.call('GET', KEYS[1])")(keys=[f"{owner}:private"]),
                client.register_script("return redis.call('GET', ARGV[1])")(args=[f"{owner}:private"]),
            ):
                with pytest.raises(RedisError) as refused:
                    await attempt
                assert isinstance(refused.value, NoPermissionError) or "ACL failure" in str(refused.value)
    async with cache_of(owner, url_of(owner)) as cache:
        assert await cache.get("private") == b"the secret of a sign-in"


async def test_a_service_can_not_list_the_keys_of_all_or_change_the_server(url_of: Callable[[Service], str]) -> None:
    async with redis.asyncio.Redis.from_url(url_of("gateway")) as client:
        for attempt in (client.keys("*"), client.scan(0), client.config_get("*"), client.acl_list(), client.flushall()):
            with pytest.raises(NoPermissionError):
                await attempt


async def test_sync_and_prep_count_gmails_quota_together_and_contacts_has_no_part_in_it(
    url_of: Callable[[Service], str],
) -> None:
    account = AccountId(new_id())
    async with cache_of("sync", url_of("sync")) as sync, cache_of("prep", url_of("prep")) as prep:
        assert await QuotaLimiter(sync, 100, 0, 0.1, window_seconds=5).reserve(account, 100, "live") == 0
        assert await QuotaLimiter(prep, 100, 0, 0.1, window_seconds=5).reserve(account, 100, "live") > 0
    async with cache_of("contacts", url_of("contacts")) as contacts:
        with pytest.raises(ValueError, match="contacts has no keys that begin with google:"):
            await QuotaLimiter(contacts, 100, 0, 0.1).reserve(account, 1, "live")


async def test_the_server_of_the_compose_file_has_the_same_users_and_no_password_on_its_command_line(
    tmp_path: Path, secrets: Secrets
) -> None:
    """Its script as it is, on a real server, with the passwords in its environment."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        "sh", ROOT / "deploy" / "valkey.sh", "--port", str(port), "--bind", "127.0.0.1",
        cwd=tmp_path, env={**secrets, "TMPDIR": str(tmp_path), "PATH": f"{valkey.program().parent}:{os.defpath}"},
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        admin_url = f"redis://:{secrets['PINGCRM_REDIS_PASSWORD']}@127.0.0.1:{port}/0"
        async with redis.asyncio.Redis.from_url(admin_url, retry=Retry(NoBackoff(), 0)) as admin:
            async with asyncio.timeout(10):
                while True:
                    try:
                        await admin.ping()
                        break
                    except redis.exceptions.ConnectionError:
                        await asyncio.sleep(0.05)
        command_line = " ".join(psutil.Process(process.pid).cmdline())
        assert "valkey-server" in command_line
        assert not any(password in command_line for password in secrets.values())
        assert (tmp_path / "valkey.conf").stat().st_mode & 0o777 == 0o600
        for service in SERVICES:
            async with cache_of(service, redis_url_of(admin_url, service, secrets)) as cache:
                await cache.put("value", "1", MINUTE)
                assert await cache.get("value") == b"1"
                for other in SERVICES:
                    if other != service:
                        with pytest.raises(NoPermissionError):
                            await cache.client.get(f"{other}:value")
    finally:
        process.kill()
        await process.wait()
