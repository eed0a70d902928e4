"""The connection to a cluster of NATS, against servers that speak as much of its protocol as that needs."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from libs.common.bus.client import _without_login, connect

SECONDS = 10.0


@dataclass
class FakeCluster:
    """Three servers that know each other, and whoever logs in. `open`: the connections that were accepted, oldest first.

    `silent`: how many of the next that come get no answer to their login; `unanswered` are those, each set when its client closed it.
    """

    ports: list[int] = field(default_factory=list)
    open: list[asyncio.StreamWriter] = field(default_factory=list)
    refused: int = 0
    silent: int = 0
    unanswered: list[asyncio.Event] = field(default_factory=list)

    @property
    def url(self) -> str:
        return ",".join(f"nats://sync:secret@127.0.0.1:{port}" for port in self.ports)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        others = [f"127.0.0.1:{port}" for port in self.ports]
        info = {
            "version": "2.15.0",
            "headers": True,
            "auth_required": True,
            "max_payload": 1024,
            "connect_urls": others,
        }
        writer.write(f"INFO {json.dumps(info)}\r\n".encode())
        if self.silent:
            self.silent -= 1
            self.unanswered.append(closed := asyncio.Event())
            await reader.read()
            closed.set()
            writer.close()
            return
        while line := await reader.readline():
            if line.startswith(b"CONNECT"):
                login = json.loads(line.partition(b" ")[2])
                if (login.get("user"), login.get("pass")) != ("sync", "secret"):
                    self.refused += 1
                    writer.write(b"-ERR 'Authorization Violation'\r\n")
                    break
                self.open.append(writer)
            elif line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
        writer.close()


@asynccontextmanager
async def fake_cluster() -> AsyncIterator[FakeCluster]:
    cluster = FakeCluster()
    servers = [await asyncio.start_server(cluster.serve, "127.0.0.1", 0) for _ in range(3)]
    cluster.ports = [server.sockets[0].getsockname()[1] for server in servers]
    try:
        yield cluster
    finally:
        for server in servers:
            server.close()


@pytest.mark.parametrize(
    "last_words", [b"", b"-ERR 'Authorization Violation'\r\n", b"-ERR 'Authentication Timeout'\r\n"]
)
async def test_whatever_ends_a_connection_another_server_is_asked_with_the_same_login(last_words: bytes) -> None:
    async with fake_cluster() as cluster:
        reconnected = asyncio.Event()

        async def note() -> None:
            reconnected.set()

        async def ignore(_: Exception) -> None:
            """What ended the connection."""

        connecting = connect(
            cluster.url, max_reconnect_attempts=-1, reconnect_time_wait=0, reconnected_cb=note, error_cb=ignore
        )
        client = await asyncio.wait_for(connecting, SECONDS)
        for _ in range(5):  # which server is asked is a matter of chance
            cluster.open[-1].write(last_words)
            cluster.open[-1].close()
            await asyncio.wait_for(reconnected.wait(), SECONDS)
            reconnected.clear()
            assert client.is_connected
        assert cluster.refused == 0
        await client.close()


async def test_a_connection_whose_login_has_no_answer_is_closed_before_the_next_is_opened() -> None:
    async with fake_cluster() as cluster:
        reconnected = asyncio.Event()

        async def note() -> None:
            reconnected.set()

        async def ignore(_: Exception) -> None:
            """That there was no answer."""

        connecting = connect(
            cluster.url, max_reconnect_attempts=-1, reconnect_time_wait=0, connect_timeout=0.2,
            reconnected_cb=note, error_cb=ignore,
        )  # fmt: skip
        client = await asyncio.wait_for(connecting, SECONDS)
        cluster.silent = 3
        cluster.open[-1].close()
        await asyncio.wait_for(reconnected.wait(), SECONDS)
        async with asyncio.timeout(SECONDS):
            for closed in cluster.unanswered:
                await closed.wait()
        assert (len(cluster.unanswered), client.is_connected) == (3, True)
        await client.close()


async def test_a_connection_that_nobody_waits_for_any_more_is_closed() -> None:
    async with fake_cluster() as cluster:
        cluster.silent = 1
        connecting = asyncio.create_task(connect(cluster.url))
        async with asyncio.timeout(SECONDS):
            while not cluster.unanswered:
                await asyncio.sleep(0.01)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            await cluster.unanswered[0].wait()


@pytest.mark.parametrize(
    ("urls", "servers", "login"),
    [
        (["nats://a:b@h:1", "tls://a:b@h:2"], ["nats://h:1", "tls://h:2"], {"user": "a", "password": "b"}),
        (["nats://t@h:1"], ["nats://h:1"], {"token": "t"}),
        (["nats://h:1"], ["nats://h:1"], {}),
        (["nats://a:b@h:1", "nats://c:d@h:2"], ["nats://a:b@h:1", "nats://c:d@h:2"], {}),
    ],
)
def test_a_login_is_one_for_all_servers(urls: list[str], servers: list[str], login: dict[str, str]) -> None:
    assert _without_login(urls) == (servers, login)
