"""The export: one archive with everything, out of pages; an error where a part is away, never half an archive."""

import io
import json
import zipfile
from collections.abc import AsyncIterator

import pytest_asyncio

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
        "contacts.jsonl", "interactions.jsonl", "meetings.jsonl", "accounts.json", "settings.json", "notifications.jsonl",
    }  # fmt: skip
    lines = [json.loads(line) for line in archive.read("interactions.jsonl").splitlines()]
    assert lines == [{"what": "interactions", "page": 1}, {"what": "interactions", "page": 2}]
    (account,) = json.loads(archive.read("accounts.json"))["items"]
    assert account["address"] == "alice@example.com", "and none of anybody else's"


async def test_an_archive_that_can_not_be_finished_is_an_error(gateway: RunningGateway) -> None:
    await gateway.buses["contacts"].stop()
    async with gateway.client() as client, client.get("/api/v1/me/export") as response:
        assert response.status == 503
