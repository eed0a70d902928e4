"""HTTP itself tells the truth: methods, unknown addresses, and what is no request at all."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from libs.common.ids import new_id
from services.gateway.api import ENDPOINTS
from services.gateway.api.endpoint import Endpoint
from services.gateway.api.serving import PREFIX
from services.gateway.app import SECURITY_HEADERS
from services.gateway.sessions.cookies import SESSION_COOKIE
from tests.conftest import ServiceSettings
from tests.support.gateway import RunningGateway, running_gateway

MADE_WHILE_SENT = {"export_me", "stream_events"}


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings, api_requests_per_minute=0) as running:
        yield running


def path_of(endpoint: Endpoint) -> str:
    path = PREFIX + endpoint.path
    for name in endpoint.path_parameters:
        path = path.replace(f"{{{name}}}", str(new_id()))
    return path


def fits(template: str, path: str) -> bool:
    """Whether an operation is served there: `/accounts/connect` is where an account of that id would be, too."""
    return re.fullmatch(PREFIX + re.sub(r"{\w+}", "[^/]+", template), path) is not None


async def test_every_get_can_be_a_head_and_allow_names_what_is_there(gateway: RunningGateway) -> None:
    methods: dict[str, set[str]] = {}
    for endpoint in ENDPOINTS:
        methods.setdefault(endpoint.path, set()).update(
            {endpoint.method, *(["HEAD"] if endpoint.method == "GET" else [])}
        )
    own = {"Cookie": f"{SESSION_COOKIE}=session-of-alice", "Origin": gateway.url}
    async with gateway.client(None, **own) as client:
        for endpoint in ENDPOINTS:
            async with client.request("OPTIONS", path_of(endpoint)) as response:
                assert (response.status, response.content_type) == (405, "application/problem+json")
                served = {
                    method
                    for template, found in methods.items()
                    if fits(template, path_of(endpoint))
                    for method in found
                }
                assert set(response.headers["Allow"].replace(" ", "").split(",")) == served
            async with client.request(endpoint.method, path_of(endpoint), params={"unexpected": "1"}) as response:
                problem = await response.json(content_type="application/problem+json")
                assert (response.status, problem["errors"][0]["parameter"]) == (422, "unexpected"), endpoint.name
            if endpoint.method != "GET" or endpoint.name in MADE_WHILE_SENT:
                continue
            path = path_of(endpoint)
            async with client.get(path) as shown, client.head(path) as response:
                assert (response.status, response.content_type) == (shown.status, shown.content_type), endpoint.name
                assert await response.read() == b""
        for endpoint in ENDPOINTS:
            if endpoint.name in MADE_WHILE_SENT:
                async with client.head(PREFIX + endpoint.path) as response:
                    assert (response.status, response.content_type) == (200, endpoint.media_type)


async def raw(gateway: RunningGateway, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the response to bytes that no client library would send."""
    address = urlsplit(gateway.url)
    assert address.port is not None
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(sent)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    line, *lines = head.decode().split("\r\n")
    return int(line.split()[1]), dict(text.split(": ", 1) for text in lines), body


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /api/v1/contacts?q=" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 414, "url_too_long"),
        (b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 414, "url_too_long"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET /nothing/here HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404, "not_found"),
        (b"GET //api/v1/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404, "not_found"),
        (b"GET /api/v1/%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404, "not_found"),
        (b"PATCH /login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405, "method_not_allowed"),
    ],
)  # fmt: skip
async def test_what_leads_nowhere_and_what_is_no_request_gets_a_problem_document_and_the_headers_of_all_others(
    gateway: RunningGateway, sent: bytes, status: int, code: str
) -> None:
    found, headers, body = await raw(gateway, sent)
    problem = json.loads(body)
    assert (found, headers["Content-Type"].partition(";")[0]) == (status, "application/problem+json")
    assert (problem["status"], problem["type"]) == (status, f"/problems/{code}")
    assert SECURITY_HEADERS.items() <= headers.items()
    assert (headers["Cache-Control"], len(headers["Trace-Id"])) == ("no-store", 32)
    assert "aiohttp" not in headers.get("Server", "")
