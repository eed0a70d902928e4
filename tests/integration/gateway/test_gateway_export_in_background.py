"""An export that is made in the background: one at a time, resumed by whoever comes next, given out to its user alone, gone after a day."""

import asyncio
import io
import json
import random
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio

from libs.common.errors import Outage
from libs.common.events import UserDeleted
from libs.common.requests import ExportContacts, ExportPage
from services.gateway import export_making
from services.gateway.context import Context
from services.gateway.domain.public_hosts import PUBLIC
from services.gateway.export_making import make_due_exports
from services.gateway.handlers import exports as handlers
from services.gateway.handlers.deletions import delete_user
from services.gateway.store import exports
from services.gateway.webhook_delivery.sender import WebhookSender
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway

PAGES, LINES = 12, 200


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningGateway]:
    """Its own loop rests: each test makes the exports itself, as replicas of its own."""
    monkeypatch.setattr(handlers, "make_due_exports", rest)
    async with running_gateway(service_settings) as running:
        yield running


async def rest(_: Context) -> int:
    return 0


def replica(gateway: RunningGateway) -> Context:
    resources = gateway.resources
    webhooks = WebhookSender(resources.settings, resources.db, resources.bus, resources.http, PUBLIC)
    return Context.of(resources, webhooks)


def pages_with(gateway: RunningGateway, before: Callable[[int], Awaitable[None]]) -> None:
    async def export_page(query: ExportContacts) -> ExportPage:
        if query.what == "contacts":
            return ExportPage(items=({"name": "Carol", "emails": ["carol@x.example"]},))
        page = int(query.cursor or 1)
        await before(page)
        chance = random.Random(page)
        items = tuple({"page": page, "title": chance.randbytes(100).hex()} for _ in range(LINES))
        return ExportPage(items=items, next_cursor=str(page + 1) if page < PAGES else None)

    gateway.world.export_page = export_page


async def at_once(_: int) -> None:
    """Nothing happens before a page."""


async def call(gateway: RunningGateway, method: str, path: str, token: str = "pcrm_alice") -> tuple[int, Any]:
    async with gateway.client(token) as client, client.request(method, f"/api/v1{path}") as response:
        content = await response.read()
        return response.status, content if response.content_type == "application/zip" else json.loads(content)


async def test_an_export_is_made_notified_of_and_given_to_its_user_alone(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_making, "PIECE_BYTES", 2_000)
    seen: list[tuple[int, int | None]] = []

    async def before(page: int) -> None:
        if page == PAGES:
            _, shown = await call(gateway, "GET", f"/me/export/{export_id}")
            seen.append((shown["counted"], shown["total"]))

    pages_with(gateway, before)
    status, started = await call(gateway, "POST", "/me/export")
    export_id = started["id"]
    assert (status, started["state"]) == (202, "making")
    assert (await call(gateway, "POST", "/me/export"))[1]["type"].endswith("/export_running")
    assert (await call(gateway, "GET", f"/me/export/{export_id}/archive"))[1]["type"].endswith("/export_not_done")
    assert await make_due_exports(replica(gateway)) == 1

    _, shown = await call(gateway, "GET", f"/me/export/{export_id}")
    assert shown["state"] == "done"
    assert 0 < seen[0][0] < seen[1][0]
    status, content = await call(gateway, "GET", f"/me/export/{export_id}/archive")
    assert status == 200
    assert len(content) == shown["bytes"]
    assert await gateway.resources.db.fetchval("SELECT count(*) FROM export_pieces") > 1
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    pages = [json.loads(line)["page"] for line in archive.read("interactions.jsonl").splitlines()]
    assert pages == [page for page in range(1, PAGES + 1) for _ in range(LINES)]
    assert archive.read("contacts.vcf").decode().count("FN:Carol\r\n") == 1
    _, notes = await call(gateway, "GET", "/notifications")
    assert [(note["kind"], note["link"], note["account_id"]) for note in notes["items"]] == [
        ("export.done", "/settings#data", None)
    ]
    for path in (f"/me/export/{export_id}", f"/me/export/{export_id}/archive"):
        assert (await call(gateway, "GET", path, "pcrm_bob"))[0] == 404
    await gateway.resources.db.execute(
        "DELETE FROM export_pieces WHERE number = (SELECT max(number) FROM export_pieces)"
    )
    async with asyncio.timeout(10):
        with pytest.raises(aiohttp.ClientError):  # what has arrived must not pass for the whole
            await call(gateway, "GET", f"/me/export/{export_id}/archive")

    await gateway.resources.db.execute("UPDATE exports SET finished_at = now() - interval '24 hours 1 second'")
    await make_due_exports(replica(gateway))
    assert (await call(gateway, "GET", f"/me/export/{export_id}"))[0] == 404
    assert await gateway.resources.db.fetchval("SELECT count(*) FROM export_pieces") == 0


