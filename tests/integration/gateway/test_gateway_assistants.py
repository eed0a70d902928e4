"""Assistants at `/mcp`: who gets in, what they may do, and how much."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from libs.common import requests as q
from libs.common.config import Settings
from libs.common.errors import Refused
from libs.common.ids import Service
from libs.local.secrets import SECRET_KEYS, WEBHOOK_KEYS, Secrets
from libs.local.urls import redis_url
from services.gateway.assistants import routes
from services.gateway.domain.quoted import RESULT_CHARACTERS
from tests.conftest import migrated_nats
from tests.support.assistants import MODES, assistant, refusal, text_of, use
from tests.support.database import Database
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.gateway.values import account_of, contact, user
from tests.support.gateway.world import World
from tests.support.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
JSON = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(module_database: Database, servers: Servers, secrets: Secrets) -> AsyncIterator[RunningGateway]:
    """One for all tests of this module; each has a user of its own, who may send so many requests within a minute."""
    redis = (await servers.valkey()).admin_url
    async with migrated_nats(secrets) as bus:

        def settings(service: Service) -> Settings:
            return Settings(
                postgres_url=module_database.url_for(service),
                nats_url=bus.url_for(service),
                redis_url=redis_url(redis, service, secrets),
                secret_keys=secrets[SECRET_KEYS],
                webhook_keys=secrets[WEBHOOK_KEYS],
            )

        async with running_gateway(settings, api_requests_per_minute=40) as running:
            yield running


@pytest.fixture
def owner(gateway: RunningGateway) -> q.User:
    """A user whose token is their id."""
    made = user("Nora")
    gateway.world.accounts.append(account_of(made))
    gateway.world.tokens[str(made.id)] = made
    return made


async def call_tool(client: ClientSession, name: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The result of a call that no client makes, and the trace of it."""
    headers = {**JSON, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": name}
    params = {"name": name, "arguments": arguments, "_meta": META}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    async with client.post("/mcp", json=message, headers=headers) as response:
        return dict((await response.json())["result"]), response.headers["Trace-Id"]


def notes_of(world: World, owner: q.User) -> list[q.AddInteraction]:
    return [
        request for request in world.requests if isinstance(request, q.AddInteraction) and request.user_id == owner.id
    ]


async def test_an_assistant_gets_in_by_an_api_token_alone(gateway: RunningGateway, owner: q.User) -> None:
    metadata = "/.well-known/oauth-protected-resource/mcp"
    refused: list[tuple[dict[str, str], str]] = [
        ({}, "An assistant needs a personal API token"),
        ({"Authorization": "Bearer pcrm_wrong"}, "Sign in again."),
        ({"Authorization": "Basic pcrm_alice"}, "Bearer pcrm_"),
        ({"Cookie": "pingcrm_session=session-of-alice", "Origin": gateway.url}, "An assistant needs a personal API token"),
    ]  # fmt: skip
    async with gateway.client(None) as client:
        for headers, sentence in refused:
            async with client.post("/mcp", json=LIST_TOOLS, headers={**JSON, **headers}) as response:
                assert response.status == 401, headers
                assert f'resource_metadata="{gateway.url}{metadata}"' in response.headers["WWW-Authenticate"]
                assert sentence in (await response.json(content_type=None))["detail"]
        async with client.get(metadata) as response:
            document = await response.json()
        assert (document["resource"], document["bearer_methods_supported"]) == (f"{gateway.url}/mcp", ["header"])
        assert document["scopes_supported"] == ["read", "write"]
        assert document["authorization_servers"] == [gateway.url]
        for method in ("GET", "DELETE"):
            async with client.request(method, "/mcp") as response:
                assert (response.status, response.headers["Allow"]) == (405, "POST")
    async with gateway.client(str(owner.id)) as client:
        for origin, status in (("https://evil.example", 403), ("null", 403), (gateway.url, 200)):
            async with client.post("/mcp", json=LIST_TOOLS, headers={**JSON, "Origin": origin}) as response:
                assert response.status == status, await response.text()


async def test_what_is_no_message_of_the_protocol_is_refused_and_breaks_nothing(
    gateway: RunningGateway, owner: q.User
) -> None:
    bodies = (
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'"\xff"',
        b"null",
        b'{"jsonrpc": "2.0", "id": 1, "method": "no/method"}',
    )
    async with gateway.client(str(owner.id)) as client:
        for version in ("2025-11-25", "2026-07-28", "1999-01-01"):
            for body in bodies:
                headers = {**JSON, "MCP-Protocol-Version": version}
                async with client.post("/mcp", data=body, headers=headers) as response:
                    assert response.status < 500, (version, body[:20], await response.text())
                    assert "result" not in await response.text()
        async with client.post("/mcp", data=BytesIO(b"x" * 1_100_000), headers=JSON) as response:
            assert response.status == 413


@pytest.mark.parametrize("mode", MODES)
async def test_a_token_does_what_its_scopes_permit(gateway: RunningGateway, owner: q.User, mode: Any) -> None:
    world = gateway.world
    ada = world.add(owner, contact("Ada", "ada@x.example"))
    world.scopes[str(owner.id)] = frozenset({"read"})
    async with assistant(gateway.url, str(owner.id), mode) as client:
        names = {known.name for known in (await client.list_tools()).tools}
        assert names == {known.name for known in routes.TOOLS} - {"add_note"}
        refused = await refusal(client, "add_note", person_id=str(ada.id), text="Likes tea.")
        assert (refused["error"], refused["scope"]) == ("insufficient_scope", "write")
        assert (await use(client, "find_people"))["people"][0]["person_id"] == str(ada.id)
    world.scopes[str(owner.id)] = frozenset({"account"})
    async with assistant(gateway.url, str(owner.id), mode) as client:
        assert (await client.list_tools()).tools == []
        assert (await refusal(client, "find_people"))["error"] == "insufficient_scope"
    assert notes_of(world, owner) == []
    world.scopes[str(owner.id)] = frozenset({"read", "write"})
    async with assistant(gateway.url, str(owner.id), mode) as client:
        note = [await use(client, "add_note", person_id=str(ada.id), text="Likes tea.") for _ in range(2)]
    assert note[0] == note[1], "an answer that was lost can be had again"
    assert [note.text for note in notes_of(world, owner)] == ["Likes tea."]


async def test_what_fails_is_explained_to_the_model_and_each_call_has_a_line_and_a_measurement(
    gateway: RunningGateway, owner: q.User
) -> None:
    world = gateway.world
    bobs = world.add(world.bob, contact("Zola", "zola@x.example"))
    world.brief_refused = Refused(422, "no_guests", "Nobody else is invited.")
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("find_people", {"limit": 10_000}, "invalid"),
        ("find_people", {"word": "zola"}, "invalid"),
        ("find_people", {"words": "a\0b"}, "invalid"),
        ("find_people", {"words": "\ud800"}, "invalid"),
        ("show_person", {"person_id": str(bobs.id)}, "not_found"),
        ("read_timeline", {"person_id": str(bobs.id)}, "not_found"),
        ("read_timeline", {"person_id": "zola"}, "invalid"),
        ("add_note", {"person_id": str(bobs.id), "text": "Mine."}, "not_found"),
        ("add_note", {"person_id": str(bobs.id), "text": ""}, "invalid"),
        ("read_brief", {"meeting_id": str(uuid4())}, "no_guests"),
        ("why_is_mail_missing", {"message_id": "the one of Tuesday"}, "invalid"),
    ]
    async with gateway.client(str(owner.id)) as client:
        for name, arguments, error in cases:
            with capture_logs([merge_contextvars]) as lines:
                result, trace = await call_tool(client, name, arguments)
            assert result["isError"], (name, arguments)
            assert result["content"][0]["text"].startswith(f'{{"error":"{error}","detail":"'), result
            (line,) = [line for line in lines if line["event"] == "assistant_tool"]
            assert (line["tool"], line["outcome"], line["trace"], line["user"]) == (name, error, trace, owner.id)
            assert "zola" not in str(lines).lower()  # a name that no random id spells
        async with client.get("/metrics") as response:
            metrics = await response.text()
    assert 'pingcrm_assistant_tool_seconds_count{outcome="no_guests",tool="read_brief"} 1.0' in metrics


