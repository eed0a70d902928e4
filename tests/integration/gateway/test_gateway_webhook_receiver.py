"""docs/build/webhook_receiver.py, as it stands, receives what the product posts, each once, and nothing that somebody made up."""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from libs.local import ROOT
from libs.local.ports import free_port
from services.gateway.domain.webhook_delivery import WebhookMessage, signed_headers
from services.gateway.webhook_delivery import sender
from tests.conftest import ServiceSettings
from tests.support.gateway import running_gateway
from tests.support.webhooks import choose_webhook, publish_completed

PROGRAM = ROOT / "docs/build/webhook_receiver.py"
PATIENCE_SECONDS = 20.0


@asynccontextmanager
async def receiving(secret: str) -> AsyncIterator[tuple[Process, str]]:
    """The program, listening, and its URL."""
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "PINGCRM_WEBHOOK_SECRET": secret}
    program = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), str(port), env=environment, stdout=PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await listens(port):
                await asyncio.sleep(0.02)
        yield program, f"http://127.0.0.1:{port}/"
    finally:
        program.kill()
        await program.wait()


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def next_line(program: Process) -> Any:
    assert program.stdout
    return json.loads(await asyncio.wait_for(program.stdout.readline(), PATIENCE_SECONDS))


async def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    async with aiohttp.ClientSession() as http, http.post(url, headers=headers, data=body) as response:
        return response.status


async def test_the_receiver_of_the_documentation_takes_what_is_ours_once_and_nothing_else(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.05)
    async with running_gateway(service_settings) as gateway, gateway.client() as client:
        async with client.post("/api/v1/settings/webhook/secret") as response:
            secret = (await response.json())["secret"]
        async with receiving(secret) as (program, url):
            choose_webhook(gateway, url)
            async with gateway.browser() as browser:
                await browser.post("/webhook/test", allow_redirects=False)
            await publish_completed(gateway)
            test, synced = [await next_line(program) for _ in range(2)]
            assert test["type"] == "webhook.test"
            assert (synced["type"], synced["data"]["title"]) == ("sync.completed", "alice@example.com synced")

            message = WebhookMessage("a-call", "x.y", b'{"type": "x.y"}')
            now = int(time.time())
            genuine = signed_headers([secret], message, now)
            assert await post(url, genuine, message.body) == 204
            assert await post(url, genuine, message.body) == 204, "tried again: taken, and not printed again"
            other = "whsec_" + b64encode(b"k" * 24).decode()
            both = signed_headers([other, secret], message._replace(id="another-call"), now)
            assert await post(url, both, message.body) == 204, "while secrets are exchanged one that fits is enough"
            for headers, body in (
                (genuine, b'{"type": "x.z"}'),
                ({**genuine, "webhook-id": "b-call"}, message.body),
                (signed_headers([other], message, now), message.body),
                (signed_headers([secret], message, now - 400), message.body),
                ({}, message.body),
            ):
                assert await post(url, headers, body) == 401
            last = signed_headers([secret], message._replace(id="last"), now)
            assert await post(url, last, b'{"type": "x.y"}') == 204
            assert [await next_line(program) for _ in range(3)] == [{"type": "x.y"}] * 3
