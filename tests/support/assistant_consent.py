"""An assistant that asks for a token, as the official client does it and step by step, and the user who answers in a browser."""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import httpx2
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

CALLBACK = "http://127.0.0.1:3030/callback"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ALLOW = {"answer": "allow", "scope": ["read", "write"]}
CONSENT = "/assistants/connect"


class Memory:
    """What the client keeps."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


async def asked(browser: aiohttp.ClientSession, authorize_url: str) -> tuple[str, str]:
    """The page that asks, and the id of the request on it."""
    async with browser.get(authorize_url) as response:
        html = await response.text()
        assert (response.status, response.url.path) == (200, CONSENT), html
    found = re.search(r'name="request" value="([^"]+)"', html)
    assert found
    return html, found[1]


async def sent_back(browser: aiohttp.ClientSession, request_id: str, **form: Any) -> tuple[str, dict[str, str]]:
    """Where the answer leads the browser, and with what."""
    async with browser.post(CONSENT, data={"request": request_id, **form}) as response:
        html = await response.text()
        assert response.status == 200, html
    found = re.search(r'content="0; url=([^"]+)"', html)
    assert found
    href = unescape(found[1])
    assert f'href="{found[1]}"' in html, "for browsers that don't go by themselves"
    parameters = {name: values[0] for name, values in parse_qs(urlsplit(href).query).items()}
    return href.partition("?")[0], parameters


@asynccontextmanager
async def official_client(browser: aiohttp.ClientSession, memory: Memory) -> AsyncIterator[Client]:
    """The client of the protocol's makers, whose user allows everything in their browser."""
    url = str(browser._base_url).rstrip("/")
    opened: list[str] = []

    async def open_browser(authorize_url: str) -> None:
        opened.append(authorize_url)

    async def callback() -> AuthorizationCodeResult:
        html, request_id = await asked(browser, opened.pop())
        assert "Claude &lt;3" in html
        back, parameters = await sent_back(browser, request_id, **ALLOW)
        assert back == CALLBACK
        return AuthorizationCodeResult(**parameters)

    metadata = OAuthClientMetadata(client_name="Claude <3", redirect_uris=[CALLBACK])
    provider = OAuthClientProvider(f"{url}/mcp", metadata, memory, open_browser, callback)
    async with (
        httpx2.AsyncClient(auth=provider, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        yield client


async def registered(browser: aiohttp.ClientSession, name: str = "Claude", callback: str = CALLBACK) -> str:
    """The id of a new client."""
    body = {"client_name": name, "redirect_uris": [callback]}
    async with browser.post("/oauth/register", json=body) as response:
        assert response.status == 201
        return str((await response.json())["client_id"])


def authorize_url(client_id: str, callback: str = CALLBACK, **changes: str) -> str:
    query = {
        "client_id": client_id, "redirect_uri": callback, "response_type": "code", "code_challenge": CHALLENGE,
        "code_challenge_method": "S256", "scope": "read write", "state": "s", **changes,
    }  # fmt: skip
    return f"/oauth/authorize?{urlencode(query)}"


async def exchanged(browser: aiohttp.ClientSession, **form: str) -> tuple[int, dict[str, Any]]:
    body = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **form}
    async with browser.post("/oauth/token", data=body) as response:
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, await response.json()


async def tokens_of(browser: aiohttp.ClientSession) -> list[dict[str, Any]]:
    async with browser.get("/api/v1/tokens") as response:
        return list((await response.json())["items"])
