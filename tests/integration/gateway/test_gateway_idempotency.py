"""POSTs that create, sent again under one Idempotency-Key: through the real gateway to the real services, which fail in between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from libs.common.bus import Bus
from libs.common.errors import Outage
from libs.common.ids import ContactId, new_id
from libs.common.service import Resources, running
from libs.local.ports import free_port
from services.auth.__main__ import wire as wire_auth
from services.auth.credentials import fingerprint
from services.contacts.__main__ import wire as wire_contacts
from services.gateway.__main__ import wire as wire_gateway
from services.gateway.sessions.cookies import SESSION_COOKIE
from tests.conftest import ServiceSettings
from tests.support.database import Database
from tests.support.fake_claude import run_claude
from tests.support.gateway import running_gateway
from tests.support.gateway.values import contact
from tests.support.meetings import MEETING_ID
from tests.support.prep_stage import set_stage, upcoming

API = "/api/v1"
KEY = "0197c0de-1111-4222-8333-444455556666"
SECRET = "pcrm_of_the_test"
Handler = Callable[[Any], Awaitable[Any]]


@dataclass
class Product:
    """The gateway, auth and contacts. `failing`: subjects whose handler does its work once and then finds that something is away."""

    client: aiohttp.ClientSession
    resources: Resources
    failing: set[str]
    redis_admin: Redis

    async def post(self, path: str, body: object = None, key: str | None = KEY) -> tuple[int, dict[str, Any]]:
        headers = {"Idempotency-Key": key} if key else {}
        async with self.client.post(f"{API}{path}", json=body, headers=headers) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> list[dict[str, Any]]:
        async with self.client.get(f"{API}{path}") as response:
            items: list[dict[str, Any]] = (await response.json())["items"]
            return items

    async def forget(self) -> None:
        """Redis loses what it knew."""
        await self.redis_admin.flushall()

    async def contact(self, name: str = "Carol") -> str:
        _, made = await self.post("/contacts", {"name": name}, key=None)
        return str(made["id"])


def failing_once(subjects: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A service's handler whose subject is among these commits, and then reports an outage: once each."""
    respond = Bus.respond

    def patched(bus: Bus, request: Any, handler: Handler) -> None:
        async def handle(received: Any) -> Any:
            reply = await handler(received)
            if request.subject in subjects:
                subjects.remove(request.subject)
                raise Outage("gone after the commit")
            return reply

        respond(bus, request, handle)

    monkeypatch.setattr(Bus, "respond", patched)


@pytest_asyncio.fixture
async def product(
    service_settings: ServiceSettings, database: Database, redis_admin: Redis, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Product]:
    failing: set[str] = set()
    failing_once(failing, monkeypatch)
    connection = await asyncpg.connect(database.url_for("auth"))
    user_id = new_id()
    await connection.execute(
        "INSERT INTO users (id, sub, name, address) VALUES ($1, '1', 'Anna', 'anna@gmail.com')", user_id
    )
    await connection.execute(
        "INSERT INTO sessions (user_id, hash, expires_at) VALUES ($1, $2, now() + interval '1 day')",
        user_id,
        fingerprint(SECRET),
    )
    await connection.close()
    settings = service_settings("gateway").model_copy(update={"port": free_port()})
    async with (
        running("auth", service_settings("auth"), wire_auth),
        running("contacts", service_settings("contacts"), wire_contacts) as resources,
        running("gateway", settings, wire_gateway),
        aiohttp.ClientSession(
            settings.base_url, headers={"Origin": settings.base_url}, cookies={SESSION_COOKIE: SECRET}
        ) as client,
    ):
        yield Product(client, resources, failing, redis_admin)


async def test_a_contact_that_is_created_again_after_a_503_is_a_single_one(product: Product) -> None:
    body = {"name": "Carol", "emails": ["carol@example.com"]}
    product.failing.add("contacts.create")
    assert (await product.post("/contacts", body))[0] == 503
    status, made = await product.post("/contacts", body)
    assert (status, made["emails"]) == (201, ["carol@example.com"])
    assert (await product.post("/contacts", body))[1]["id"] == made["id"]
    await product.forget()
    assert (await product.post("/contacts", body))[1]["id"] == made["id"]
    assert [item["id"] for item in await product.get("/contacts")] == [made["id"]]
    other = await product.post("/contacts", {"name": "Carol"}, key="another")
    assert other[1]["id"] != made["id"]


@pytest.mark.parametrize("platform", ["note", "telegram"])
async def test_a_note_or_interaction_that_is_added_again_after_a_503_is_a_single_one(
    product: Product, platform: str
) -> None:
    contact_id = await product.contact()
    path, body = f"/contacts/{contact_id}/interactions", {"text": "Likes tea", "platform": platform}
    product.failing.add("contacts.add_interaction")
    assert (await product.post(path, body))[0] == 503
    [written] = await product.get(path)
    status, added = await product.post(path, body)
    assert (status, added["id"]) == (201, written["id"])
    await product.forget()
    assert (await product.post(path, body))[1] == added
    assert await product.get(path) == [written]
    await product.post(path, body, key="another")
    assert len(await product.get(path)) == 2, "the same words under another key are another note"


