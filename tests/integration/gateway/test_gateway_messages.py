"""Single messages and whole mailboxes over HTTP: ids as they stand in headers, audits, another try."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio

from libs.common import requests as q
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway

API = "/api/v1"


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings) as running:
        yield running


async def test_messages_are_named_as_their_headers_name_them_and_mailboxes_audited_on_demand(
    gateway: RunningGateway,
) -> None:
    world = gateway.world
    path = f"{API}/accounts/{world.account(world.alice).id}"
    async with gateway.client() as client:
        for message_id in (
            "18f0a1b2c3d4e5f6",
            "<CA+x=1@mail.gmail.com>",
            "<a/b%2F c?d#e@example.org>",
            "<ä@example.org>",
        ):
            async with client.get(f"{path}/messages/{quote(message_id, safe='')}/why") as response:
                assert response.status == 200, await response.text()
                assert (await response.json())["rfc_message_id"] == message_id
        async with client.get(f"{path}/messages/{quote('a' * 999)}/why") as response:
            assert response.status == 404
        async with client.post(f"{path}/messages/{quote('<a/b@example.org>', safe='')}/retry") as response:
            assert (response.status, await response.json()) == (202, {"messages": 1})
        async with client.post(f"{path}/messages/retry") as response:
            assert (response.status, await response.json()) == (202, {"messages": 3})
        async with client.post(f"{path}/audit") as response:
            assert (response.status, await response.json()) == (202, {"status": "requested"})
    single, every, audit = world.requests
    assert isinstance(single, q.RetryMessages)
    assert isinstance(every, q.RetryMessages)
    assert (single.message_id, every.message_id) == ("<a/b@example.org>", None)
    assert isinstance(audit, q.StartAudit)


@pytest.mark.parametrize("path", ["audit", "messages/retry", "messages/18f/retry"])
async def test_an_account_that_has_to_be_connected_again_is_refused_with_that_reason(
    gateway: RunningGateway, path: str
) -> None:
    world = gateway.world
    account = world.account(world.alice)
    world.accounts = [
        other.model_copy(update={"status": "reauth_required"}) if other.id == account.id else other
        for other in world.accounts
    ]
    async with gateway.client() as client, client.post(f"{API}/accounts/{account.id}/{path}") as response:
        body = await response.json(content_type="application/problem+json")
    assert (response.status, body["type"]) == (409, "/problems/reauth_required")
    assert world.requests == []
