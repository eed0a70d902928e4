"""Every declared operation with every kind of bad input, against all five services: no 500, and only what the document declares."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from importlib import import_module
from io import BytesIO
from typing import Any
from urllib.parse import quote

import aiohttp
import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr
from yarl import URL

from libs.common.ids import SERVICES, new_id
from libs.common.service import running
from libs.local.ports import free_port
from services.auth.credentials import fingerprint
from services.gateway.api.openapi import openapi_document
from services.gateway.sessions.cookies import SESSION_COOKIE
from tests.conftest import ServiceSettings
from tests.support.database import Database

DOCUMENT = openapi_document()
ENDLESS = "/api/v1/events"
LAST = "/api/v1/me"
GOOGLE = {"google_client_id": "client", "google_client_secret": SecretStr("secret")}
FIRST, LAST_INSTANT = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
TEXTS = (
    "",
    "x",
    "\0",
    "null",
    "-1",
    "9" * 400,
    "🙈",
    "\ufeff",
    "%ZZ",
    "a" * 2000,
    FIRST,
    LAST_INSTANT,
    "9999-12-31T23:59:59Z",
)
VALUES: tuple[Any, ...] = (
    None, True, -1, 10**30, 1.5, "", "x", "\0", "\u202e", "a" * 60_000, FIRST, LAST_INSTANT, "2026-01-01", "a@b",
    [], {}, [[]], [None], ["\0"], ["x" * 5000], {"a": "\0"}, ["a@b.example"], ["javascript:1"],
)  # fmt: skip
BODIES: tuple[tuple[bytes, dict[str, str]], ...] = (
    (b"", {}),
    (b"{", {"Content-Type": "application/json"}),
    (b'"\xff"', {"Content-Type": "application/json"}),
    (b'{"name":"\\ud800"}', {"Content-Type": "application/json"}),
    (b"[" * 1020 + b"]" * 1020, {"Content-Type": "application/json"}),
    (b"[" * 2000 + b"]" * 2000, {"Content-Type": "application/json"}),
    (b"[]", {"Content-Type": "application/json"}),
    (b"{}", {"Content-Type": "text/plain"}),
    (b"{}", {"Content-Type": "application/json; charset=nonsense"}),
    (b"garbage", {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
    (b'{"name":"' + b"x" * 1_100_000 + b'"}', {"Content-Type": "application/json"}),
)


@pytest_asyncio.fixture
async def api(
    service_settings: ServiceSettings, database: Database
) -> AsyncIterator[tuple[aiohttp.ClientSession, dict[str, str]]]:
    """A client of Alice's, and things of Bob's by the name of the parameter that takes them."""
    alice, bob, account = new_id(), new_id(), new_id()
    connection = await asyncpg.connect(database.admin_url)
    for user, sub, account_id in ((alice, "1", new_id()), (bob, "2", account)):
        await connection.execute(
            "INSERT INTO auth.users (id, sub, name, address) VALUES ($1, $2, '', 'a@b.example')", user, sub
        )
        await connection.execute(
            "INSERT INTO auth.sessions (user_id, hash, expires_at) VALUES ($1, $2, now() + interval '1 day')",
            user, fingerprint(sub),
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO auth.google_accounts (id, user_id, sub, address, name, status, scopes)"
            " VALUES ($1, $2, $3, 'a@b.example', '', 'reauth_required', '{}')",
            account_id, user, sub,
        )  # fmt: skip
    await connection.close()
    port = free_port()
    async with AsyncExitStack() as stack:
        for service in SERVICES:
            settings = service_settings(service).model_copy(
                update={"port": port, "api_requests_per_minute": 0, **GOOGLE}
            )
            await stack.enter_async_context(
                running(service, settings, import_module(f"services.{service}.__main__").wire)
            )
        url = f"http://127.0.0.1:{port}"
        of_bob = await stack.enter_async_context(
            aiohttp.ClientSession(url, headers={"Origin": url}, cookies={SESSION_COOKIE: "2"})
        )
        async with of_bob.post("/api/v1/contacts", json={"name": "Carol", "emails": ["c@d.example"]}) as response:
            contact = (await response.json())["id"]
        async with of_bob.post("/api/v1/tokens", json={"name": "t"}) as response:
            token = (await response.json())["id"]
        client = aiohttp.ClientSession(url, headers={"Origin": url}, cookies={SESSION_COOKIE: "1"})
        await stack.enter_async_context(client)
        yield client, {"account_id": str(account), "contact_id": contact, "token_id": token}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if path != ENDLESS and (method, path) != ("delete", LAST):
                yield method.upper(), path, operation


def filled(path: str, ids: dict[str, str], value: str | None = None) -> str:
    for name in ("account_id", "contact_id", "merge_id", "meeting_id", "notification_id", "token_id", "message_id"):
        path = path.replace(f"{{{name}}}", quote(value if value is not None else ids.get(name, str(new_id())), safe=""))
    return path


def fields_of(operation: dict[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return list(
        DOCUMENT["components"]["schemas"].get(content.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
    )


async def trouble(
    client: aiohttp.ClientSession, method: str, path: str, operation: dict[str, Any], **sent: Any
) -> list[str]:
    """What is wrong with the response; the input is cut."""
    try:
        async with client.request(method, URL(path, encoded=True), **sent) as response:
            body = await response.read()
    except aiohttp.ClientOSError:
        return []  # refused before all of it was sent
    where = f"{method} {path[:100]} {str(sent)[:160]} → {response.status}"
    wrong = []
    if response.status == 404 and "There is nothing at this address" in body.decode():
        return []  # an empty path segment is another address
    if response.status >= 500 or ("?cursor=" in path and response.status not in (400, 404)):
        wrong.append(f"{where}: {body[:200]!r}")
    elif str(response.status) not in operation["responses"] and response.status != 405:
        wrong.append(f"{where}: not declared: {body[:200]!r}")
    if response.status >= 400:
        if response.content_type != "application/problem+json":
            return [*wrong, f"{where}: {response.content_type}"]
        problem = json.loads(body)
        if not {"type", "title", "status", "detail"} <= problem.keys() or problem["status"] != response.status:
            wrong.append(f"{where}: {problem}")
    return wrong


async def test_no_input_gets_anything_but_what_the_document_declares(
    api: tuple[aiohttp.ClientSession, dict[str, str]],
) -> None:
    client, of_bob = api
    found: list[str] = []
    for method, path, operation in operations():
        other = filled(path, of_bob)
        queries = [p["name"] for p in operation["parameters"] if p["in"] == "query"]
        if "{" in path:
            for text in TEXTS:
                found += await trouble(client, method, filled(path, of_bob, text), operation)
        for name in queries:
            for text in TEXTS:
                found += await trouble(client, method, f"{other}?{name}={quote(text)}", operation)
            found += await trouble(client, method, f"{other}?{name}=%ED%A0%80", operation)
        for data, headers in BODIES if "requestBody" in operation else ():
            found += await trouble(client, method, other, operation, data=BytesIO(data), headers=headers)
        for field in fields_of(operation):
            for value in VALUES:
                found += await trouble(client, method, other, operation, json={field: value})
    assert not found, "\n".join(dict.fromkeys(found))


async def raw(client: aiohttp.ClientSession, head: bytes) -> tuple[int, bytes]:
    """Status and body of the response to bytes that no client library would send."""
    base = client._base_url
    assert base is not None
    reader, writer = await asyncio.open_connection(base.host, base.port)
    writer.write(head + b"\r\nConnection: close\r\n\r\n")
    response = await reader.read()
    writer.close()
    return int(response.split(b" ", 2)[1]), response


HOST = b"\r\nHost: 127.0.0.1"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /api/v1/me HTTP/1.1" + HOST + b"\r\nAuthorization: Bearer pcrm_\xff", 401),
        (b"GET /api/v1/me HTTP/1.1" + HOST + b"\r\nCookie: pingcrm_session=\xff", 401),
        (b"POST /logout HTTP/1.1" + HOST + b"\r\nSec-Fetch-Site: same-origin\r\nCookie: pingcrm_session=\xff", 302),
        (b"GET /oauth/google/callback?state=s&code=c HTTP/1.1" + HOST + b"\r\nCookie: pingcrm_browser=\xff", 400),
        (b"GET /login/google HTTP/1.1\r\nHost: a:b:c", 302),
        (b"GET /login/google HTTP/1.1\r\nHost: \xff", 302),
    ],
)
async def test_bytes_that_are_no_text_are_nobodys_and_crash_nothing(
    api: tuple[aiohttp.ClientSession, dict[str, str]], head: bytes, status: int
) -> None:
    assert (await raw(api[0], head))[0] == status