async def test_a_note_about_somebody_else_is_another_note_even_where_redis_forgot_the_key(product: Product) -> None:
    first, second = await product.contact("Carol"), await product.contact("Dave")
    for contact_id in (first, second):
        status, _ = await product.post(f"/contacts/{contact_id}/interactions", {"text": "Likes tea"})
        assert status == 201
        await product.forget()
    for contact_id in (first, second):
        assert len(await product.get(f"/contacts/{contact_id}/interactions")) == 1


async def test_a_token_that_is_created_again_after_a_503_is_a_single_one_that_works(product: Product) -> None:
    product.failing.add("auth.create_token")
    assert (await product.post("/tokens", {"name": "connector"}))[0] == 503
    status, token = await product.post("/tokens", {"name": "connector"})
    assert status == 201
    assert (await product.post("/tokens", {"name": "connector"}))[1] == token
    assert [item["name"] for item in await product.get("/tokens")] == ["connector"]
    async with product.client.get(
        f"{API}/contacts", headers={"Authorization": f"Bearer {token['secret']}"}
    ) as response:
        assert response.status == 200


async def test_a_key_is_for_a_single_request(product: Product) -> None:
    await product.post("/contacts", {"name": "Carol"})
    status, problem = await product.post("/contacts", {"name": "Dave"})
    assert (status, problem["type"]) == (422, "/problems/idempotency_key_reused")
    assert problem["detail"] == "This Idempotency-Key was used for another request. Choose a fresh one."
    assert [item["name"] for item in await product.get("/contacts")] == ["Carol"]


# -- what the gateway makes of keys ----------------------------------------------------------------------------------------


async def test_a_request_that_is_being_worked_on_is_409_with_retry_after(product: Product) -> None:
    """The second try comes while the first waits for a lock."""
    async with product.resources.db.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE")
        first = asyncio.create_task(product.post("/contacts", {"name": "Dave"}))
        async with asyncio.timeout(10):
            while not await product.redis_admin.keys("contacts:idempotency:*"):
                await asyncio.sleep(0.02)
        async with product.client.post(
            f"{API}/contacts", json={"name": "Dave"}, headers={"Idempotency-Key": KEY}
        ) as response:
            problem = await response.json()
            assert (response.status, problem["type"]) == (409, "/problems/in_progress")
            assert problem["detail"] == "This request is being worked on. Send it again in a moment."
            assert response.headers["Retry-After"] == "1"
    status, made = await first
    assert status == 201
    assert (await product.post("/contacts", {"name": "Dave"}))[1] == made


@pytest.mark.parametrize("key", ["", " ", "two words", "ä", "x" * 256])
async def test_what_is_no_key_is_refused_with_a_sentence(service_settings: ServiceSettings, key: str) -> None:
    async with running_gateway(service_settings) as gateway, gateway.client() as client:
        async with client.post(f"{API}/contacts", json={"name": "C"}, headers={"Idempotency-Key": key}) as response:
            problem = await response.json()
        assert (response.status, problem["type"]) == (400, "/problems/invalid_idempotency_key")
        assert "1 to 255 visible ASCII characters" in problem["detail"]
        assert gateway.world.requests == []


async def test_two_keys_are_none_and_without_a_key_each_request_is_its_own(service_settings: ServiceSettings) -> None:
    async with running_gateway(service_settings) as gateway, gateway.client() as client:
        twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
        async with client.post(f"{API}/contacts", json={"name": "C"}, headers=twice) as response:
            assert response.status == 400
        for _ in range(2):
            async with client.post(f"{API}/contacts", json={"name": "C"}) as response:
                assert response.status == 201
        assert len(gateway.world.requests) == 2


async def test_a_key_on_what_creates_nothing_changes_nothing(service_settings: ServiceSettings) -> None:
    async with running_gateway(service_settings) as gateway, gateway.client() as client:
        made = gateway.world.add(gateway.world.alice, contact("Carol"))
        path = f"{API}/contacts/{ContactId(made.id)}"
        for name in ("Cora", "Corinna"):
            async with client.patch(path, json={"name": name}, headers={"Idempotency-Key": KEY}) as response:
                assert (await response.json())["name"] == name


async def test_a_brief_that_is_requested_twice_under_one_key_is_one_email(
    service_settings: ServiceSettings, database: Database
) -> None:
    settings = service_settings("gateway").model_copy(update={"port": free_port()})
    async with (
        run_claude() as claude,
        set_stage(service_settings, database.admin_url, claude) as stage,
        stage.prep(),
        running("gateway", settings, wire_gateway),
        aiohttp.ClientSession(settings.base_url, headers={"Authorization": "Bearer pcrm_sam"}) as client,
    ):
        stage.meetings = [upcoming()]
        replies = []
        for key in (KEY, KEY, "another"):
            path = f"{API}/meetings/{MEETING_ID}/prep"
            async with client.post(path, headers={"Idempotency-Key": key}) as response:
                assert response.status == 200, await response.text()
                replies.append(await response.json())
        assert replies[0] == replies[1] != replies[2]
        assert len(stage.mails) == 2
