"""The HTTP client for calls to users' URLs; on a server it connects to public addresses only."""

import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from services.gateway.domain.public_hosts import is_public_address

TIMEOUT_SECONDS = 10.0


class PublicResolver(AbstractResolver):
    """Resolves to public addresses only. Checked on the address that is then connected to, so a name can't change in between."""

    def __init__(self) -> None:
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if public := [result for result in found if is_public_address(result["host"])]:
            return public
        raise OSError("the host is not on the public internet")

    async def close(self) -> None:
        await self._resolver.close()


def webhook_session(*, allow_private: bool) -> aiohttp.ClientSession:
    """The client, to be closed by whoever opens it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=None if allow_private else PublicResolver(), limit=50, force_close=True
        ),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
