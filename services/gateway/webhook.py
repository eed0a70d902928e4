"""The user's webhook: notifications POSTed to a URL of theirs, signed, tried a few times, never to our own network.

    PingCRM-Signature: t=1767225600,v1=<hex>        HMAC-SHA256 over "<t>.<body>" with the user's webhook secret

The secret is derived from the server's secret keys; while keys are rotated there is one `v1` per key, and one that fits is enough.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from pydantic import SecretStr
from yarl import URL

from libs.common.config import Settings
from libs.common.errors import Outage, Refused
from libs.common.ids import UserId
from libs.common.log import get_logger
from libs.common.requests import GetSettings
from services.gateway import store
from services.gateway.context import Context
from services.gateway.store import Due, Notification

TIMEOUT_SECONDS = 10.0
LEASE = timedelta(minutes=2)
POLL_SECONDS = 5.0
# Prefixes whose addresses lead to an IPv4 address within them: NAT64, 6to4, Teredo, IPv4-compatible.
TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "2002::/16", "2001::/32", "::/96")))
RETRY_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600))


def secret_of(key: SecretStr, user_id: UserId) -> str:
    """The key that signs this user's webhook calls: of one user, of one purpose, useless for anything else."""
    derived = hmac.digest(key.get_secret_value().encode(), b"webhook:" + user_id.bytes, "sha256")
    return f"whsec_{derived.hex()}"


def signature(secrets: Sequence[str], timestamp: int, body: bytes) -> str:
    """The header's value."""
    signed = f"{timestamp}.".encode() + body
    codes = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={timestamp}", *(f"v1={code}" for code in codes)])


def private_addresses_allowed(settings: Settings) -> bool:
    """Who runs PingCRM on their own machine for themselves may call their own network; on a server that is refused."""
    return refused_host(URL(settings.base_url).host or "")


def refused_host(host: str) -> bool:
    """A host that is by its name alone not on the public internet. Names that resolve there are refused when connecting."""
    if host.rstrip(".").lower().endswith("localhost"):
        return True
    try:
        return not is_public(host.strip("[]"))
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """ValueError: not an IP address."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if any(parsed in network for network in TRANSLATED):
            return False
        parsed = parsed.ipv4_mapped or parsed
    return parsed.is_global and not parsed.is_multicast


class PublicResolver(AbstractResolver):
    """Resolves to public addresses only. Checked on the address that is then connected to, so a name can't change in between."""

    def __init__(self) -> None:
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if public := [result for result in found if is_public(result["host"])]:
            return public
        raise OSError("the host is not on the public internet")

    async def close(self) -> None:
        await self._resolver.close()


def webhook_session(*, allow_private: bool) -> aiohttp.ClientSession:
    """The HTTP client for calls to users' URLs."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=None if allow_private else PublicResolver(), limit=50, force_close=True
        ),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@dataclass
class WebhookSender:
    """Makes the calls that are due, in the background. `wake` spares a new notification the wait for the next look."""

    context: Context
    http: aiohttp.ClientSession
    allow_private: bool
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self._woken.set()

    async def keep_sending(self) -> None:
        """Runs until cancelled."""
        while True:
            self._woken.clear()
            await self.context.bus.survive(self.send_due)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def send_due(self) -> None:
        while due := await store.claim_due_deliveries(self.context.db, LEASE):
            await asyncio.gather(*(self._send(one) for one in due))

    async def _send(self, due: Due) -> None:
        try:
            preferences = (await self.context.bus.request(GetSettings(user_id=due.user_id))).preferences
        except (Outage, Refused) as error:
            if isinstance(error, Refused) and error.status == 404:  # the user is gone
                await store.delete_delivery(self.context.db, due.notification.id)
            else:
                await store.postpone_delivery(self.context.db, due.notification.id, RETRY_DELAYS[0])
            return
        url = preferences.notifications.webhook_url
        if url is None:
            await store.delete_delivery(self.context.db, due.notification.id)
            return
        failure = await self._post(str(url), due)
        fields: dict[str, Any] = {"user": str(due.user_id), "attempt": due.attempts}
        if not failure:
            await store.delete_delivery(self.context.db, due.notification.id)
            get_logger().info("webhook_sent", **fields)
        elif due.attempts > len(RETRY_DELAYS):
            await store.delete_delivery(self.context.db, due.notification.id)
            get_logger().warning("webhook_given_up", **fields, error=failure)
        else:
            await store.postpone_delivery(self.context.db, due.notification.id, RETRY_DELAYS[due.attempts - 1])
            get_logger().info("webhook_postponed", **fields, error=failure)

    async def _post(self, url: str, due: Due) -> str:
        """Empty where the URL's owner took it (2xx), else what went wrong."""
        if not self.allow_private and refused_host(urlsplit(url).hostname or ""):
            return "private address"
        body = webhook_body(due.notification, self.context.settings)
        secrets = [secret_of(key, due.user_id) for key in self.context.settings.secret_keys]
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PingCRM",
            "PingCRM-Signature": signature(secrets, int(datetime.now(UTC).timestamp()), body),
        }
        try:
            async with self.http.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return "" if 200 <= response.status < 300 else f"status {response.status}"
        except (
            aiohttp.ClientError,
            TimeoutError,
            OSError,
            ValueError,
        ) as error:  # ValueError: a host that no resolver can spell
            return type(error).__name__


def webhook_body(notification: Notification, settings: Settings) -> bytes:
    """The notification as the API shows it, with a link that can be opened."""
    absolute = notification.model_copy(update={"link": settings.base_url + notification.link})
    return absolute.model_dump_json(exclude={"read_at"}).encode()
