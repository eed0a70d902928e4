"""POST /api/v1/hooks/gmail: only Google's signature for the configured service account lets a notification in."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import nats
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from nats.aio.msg import Msg
from structlog.testing import capture_logs

from libs.common.bus import Bus
from libs.common.errors import Outage
from libs.common.events import MailboxNotified
from libs.common.service import running
from libs.google_sim.server import GoogleServer, run_google
from libs.local.ports import free_port
from services.gateway.__main__ import wire
from tests.conftest import ServiceSettings
from tests.support.push import ROBOT

STRANGER_KEY = RSAKey.generate_key(2048, {"alg": "RS256", "use": "sig"}, auto_kid=True)


@dataclass
class Hook:
    """A gateway that takes notifications; `received` is what it published."""

    google: GoogleServer
    url: str
    http: aiohttp.ClientSession
    received: list[MailboxNotified] = field(default_factory=list)

    def token(self, key: RSAKey | None = None, **changes: Any) -> str:
        """As Google signs it, with these claims changed; None takes one away."""
        key = key or self.google.world.authority.key
        now = int(time.time())
        claims = {
            "iss": "https://accounts.google.com", "aud": self.url, "sub": "1", "email": ROBOT, "email_verified": True,
            "iat": now, "exp": now + 3600,
        } | changes  # fmt: skip
        given = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": key.kid}, given, key)

    async def post(self, body: Any, token: str | None = None) -> tuple[int, dict[str, Any]]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.http.post(self.url, data=data, headers=headers) as response:
            return response.status, (await response.json(content_type=None) if response.status != 204 else {})

    async def status_for(self, token: str | None) -> int:
        status, problem = await self.post(message("anna@gmail.com", 7), token)
        assert status == 204 or problem["detail"].endswith(".")
        return status


def message(address: Any, history_id: Any, **changes: Any) -> dict[str, Any]:
    """What Pub/Sub sends."""
    data = base64.urlsafe_b64encode(json.dumps({"emailAddress": address, "historyId": history_id}).encode()).decode()
    inner = {"data": data, "messageId": "1", "publishTime": "2026-03-04T12:00:00.123Z"} | changes
    return {"message": inner, "subscription": "projects/p/subscriptions/s"}


@pytest.fixture
async def hook(service_settings: ServiceSettings, nats_server: Any) -> AsyncIterator[Hook]:
    port = free_port()
    async with run_google([]) as google, aiohttp.ClientSession() as http:
        settings = service_settings("gateway").model_copy(
            update={"port": port, "google_oauth_root": google.url, "google_pubsub_service_account": ROBOT}
        )
        made = Hook(google, settings.push_endpoint, http)

        async def listen(published: Msg) -> None:
            made.received.append(MailboxNotified.model_validate_json(published.data))

        listener = await nats.connect(nats_server.admin_url)
        await listener.subscribe(MailboxNotified.subject, cb=listen)
        await listener.flush()
        async with running("gateway", settings, wire):
            yield made
        await listener.close()


def unsigned(token: str) -> str:
    """The same claims under `alg: none`."""
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    return f"{header}.{token.split('.')[1]}."


async def test_only_google_s_token_for_the_configured_service_account_lets_in(hook: Hook) -> None:
    now = int(time.time())
    assert await hook.status_for(hook.token()) == 204
    assert await hook.status_for(hook.token(iss="accounts.google.com", email=ROBOT.upper())) == 204
    refused = {
        "no token": None,
        "no JWT": "abc",
        "signed by somebody else": hook.token(STRANGER_KEY),
        "not signed": unsigned(hook.token()),
        "changed after it was signed": hook.token()[:-8] + "AAAAAAAA",
        "for another audience": hook.token(aud="https://elsewhere.example"),
        "from another issuer": hook.token(iss="https://accounts.example.com"),
        "expired": hook.token(iat=now - 7200, exp=now - 3600),
        "from the future": hook.token(iat=now + 3600, exp=now + 7200),
        "without an end": hook.token(exp=None),
        "an address that was not verified": hook.token(email_verified=False),
        "no address": hook.token(email=None),
    }
    with capture_logs() as logs:
        assert {why: await hook.status_for(token) for why, token in refused.items()} == dict.fromkeys(refused, 401)
        assert await hook.status_for(hook.token(email="other@pingcrm.iam.gserviceaccount.com")) == 403
    reasons = [line["reason"] for line in logs if line["event"] == "push_refused"]
    assert len(reasons) == len(refused) + 1
    assert (reasons[0], reasons[-1]) == ("There is none.", "It is signed for another service account.")
    certs = hook.google.world.counters.http
    assert certs <= 2, "unknown keys do not make us call Google again and again"


async def test_what_is_pushed_is_published_once_and_what_makes_no_sense_is_refused(hook: Hook) -> None:
    good = hook.token()
    assert (await hook.post(message("An.Na+x@GoogleMail.com", 41), good))[0] == 204
    assert (await hook.post(message("an.na@gmail.com", "41"), good))[0] == 204  # again, as a string
    assert (await hook.post(message("nobody@example.com", 5, publishTime="yesterday"), good))[0] == 204
    async with asyncio.timeout(5):
        while len(hook.received) < 3:
            await asyncio.sleep(0.01)
    assert [(event.address, event.history_id) for event in hook.received] == [
        ("anna@gmail.com", 41), ("anna@gmail.com", 41), ("nobody@example.com", 5),
    ]  # fmt: skip
    assert hook.received[0].notified_at.year == 2026
    malformed: list[Any] = [
        b"", b"{", b"[]", {}, {"message": 1}, {"message": {"data": 1}}, {"message": {"data": "%%"}},
        {"message": {"data": "bm8ganNvbg"}}, message("no address", 1), message("anna@gmail.com", "many"),
        message("anna@gmail.com", -1), message("anna@gmail.com", 2**63), message("anna@gmail.com", True), message(None, 1),
    ]  # fmt: skip
    assert [(await hook.post(body, good))[0] for body in malformed] == [400] * len(malformed)
    status, problem = await hook.post({"message": {"data": "A" * 70_000}}, good)
    assert (status, problem["type"]) == (413, "/problems/too_large")
    assert problem["detail"] == "A notification has at most 64 kB."
    headers = {"Authorization": f"Bearer {good}", "Content-Encoding": "gzip"}
    async with hook.http.post(hook.url, data=b"no gzip", headers=headers) as response:
        assert response.status == 400
    assert len(hook.received) == 3


async def test_a_gateway_without_push_has_no_hook(service_settings: ServiceSettings) -> None:
    settings = service_settings("gateway").model_copy(update={"port": free_port()})
    async with (
        running("gateway", settings, wire),
        aiohttp.ClientSession() as http,
        http.post(settings.push_endpoint, json=message("anna@gmail.com", 1)) as response,
    ):
        assert response.status == 404
        assert "PINGCRM_GOOGLE_PUBSUB_SERVICE_ACCOUNT" in (await response.json(content_type=None))["detail"]


async def test_what_the_bus_does_not_have_is_not_confirmed(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pub/Sub sends again what is not confirmed."""

    async def lose(*_: object) -> None:
        raise Outage("not confirmed")

    monkeypatch.setattr(Bus, "publish", lose)
    assert await hook.status_for(hook.token()) == 503
    monkeypatch.undo()
    assert await hook.status_for(hook.token()) == 204
    async with asyncio.timeout(5):
        while not hook.received:
            await asyncio.sleep(0.01)
