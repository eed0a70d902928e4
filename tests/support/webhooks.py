"""Somebody's server for webhook calls, and a gateway whose Alice has her notifications posted there."""

import asyncio
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest_asyncio
from aiohttp import web
from multidict import CIMultiDictProxy

from libs.common.events import Kind, SyncCompleted
from libs.common.ids import RunId, new_id
from libs.common.preferences import NotificationPreferences, Preferences
from libs.common.requests import User
from libs.common.web import port_of, serve
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway

MILLISECOND = timedelta(milliseconds=1)


class Receiver:
    """Keeps what came, and responds with the statuses it was given, then with 204; None: not before `go_on` is set."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, bytes]] = []
        self.headers: list[CIMultiDictProxy[str]] = []
        self.statuses: list[int | None] = []
        self.go_on = asyncio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def receive(self, request: web.Request) -> web.Response:
        signature = request.headers.get("webhook-signature", "")
        self.headers.append(request.headers)
        self.calls.append((request.path, signature, await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        if status is None:
            await self.go_on.wait()
        response = web.Response(status=status or 204, headers={"Location": "/elsewhere"} if status == 302 else None)
        response.set_cookie("followed", "1")
        return response

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The bodies."""
        return [json.loads(body) for _, _, body in self.calls]

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(15):
            while len(self.calls) < count:
                await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.receive)
    runner = await serve(app, "127.0.0.1", 0)
    receiver.port = port_of(runner)
    yield receiver
    receiver.go_on.set()
    await runner.cleanup()


def signatures(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> str:
    """What has to stand in the header, by the specification and not by our own code: of each secret, in order."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    keys = [b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    return " ".join("v1," + b64encode(hmac.new(key, signed, "sha256").digest()).decode() for key in keys)


def choose_webhook(running: RunningGateway, url: str, **fields: Any) -> None:
    """Alice has what happens posted there."""
    hook = NotificationPreferences.model_validate({"webhook_url": url, **fields})
    running.world.preferences[running.world.alice.id] = Preferences(notifications=hook)


@asynccontextmanager
async def with_webhook(
    service_settings: ServiceSettings, url: str, public_url: str = "", **settings: Any
) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings, public_url=public_url, **settings) as running:
        choose_webhook(running, url)
        yield running


async def publish_completed(
    running: RunningGateway, owner: User | None = None, *, later: timedelta = timedelta(0), kind: Kind = "mail"
) -> None:
    """Something that a user is notified of: Alice, where nobody else is given. `later`: how long from now the run was requested."""
    owner = owner or running.world.alice
    run_id = RunId(UUID(int=new_id().int + (round(later / MILLISECOND) << 80)))  # a UUIDv7 begins with its time
    event = SyncCompleted(
        user_id=owner.id, account_id=running.world.account(owner).id, address=owner.address, run_id=run_id,
        kind=kind, reason="user", new=1, updated=0, removed=0, seconds=1,
    )  # fmt: skip
    await running.buses["sync"].publish(event)


async def deliveries(running: RunningGateway) -> int:
    return int(await running.resources.db.fetchval("SELECT count(*) FROM webhook_deliveries"))


async def all_settled(running: RunningGateway, notified: int = 1) -> None:
    """Return when so many notifications are there, and no call is left to be made."""
    async with asyncio.timeout(15):
        while await running.resources.db.fetchval("SELECT count(*) FROM notifications") < notified:
            await asyncio.sleep(0.02)
        while await deliveries(running):
            await asyncio.sleep(0.02)
