"""The export: one archive with everything, out of pages, sent while it is made; an error where a part is away, never half an archive."""

import asyncio
import io
import json
import random
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from libs.common.errors import Outage
from libs.common.ids import UserId
from libs.common.requests import ExportContacts, ExportPage, ListMeetings, Meetings, Query, WhoIs
from services.gateway import export
from services.gateway.domain.notifications import NewNotification
from services.gateway.store.notifications import insert_notification
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings) as running:
        yield running


async def test_the_archive_has_every_page_of_everything(gateway: RunningGateway) -> None:
    async with gateway.client() as client, client.get("/api/v1/me/export") as response:
        assert response.status == 200
        assert response.content_type == "application/zip"
        assert "attachment" in response.headers["Content-Disposition"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        archive = zipfile.ZipFile(io.BytesIO(await response.read()))
    assert set(archive.namelist()) == {
        "README.txt", "contacts.jsonl", "interactions.jsonl", "meetings.jsonl", "accounts.json", "settings.json", "notifications.jsonl",
        "contacts.csv", "interactions.csv", "contacts.vcf", "meetings.ics",
    }  # fmt: skip
    lines = [json.loads(line) for line in archive.read("interactions.jsonl").splitlines()]
    assert lines == [{"what": "interactions", "page": 1}, {"what": "interactions", "page": 2}]
    (account,) = json.loads(archive.read("accounts.json"))["items"]
    assert account["address"] == "alice@example.com", "and none of anybody else's"


async def test_the_archive_has_the_user_s_own_in_the_order_of_the_lists_however_many_pages(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PAGE", 2)
    world = gateway.world
    asked: list[Query[Any]] = []
    for owner, titles in ((world.alice, "abcde"), (world.bob, "xyz")):
        for title in titles:
            await notify(gateway, owner.id, title)

    async def record(query: Query[Any], **kwargs: Any) -> Any:
        asked.append(query)
        if isinstance(query, ListMeetings):
            number = int(query.cursor or 0)
            meeting = world.meeting.model_copy(update={"title": f"meeting {number}"})
            return Meetings(items=(meeting,), next_cursor=str(number + 1) if number < 2 else None)
        return await request(query, **kwargs)

    request = gateway.resources.bus.request
    monkeypatch.setattr(gateway.resources.bus, "request", record)
    async with gateway.client() as client, client.get("/api/v1/me/export") as response:
        archive = zipfile.ZipFile(io.BytesIO(await response.read()))
    lines = {
        name: [json.loads(line) for line in archive.read(f"{name}.jsonl").splitlines()]
        for name in ("notifications", "meetings")
    }
    assert [line["title"] for line in lines["notifications"]] == list("edcba")
    assert [line["title"] for line in lines["meetings"]] == ["meeting 0", "meeting 1", "meeting 2"]
    assert not [line for line in lines["meetings"] if "user_id" in line]
    assert {getattr(query, "user_id", None) for query in asked if not isinstance(query, WhoIs)} == {world.alice.id}


async def notify(gateway: RunningGateway, user_id: UserId, title: str) -> None:
    account_id = gateway.world.account(gateway.world.alice).id
    new = NewNotification(user_id, account_id, "sync.failed", "error", title, "", "/", title)
    async with gateway.resources.db.acquire() as connection, connection.transaction():
        assert await insert_notification(connection, new)


async def test_an_archive_that_can_not_be_finished_is_an_error(gateway: RunningGateway) -> None:
    await gateway.buses["contacts"].stop()
    async with gateway.client() as client, client.get("/api/v1/me/export") as response:
        assert response.status == 503


# -- while it is sent ------------------------------------------------------------------------------------------------------

PAGES = 12


def lines_of(page: int) -> tuple[dict[str, object], ...]:
    """About 400 kB that can't be made much smaller."""
    chance = random.Random(page)
    return tuple({"page": page, "noise": chance.randbytes(1000).hex()} for _ in range(200))


def export_with(gateway: RunningGateway, before: Callable[[int], Awaitable[None]]) -> None:
    """The plain `contacts` has PAGES pages of interactions, and one contact; `before` each page of interactions something happens."""

    async def export_page(query: ExportContacts) -> ExportPage:
        if query.what == "contacts":
            return ExportPage(items=({"name": "Carol"},))
        page = int(query.cursor or 1)
        await before(page)
        return ExportPage(items=lines_of(page), next_cursor=str(page + 1) if page < PAGES else None)

    gateway.world.export_page = export_page


def interactions_in(data: bytes) -> list[int]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    return [json.loads(line)["page"] for line in archive.read("interactions.jsonl").splitlines()]


async def test_what_is_read_is_sent_before_the_rest_is_read(gateway: RunningGateway) -> None:
    arrived = asyncio.Event()

    async def before(page: int) -> None:
        if page == 4:  # not before the client has got some of the first ones
            await arrived.wait()

    export_with(gateway, before)
    async with asyncio.timeout(20), gateway.client() as client, client.get("/api/v1/me/export") as response:
        received = await response.content.readexactly(200_000)
        arrived.set()
        received += await response.read()
    assert interactions_in(received) == [page for page in range(1, PAGES + 1) for _ in range(200)]


async def test_a_service_that_is_away_for_a_moment_costs_nobody_the_archive(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.export.RETRY_PAUSES_SECONDS", (0.1, 0.1))
    failures = [3, 5, 5]

    async def before(page: int) -> None:
        if page in failures:
            failures.remove(page)
            raise Outage("restarting")

    export_with(gateway, before)
    async with gateway.client() as client, client.get("/api/v1/me/export") as response:
        data = await response.read()
    assert interactions_in(data) == [page for page in range(1, PAGES + 1) for _ in range(200)]


async def test_an_archive_that_breaks_off_in_the_middle_can_not_be_taken_for_the_whole(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.export.RETRY_PAUSES_SECONDS", (0.1,))

    async def before(page: int) -> None:
        if page >= 4:
            raise Outage("away for good")

    export_with(gateway, before)
    async with gateway.client() as client:
        async with client.get("/api/v1/me/export") as response:
            assert response.status == 200
            with pytest.raises(aiohttp.ClientError):
                await response.read()
        async with client.get("/api/v1/me") as response:
            assert response.status == 200, "and the gateway goes on"


async def test_a_client_that_leaves_in_the_middle_stops_the_reading(
    gateway: RunningGateway, redis_admin: Redis
) -> None:
    read: list[int] = []
    left = asyncio.Event()

    async def before(page: int) -> None:
        read.append(page)
        if page == 3:
            await left.wait()

    export_with(gateway, before)
    async with gateway.client() as client, client.get("/api/v1/me/export") as response:
        await response.content.readexactly(100_000)
        response.close()
    left.set()
    async with asyncio.timeout(20):
        while await redis_admin.keys("gateway:export:*"):  # held for as long as the export lasts
            await asyncio.sleep(0.02)
    assert len(read) < PAGES
