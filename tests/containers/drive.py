"""What a person does at PingCRM in containers, and what can be reached there. Runs in a container; run.sh names the step."""

import asyncio
import os
import socket
import ssl
import sys
from datetime import UTC, datetime, timedelta

import aiohttp
from rich.console import Console

from libs.local.demo.google import LocalGoogle
from libs.local.demo.person import Person, person_at
from libs.local.demo.progress import wait_until_synced
from libs.local.demo.report import count_actual, print_comparison, shown_numbers

PINGCRM = "http://127.0.0.1:8025"
SECONDS = 300.0
SCANNED = timedelta(minutes=10)
CERTIFICATE = "/proxy/caddy/pki/authorities/local/root.crt"


async def connect(person: Person, google: LocalGoogle) -> None:
    """Sign in, connect every account, and wait until everything is read."""
    first, *others = await google.addresses()
    await person.sign_in(first)
    for address in others:
        await person.add_account(address)
    progress = await wait_until_synced(person, seconds=SECONDS)
    assert not progress.failed, progress.failed


async def compare(person: Person, google: LocalGoogle) -> None:
    """Wait until what PingCRM shows is what the oracle expects. Each brief once: one too many stays one too many."""
    await person.sign_in((await google.addresses())[0])
    await wait_until_synced(person, seconds=SECONDS)
    expected = shown_numbers(await google.expected())
    fewest, most = await count_due_briefs(google, datetime.fromisoformat(os.environ["FIRST_SCAN"]))
    try:
        async with asyncio.timeout(120):
            while True:
                counted = await count_actual(person, google)
                expected["preps"] = min(max(counted["preps"], fewest), most)
                if counted == expected:
                    break
                await asyncio.sleep(1)
    except TimeoutError:
        pass
    assert print_comparison(Console(width=120), expected, counted)


async def count_due_briefs(google: LocalGoogle, first_scan: datetime) -> tuple[int, int]:
    """How many briefs the first scan sends, and how many all scans until now can send.

    A scan looks at ten minutes of meetings: those of scans ten minutes apart follow each other without a gap, and the last two reach
    as far as a scan of this moment does.
    """
    counts = []
    while (scan := first_scan + SCANNED * len(counts)) < datetime.now(UTC) + SCANNED:
        counts.append((await google.control("POST", "/oracle", {"now": scan.isoformat()}))["preps"])
    return counts[0], sum(counts)


async def look_around(person: Person, google: LocalGoogle) -> None:
    """From a container beside the servers: the monitoring of NATS answers nobody, and whoever has no password gets nowhere."""
    await asyncio.to_thread(refuse_connections, "nats", 8222)
    with socket.create_connection(("valkey", 6379), 5) as valkey:
        valkey.sendall(b"PING\r\n")
        assert valkey.recv(100).startswith(b"-NOAUTH")
    with socket.create_connection(("nats", 4222), 5) as nats:
        nats.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
        received = b""
        while piece := nats.recv(4096):
            received += piece
        assert b"Authorization Violation" in received, received


def refuse_connections(host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), 5).close()
    except ConnectionRefusedError:
        return
    raise AssertionError(f"{host}:{port} lets everybody in")


async def by_the_proxy(person: Person, google: LocalGoogle) -> None:
    """Over TLS, with the certificate that the proxy made; never what is for operators alone."""
    context = ssl.create_default_context(cafile=CERTIFICATE)
    options = {
        "headers": {"Host": "localhost"},
        "server_hostname": "localhost",
        "ssl": context,
        "allow_redirects": False,
    }
    async with aiohttp.ClientSession() as http:
        async with http.get("https://proxy:8443/login", **options) as page:
            assert page.status == 200, page.status
            assert "PingCRM" in await page.text()
        async with http.get("https://proxy:8443/metrics", **options) as metrics:
            assert metrics.status == 404, metrics.status
        async with http.get("http://proxy:8080/login", headers={"Host": "localhost"}, allow_redirects=False) as plain:
            assert plain.headers["Location"] == "https://localhost/login", plain.headers


STEPS = {"connect": connect, "compare": compare, "look-around": look_around, "by-the-proxy": by_the_proxy}


async def main(step: str) -> None:
    async with aiohttp.ClientSession() as http, person_at(PINGCRM) as person:
        google = LocalGoogle("http://google:18900", "http://google:18901", 0, http)
        await STEPS[step](person, google)
    print(f"{step}: as it should be")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