async def test_what_is_returned_is_bounded_and_goes_on_at_a_cursor(gateway: RunningGateway, owner: q.User) -> None:
    world = gateway.world
    for number in range(30):
        world.add(owner, contact(f"Ada {number} " + "<" * 5000, *(f"{part}{number}@x.example" for part in "abcdef")))
    async with assistant(gateway.url, str(owner.id)) as client:
        result = await client.call_tool("find_people", {"limit": 20})
        page = await use(client, "find_people", limit=20)
    assert len(text_of(result)) < RESULT_CHARACTERS
    assert (len(page["people"]), page["next_cursor"]) == (20, "more")
    assert "<" not in text_of(result)


async def test_an_assistant_waits_as_every_other_program_does(gateway: RunningGateway, owner: q.User) -> None:
    async with gateway.client(str(owner.id)) as client:

        async def ask() -> tuple[int, str]:
            async with client.post("/mcp", json=LIST_TOOLS, headers=JSON) as response:
                return response.status, response.headers.get("Retry-After", "")

        answers = sorted(await asyncio.gather(*(ask() for _ in range(60))))
        assert [status for status, _ in answers[:40]] == [200] * 40, "a minute's worth at once"
        refused = [after for status, after in answers if status == 429]
        assert refused
        assert all(int(after) > 0 for after in refused)
