"""A request that is too much or too slow gets a 4xx with its reason, soon, and takes neither memory nor a place from others."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from libs.common import web
from services.gateway import middlewares
from services.gateway.app import MAX_BODY_BYTES
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

POST = b"POST /api/v1/contacts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer pcrm_alice\r\nContent-Type: application/json\r\n"
TOKEN = b"POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
ALIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"


def packed(body: bytes) -> bytes:
    zipped = gzip.compress(body)
    return b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(zipped) + zipped


# What is sent (nothing more follows, and the connection stays open), and the status and type of the response.
TOO_MUCH = {
    "long query": (b"GET /api/v1/contacts?q=" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "url_too_long"),
    "long header": (b"GET /login HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", 431, "headers_too_large"),
    "long cookie": (b"GET /login HTTP/1.1\r\nHost: a\r\nCookie: a=" + b"x" * 9_000 + b"\r\n\r\n", 431, "headers_too_large"),
    "many headers": (b"GET /login HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 500 + b"\r\n", 431, "headers_too_large"),
    "announced": (POST + b"Content-Length: 10000000000\r\n\r\n", 413, "too_large"),
    "announced by a stranger": (TOKEN + b"Content-Length: 10000000000\r\n\r\n", 413, "too_large"),
    "in chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK * (MAX_BODY_BYTES // 0x10000 + 1), 413, "too_large"),
    "packed": (POST + packed(b" " * 50_000_000), 413, "too_large"),
}  # fmt: skip
TOO_SLOW = {
    "slow": (POST + b"Content-Length: 100\r\n\r\n" + b'{"first', 408, "too_slow"),
    "slow in chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", 408, "too_slow"),
    "slow by a stranger": (TOKEN + b"Content-Length: 100\r\n\r\ncode", 408, "too_slow"),
}  # fmt: skip


@asynccontextmanager
async def connected(gateway: RunningGateway) -> AsyncIterator[Streams]:
    address = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def response(streams: Streams) -> tuple[int, dict[str, object]]:
    """Status and JSON body of the next response; the connection may stay open."""
    head = (await streams[0].readuntil(b"\r\n\r\n")).decode()
    line, *headers = head.strip().split("\r\n")
    length = next(int(header.split(": ")[1]) for header in headers if header.lower().startswith("content-length"))
    return int(line.split()[1]), json.loads(await streams[0].readexactly(length))


async def test_what_is_too_much_or_too_slow_is_refused_with_its_reason(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_gateway(service_settings, api_requests_per_minute=0) as gateway:

        async def found(sent: bytes) -> tuple[int, object]:
            async with connected(gateway) as streams:
                streams[1].write(sent)
                try:
                    async with asyncio.timeout(30):
                        status, problem = await response(streams)
                except TimeoutError:
                    return 0, "no response"
                return status, problem["type"]

        async def check(requests: Mapping[str, tuple[bytes, int, str]]) -> None:
            answers = await asyncio.gather(*(found(sent) for sent, _, _ in requests.values()))
            assert dict(zip(requests, answers, strict=True)) == {
                name: (status, f"/problems/{code}") for name, (_, status, code) in requests.items()
            }

        await check(TOO_MUCH)
        monkeypatch.setattr(middlewares, "BODY_SECONDS", 0.2)
        await check(TOO_SLOW)
        assert (await found(POST + b'Content-Length: 18\r\n\r\n{"first_name": 12}'))[0] == 422, "others go on"


async def test_who_connects_and_sends_no_request_is_let_go_and_who_has_sent_one_stays(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "FIRST_REQUEST_SECONDS", 0.3)
    async with running_gateway(service_settings) as gateway, connected(gateway) as client:
        client[1].write(ALIVE)
        assert (await response(client))[0] == 200
        async with connected(gateway) as silent, connected(gateway) as slow, asyncio.timeout(30):
            slow[1].write(b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-A: b\r\n")
            assert await silent[0].read() == b"", "closed, without a word"
            assert await slow[0].read() == b""
        client[1].write(ALIVE)
        assert (await response(client))[0] == 200