async def test_a_replica_that_stops_leaves_it_to_the_next_and_one_that_was_thought_dead_writes_nothing_more(
    gateway: RunningGateway,
) -> None:
    reading, go_on = asyncio.Event(), asyncio.Event()

    async def hang(page: int) -> None:
        if page == 3:
            reading.set()
            await go_on.wait()

    pages_with(gateway, hang)
    _, started = await call(gateway, "POST", "/me/export")
    stopped = asyncio.create_task(make_due_exports(replica(gateway)))
    await reading.wait()
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopped

    reading.clear()
    slow = asyncio.create_task(make_due_exports(replica(gateway)))
    await reading.wait()
    # Its lease ends while it hangs: another one makes the export, and the slow one finds that it is not its own any more.
    await gateway.resources.db.execute("UPDATE exports SET lease_until = '-infinity'")
    pages_with(gateway, at_once)
    await make_due_exports(replica(gateway))
    _, before = await call(gateway, "GET", f"/me/export/{started['id']}/archive")
    go_on.set()
    await slow
    _, after = await call(gateway, "GET", f"/me/export/{started['id']}/archive")
    assert before == after
    assert zipfile.ZipFile(io.BytesIO(after)).testzip() is None
    _, notes = await call(gateway, "GET", "/notifications")
    assert [note["kind"] for note in notes["items"]] == ["export.done"]


async def test_an_export_that_can_not_be_made_is_tried_again_and_then_shows_why(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    behalf: list[str] = []

    async def fail(context: Context, *_: Any) -> Any:
        behalf.append(await context.db.fetchval("SELECT current_setting('pingcrm.user_id', true)"))
        raise Outage("away")

    monkeypatch.setattr(export_making, "begin_export", fail)
    _, started = await call(gateway, "POST", "/me/export")
    for attempt in range(1, 4):
        await make_due_exports(replica(gateway))
        _, shown = await call(gateway, "GET", f"/me/export/{started['id']}")
        assert shown["state"] == ("failed" if attempt == 3 else "making")
        await gateway.resources.db.execute("UPDATE exports SET lease_until = '-infinity'")
    assert shown["problem"] == export_making.AWAY
    assert behalf == [str(gateway.world.alice.id)] * 3, "behind the second wall, though nobody calls"
    _, notes = await call(gateway, "GET", "/notifications")
    assert [(note["kind"], note["level"]) for note in notes["items"]] == [("export.failed", "error")]
    status, again = await call(gateway, "POST", "/me/export")
    assert (status, again["state"]) == (202, "making")
    assert (await call(gateway, "GET", f"/me/export/{started['id']}"))[0] == 404, "the new one took its place"
    await gateway.resources.db.execute("UPDATE exports SET claims = 3")  # three replicas died of it
    await make_due_exports(replica(gateway))
    assert (await call(gateway, "GET", f"/me/export/{again['id']}"))[1]["state"] == "failed"


async def test_it_goes_with_its_user_even_while_it_is_made(gateway: RunningGateway) -> None:
    user_id = gateway.world.alice.id

    async def delete(page: int) -> None:
        if page == 3:
            await delete_user(replica(gateway), UserDeleted(user_id=user_id, account_ids=()))

    pages_with(gateway, delete)
    await call(gateway, "POST", "/me/export")
    await make_due_exports(replica(gateway))
    for table in ("exports", "export_pieces", "notifications"):
        assert await gateway.resources.db.fetchval(f"SELECT count(*) FROM {table}") == 0
    async with gateway.resources.db.acquire() as connection, connection.transaction():
        assert await exports.insert_export(connection, user_id, UUID(int=1)) is None, "nobody's any more"
