"""A browser on a gateway's pages: what it loads and submits, and what the gateway then requests."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest_asyncio

from libs.common import requests as q
from libs.common.ids import InteractionId, new_id
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway

HTML = {"Accept": "text/html"}
HOSTILE = '<img src=x onerror=alert(1)> & "quotes"'


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings) as running:
        yield running


@pytest_asyncio.fixture
async def browser(gateway: RunningGateway) -> AsyncIterator[aiohttp.ClientSession]:
    async with gateway.browser(**HTML) as session:
        yield session


async def page(browser: aiohttp.ClientSession, path: str, **cookies: str) -> str:
    async with browser.get(path, cookies=cookies) as response:
        assert response.status == 200, await response.text()
        return await response.text()


async def submit(
    browser: aiohttp.ClientSession, path: str, form: Mapping[str, str] | Sequence[tuple[str, str]] = ()
) -> tuple[int, str]:
    """The status, and where it leads (a redirect), or the page."""
    async with browser.post(path, data=form or {}, allow_redirects=False) as response:
        return response.status, response.headers.get("Location") or await response.text()


def requested(gateway: RunningGateway, kind: type[Any]) -> list[Any]:
    return [request for request in gateway.world.requests if isinstance(request, kind)]


def interaction(text: str, **changes: Any) -> q.TimelineItem:
    fields: dict[str, Any] = {
        "id": InteractionId(new_id()), "platform": "email", "kind": "email", "direction": "inbound",
        "occurred_at": datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "title": "Subject", "text": text,
    }  # fmt: skip
    return q.TimelineItem(**{**fields, **changes})
