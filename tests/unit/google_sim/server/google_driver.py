"""What the tests drive the local Google with: a browser's part of the sign-in, and calls with a token."""

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

from libs.google_sim.server import GoogleServer

AUTH = "https://www.googleapis.com/auth/"
IDENTITY = ["openid", "email", "profile"]
PERMISSIONS = [f"{AUTH}{name}" for name in ("gmail.readonly", "gmail.send", "calendar.readonly", "contacts.readonly")]
REDIRECT = "http://127.0.0.1:9/oauth/google/callback"
VERIFIER = "a-verifier-of-the-length-that-rfc-7636-asks-for-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
CLIENT = {"client_id": "pingcrm.apps.googleusercontent.com", "client_secret": "secret"}


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def reason(self) -> str:
        return str(self.body["error"]["errors"][0]["reason"])


@dataclass
class Driver:
    """A browser and a client of the server; `token` is sent with each call."""

    server: GoogleServer
    http: aiohttp.ClientSession
    token: str = ""

    def authorize_url(self, **changes: str | None) -> str:
        parameters = {
            "client_id": CLIENT["client_id"],
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": " ".join([*IDENTITY, *PERMISSIONS]),
            "state": "a state",
            "nonce": "a nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "access_type": "offline",
            "prompt": "consent",
            **changes,
        }
        given = {name: value for name, value in parameters.items() if value is not None}
        return f"{self.server.url}/o/oauth2/v2/auth?{urlencode(given)}"

    async def consent(
        self, account: str, ticked: Sequence[str] = PERMISSIONS, decision: str = "allow", **changes: str | None
    ) -> dict[str, str]:
        """Open the page, fill in its form, send it; the parameters of the redirect that follows."""
        async with self.http.get(self.authorize_url(**changes)) as page:
            assert page.status == 200, await page.text()
            hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', await page.text())
        fields = [(name, html.unescape(value)) for name, value in hidden if name != "decision"]
        fields += [("account", account), ("decision", decision), *(("scope", scope) for scope in ticked)]
        async with self.http.post(
            f"{self.server.url}/o/oauth2/v2/auth", data=fields, allow_redirects=False
        ) as response:
            assert response.status == 302, await response.text()
            location = response.headers["Location"]
        assert location.startswith(f"{REDIRECT}?")
        return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}

    async def tokens(self, **fields: str) -> Response:
        async with self.http.post(f"{self.server.url}/token", data={**CLIENT, **fields}) as response:
            return Response(response.status, dict(response.headers), await response.json())

    async def exchange(self, code: str, **changes: str) -> Response:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        return await self.tokens(**{**fields, **changes})

    async def sign_in(self, account: str, ticked: Sequence[str] = PERMISSIONS, **changes: str | None) -> dict[str, Any]:
        """The whole flow; later calls carry the access token."""
        response = await self.exchange((await self.consent(account, ticked, **changes))["code"])
        assert response.status == 200, response.body
        self.token = response.body["access_token"]
        return dict(response.body)

    async def call(self, path: str, method: str = "GET", *, json: Any = None, **query: Any) -> Response:
        """An API call; a query value that is a list is repeated."""
        pairs = [
            (name, single)
            for name, value in query.items()
            for single in (value if isinstance(value, list) else [value])
        ]
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"{self.server.url}{path}?{urlencode(pairs)}"
        async with self.http.request(method, url, json=json, headers=headers) as response:
            body = await response.json() if await response.read() else None
            return Response(response.status, dict(response.headers), body)

    async def gmail(self, path: str, **query: Any) -> Response:
        return await self.call(f"/gmail/v1/users/me/{path}", **query)

    async def events(self, calendar: str = "primary", **query: Any) -> Response:
        return await self.call(f"/calendar/v3/calendars/{calendar}/events", **query)

    async def connections(self, **query: Any) -> Response:
        fields = {"personFields": "names,emailAddresses", **query}
        return await self.call("/v1/people/me/connections", **fields)

    async def control(self, path: str, method: str = "POST", json: Any = None) -> Any:
        async with self.http.request(method, f"{self.server.control_url}{path}", json=json) as response:
            assert response.status == 200, await response.text()
            return await response.json()
