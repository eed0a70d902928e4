"""The HTTP client for calls to users' URLs; on a server it connects to public addresses only, and to those that its operator allows."""

import asyncio
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from services.gateway.domain.public_hosts import PUBLIC, CallableHosts

TIMEOUT_SECONDS = 10.0
LOOKUP_SECONDS = 5.0


class PublicResolver(AbstractResolver):
    """Resolves to public and allowed addresses only. What is checked is what is then connected to: a name can't change in between."""

    def __init__(self, hosts: CallableHosts = PUBLIC) -> None:
        self._hosts = hosts
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if allowed := [result for result in found if self._hosts.has_address(result["host"])]:
            return allowed
        raise OSError("the host is not on the public internet")

    async def close(self) -> None:
        await self._resolver.close()


def webhook_session(hosts: CallableHosts) -> aiohttp.ClientSession:
    """The client, to be closed by whoever opens it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=None if hosts.anywhere else PublicResolver(hosts), limit=50, force_close=True
        ),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def can_be_called(hosts: CallableHosts, host: str) -> bool:
    """Whether a host may be called, as far as its name leads somewhere now. One that can't be found can't be called either."""
    if hosts.anywhere or hosts.refuse(host):
        return hosts.anywhere
    resolver = PublicResolver(hosts)
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            return bool(await resolver.resolve(host.strip("[]"), family=socket.AF_UNSPEC))
    except (OSError, ValueError):  # TimeoutError is an OSError; ValueError: a name that can't be spelled
        return False
    finally:
        await resolver.close()
