"""The offer "this is me": one notification, one click, and the address is among the user's own ones."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest_asyncio

from libs.common.events import BccUnclaimed, SyncCompleted
from libs.common.ids import ContactId, RunId, new_id
from libs.common.preferences import GmailPreferences, Preferences
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway

API = "/api/v1"
OFFICE = "maya@office.example"


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings) as running:
        yield running


async def offered(gateway: RunningGateway, client: aiohttp.ClientSession, address: str = OFFICE) -> dict[str, Any]:
    """Alice is offered an address as her own; the notification."""
    alice = gateway.world.alice
    event = BccUnclaimed(
        user_id=alice.id,
        account_id=gateway.world.account(alice).id,
        address=address,
        name="Maya",
        contact_id=ContactId(new_id()),
    )
    await gateway.buses["contacts"].publish(event)
    async with asyncio.timeout(10):
        while True:
            found = [offer for offer in await listed(client) if address in offer["title"]]
            if found:
                return found[0]
            await asyncio.sleep(0.02)


async def listed(client: aiohttp.ClientSession) -> list[dict[str, Any]]:
    async with client.get(f"{API}/notifications") as response:
        items: list[dict[str, Any]] = (await response.json())["items"]
    return items


async def post(client: aiohttp.ClientSession, path: str) -> tuple[int, dict[str, Any]]:
    async with client.post(f"{API}/notifications/{path}") as response:
        return response.status, await response.json()


def own_addresses(gateway: RunningGateway) -> tuple[str, ...]:
    return gateway.world.preferences.get(gateway.world.alice.id, Preferences()).gmail.own_addresses


async def test_an_offer_is_shown_with_its_action_and_accepted_with_one_call(gateway: RunningGateway) -> None:
    async with gateway.client() as client, gateway.browser() as browser:
        notification = await offered(gateway, client)
        assert notification["kind"] == "bcc.unclaimed"
        async with browser.get("/") as response:
            page = await response.text()
        assert f'action="/notifications/{notification["id"]}/accept"' in page
        assert f'action="/notifications/{notification["id"]}/dismiss"' in page
        assert notification["action"] == {"label": "This is me", "address": OFFICE, "answer": None}
        status, updated = await post(client, f"{notification['id']}/accept")
        assert (status, updated["action"]["answer"]) == (200, "accepted")
        assert updated["read_at"] is not None
        assert own_addresses(gateway) == (OFFICE,)
        assert (await post(client, f"{notification['id']}/accept"))[0] == 200
        assert own_addresses(gateway) == (OFFICE,), "twice is once"
        status, problem = await post(client, f"{notification['id']}/dismiss")
        assert (status, problem["type"]) == (409, "/problems/accepted")


async def test_a_dismissed_offer_stays_dismissed_whatever_comes(gateway: RunningGateway) -> None:
    async with gateway.client() as client:
        notification = await offered(gateway, client)
        status, updated = await post(client, f"{notification['id']}/dismiss")
        assert (status, updated["action"]["answer"]) == (200, "dismissed")
        status, problem = await post(client, f"{notification['id']}/accept")
        assert (status, problem["type"]) == (409, "/problems/dismissed")
        await offered(gateway, client)
        await offered(gateway, client, "other@office.example")
        assert [offer["action"]["answer"] for offer in await listed(client)] == [None, "dismissed"]
    assert own_addresses(gateway) == ()


async def test_settings_that_change_meanwhile_are_not_overwritten(gateway: RunningGateway) -> None:
    world = gateway.world
    async with gateway.client() as client:
        notification = await offered(gateway, client)
        world.overtaking = [Preferences(gmail=GmailPreferences(mail_lookback_days=7, own_addresses=("old@x.example",)))]
        assert (await post(client, f"{notification['id']}/accept"))[0] == 200
        gmail = world.preferences[world.alice.id].gmail
        assert (gmail.mail_lookback_days, gmail.own_addresses) == (7, ("old@x.example", OFFICE))
        world.overtaking = [Preferences(gmail=GmailPreferences(mail_lookback_days=9))]
        async with client.put(f"{API}/settings", json={"gmail": {"contact_creation": "none"}}) as response:
            changed = (await response.json())["gmail"]
        assert (changed["mail_lookback_days"], changed["contact_creation"]) == (9, "none")


async def test_full_settings_refuse_with_a_sentence_unless_the_address_is_there_already(
    gateway: RunningGateway,
) -> None:
    world = gateway.world
    full = tuple(f"me{number}@x.example" for number in range(50))
    world.preferences[world.alice.id] = Preferences(gmail=GmailPreferences(own_addresses=full))
    async with gateway.client() as client:
        notification = await offered(gateway, client)
        status, problem = await post(client, f"{notification['id']}/accept")
        assert (status, problem["type"]) == (409, "/problems/address_refused")
        assert "50" in problem["detail"]
        assert (await listed(client))[0]["action"]["answer"] is None
        there = ("Maya@OFFICE.example", *full[1:])
        world.preferences[world.alice.id] = Preferences(gmail=GmailPreferences(own_addresses=there))
        assert (await post(client, f"{notification['id']}/accept"))[0] == 200
    assert own_addresses(gateway) == there


async def test_only_an_own_offer_can_be_answered(gateway: RunningGateway) -> None:
    alice = gateway.world.alice
    async with gateway.client() as client, gateway.client("pcrm_bob") as bob:
        notification = await offered(gateway, client)
        for verb in ("accept", "dismiss"):
            assert (await post(bob, f"{notification['id']}/{verb}"))[0] == 404
            assert (await post(client, f"{new_id()}/{verb}"))[0] == 404
        await gateway.buses["sync"].publish(
            SyncCompleted(
                user_id=alice.id, account_id=gateway.world.account(alice).id, address=alice.address,
                run_id=RunId(new_id()), kind="mail", reason="user", new=1, updated=0, removed=0, seconds=1,
            )
        )  # fmt: skip
        async with asyncio.timeout(10):
            while len(items := await listed(client)) < 2:
                await asyncio.sleep(0.02)
        assert items[0]["action"] is None
        for verb in ("accept", "dismiss"):
            status, problem = await post(client, f"{items[0]['id']}/{verb}")
            assert (status, problem["type"]) == (409, "/problems/nothing_offered")
