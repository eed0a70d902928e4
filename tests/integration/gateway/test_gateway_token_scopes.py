"""Every operation with a token of each scope, and of none: the declaration decides, and nothing else lets anybody in."""

from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from libs.common.ids import new_id
from libs.common.requests import TOKEN_SCOPES, TokenScope
from services.gateway.api import ENDPOINTS
from services.gateway.api.endpoint import Endpoint
from services.gateway.api.openapi import openapi_document
from services.gateway.api.serving import PREFIX
from services.gateway.sessions.cookies import SESSION_COOKIE
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway

REFUSED = {"/problems/insufficient_scope", "/problems/session_required"}


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings, api_requests_per_minute=0) as running:
        for name in ("none", *TOKEN_SCOPES):
            running.world.tokens[f"pcrm_{name}"] = running.world.alice
            running.world.scopes[f"pcrm_{name}"] = frozenset(scope for scope in TOKEN_SCOPES if scope == name)
        yield running


async def refusal(client: aiohttp.ClientSession, endpoint: Endpoint) -> tuple[str, str | None] | None:
    """The type of the refusal and the scope that it names; None where whoever called was let in. Of a stream only the head is read."""
    path = PREFIX + endpoint.path
    for name in endpoint.path_parameters:
        path = path.replace(f"{{{name}}}", str(new_id()))
    async with client.request(endpoint.method, path) as response:
        if response.content_type != "application/problem+json":
            return None
        problem = await response.json(content_type=None)
        if problem["type"] not in REFUSED:
            return None
        assert response.status == 403
        challenge = f'error="insufficient_scope", scope="{endpoint.scope}"'
        assert (challenge in response.headers.get("WWW-Authenticate", "")) is ("scope" in problem)
        return problem["type"], problem.get("scope")


async def test_an_operation_lets_in_the_tokens_of_its_scope_and_no_others(gateway: RunningGateway) -> None:
    document = openapi_document()
    for name in ("none", *TOKEN_SCOPES):
        async with gateway.client(f"pcrm_{name}") as client:
            for endpoint in ENDPOINTS:
                expected: tuple[str, TokenScope | None] | None = None
                if endpoint.scope == "session":
                    expected = "/problems/session_required", None
                elif endpoint.scope != name:
                    expected = "/problems/insufficient_scope", endpoint.scope
                assert await refusal(client, endpoint) == expected, f"{endpoint.name} with {name}"
                security = document["paths"][PREFIX + endpoint.path][endpoint.method.lower()]["security"]
                assert ({"token": [name]} in security) is (expected is None)
                assert {"session": []} in security


async def test_a_session_may_do_everything(gateway: RunningGateway) -> None:
    own = {"Cookie": f"{SESSION_COOKIE}=session-of-alice", "Origin": gateway.url}
    async with gateway.client(None, **own) as browser:
        for endpoint in ENDPOINTS:
            if endpoint.name != "sign_out_everywhere":
                assert await refusal(browser, endpoint) is None, endpoint.name


async def test_no_token_opens_a_page_or_sends_a_form(gateway: RunningGateway) -> None:
    async with gateway.client() as client:
        for method, path in (("GET", "/settings"), ("POST", "/tokens"), ("POST", "/me/delete"), ("POST", "/settings")):
            async with client.request(method, path, allow_redirects=False) as response:
                assert (response.status, response.headers["Location"]) == (302, "/login"), path
    assert not gateway.world.requests
