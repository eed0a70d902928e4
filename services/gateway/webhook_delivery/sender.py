"""Makes the webhook calls that are due, in the background."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from pydantic import HttpUrl

from libs.common.bus import Bus
from libs.common.cache import OUTAGES, Cache
from libs.common.config import Settings
from libs.common.db import Pool
from libs.common.errors import Outage, Refused
from libs.common.fault_points import reached
from libs.common.ids import UserId, new_id
from libs.common.log import get_logger, traced
from libs.common.service import Resources
from services.gateway.domain.public_hosts import CallableHosts, callable_hosts
from services.gateway.domain.webhook_delivery import (
    TEST,
    WebhookMessage,
    notification_message,
    retry_delay,
    sample_notification,
    signed_headers,
    signing_secrets,
    webhook_url,
)
from services.gateway.domain.webhook_outcomes import PRIVATE_ADDRESS, CallOutcome
from services.gateway.preferences import get_preferences, has_no_webhook
from services.gateway.store import webhook_calls, webhook_secrets
from services.gateway.webhook_delivery.due_calls import DueCall, lease_contacts_calls, lease_notification_calls
from services.gateway.webhook_delivery.http_client import webhook_session

LEASE = timedelta(minutes=2)
POLL_SECONDS = 5.0
SETTINGS_RETRY_DELAY = timedelta(seconds=5)  # where the URL can't be looked up right now


@dataclass
class WebhookSender:
    """`hosts`: where users may have it call. `wake` spares a new notification the wait for the next poll.

    cache: where it is remembered who has no webhook; without one, everybody's settings are requested.
    """

    settings: Settings
    db: Pool
    bus: Bus
    http: aiohttp.ClientSession
    hosts: CallableHosts
    cache: Cache | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self._woken.set()

    async def keep_sending(self) -> None:
        """Runs until cancelled."""
        while True:
            self._woken.clear()
            await self.bus.run_guarded(self.send_due)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def send_due(self) -> None:
        for lease_due in (lease_notification_calls, lease_contacts_calls):
            while calls := await lease_due(self.db, LEASE):
                await reached("gateway.webhook.leased")
                await asyncio.gather(*(self._deliver_traced(call) for call in calls))

    async def _deliver_traced(self, call: DueCall) -> None:
        """Under the trace of what the call reports: from that event one leads to the call."""
        with traced(call.trace, span="webhook"):
            await self._deliver(call)

    async def _deliver(self, call: DueCall) -> None:
        try:
            url = await self.get_url(call.user_id, call.event)
        except (Outage, Refused):
            await call.put_back(self.db, SETTINGS_RETRY_DELAY)
            return
        if url is None:
            await call.settle(self.db)
            return
        began = monotonic()
        failure = await self._post(str(url), await self._get_secrets(call.user_id), call)
        await reached("gateway.webhook.posted")
        await self._note_call(call, _outcome(failure, began))
        delay = retry_delay(call.attempts) if failure else None
        fields: dict[str, Any] = {"user": str(call.user_id), "attempt": call.attempts}
        if not failure:
            await call.settle(self.db)
            get_logger().info("webhook_sent", **fields)
        elif delay is None:
            await call.give_up(self.db)
            get_logger().warning("webhook_given_up", **fields, error=failure)
        else:
            await call.postpone(self.db, delay)
            get_logger().info("webhook_postponed", **fields, error=failure)

    async def get_url(self, user_id: UserId, event: str) -> HttpUrl | None:
        """None: the user wants no calls about it, or is gone. Outage or Refused: it can't be known right now."""
        if self.cache is not None and await self._has_no_webhook(self.cache, user_id):
            return None
        settings = await get_preferences(self.bus, user_id)
        return webhook_url(settings.preferences, event) if settings else None

    async def _has_no_webhook(self, cache: Cache, user_id: UserId) -> bool:
        """Without Redis the settings say it."""
        try:
            return await has_no_webhook(cache, user_id)
        except OUTAGES:
            return False

    async def _get_secrets(self, user_id: UserId) -> list[str]:
        """Every secret that may be known to the receiver, the newest first."""
        generation = await webhook_secrets.get_generation(self.db, user_id)
        return signing_secrets(self.settings.webhook_keys, user_id, generation, datetime.now(UTC))

    async def send_test(self, user_id: UserId) -> None:
        """Call the user's URL now, once, signed as every call is; what became of it is noted. Refused: `no_webhook` (409)."""
        url = await self.get_url(user_id, TEST)
        if url is None:
            raise Refused(409, "no_webhook", "There is no URL to call. Enter one first.")
        secrets, began = await self._get_secrets(user_id), monotonic()
        message = notification_message(sample_notification(new_id(), datetime.now(UTC)), self.settings.base_url)
        outcome = _outcome(await self._post_message(str(url), secrets, message), began)
        async with self.db.acquire() as connection, connection.transaction():
            await webhook_calls.insert_call(connection, user_id, ("test", None), 1, outcome)
        get_logger().info("webhook_tested", user=str(user_id), error=outcome.failure)

    async def _note_call(self, call: DueCall, outcome: CallOutcome) -> None:
        async with self.db.acquire() as connection, connection.transaction():
            await webhook_calls.insert_call(connection, call.user_id, call.subject, call.attempts, outcome)

    async def _post(self, url: str, secrets: Sequence[str], call: DueCall) -> str:
        await reached("gateway.webhook.posting")
        return await self._post_message(url, secrets, call.message(self.settings.base_url))

    async def _post_message(self, url: str, secrets: Sequence[str], message: WebhookMessage) -> str:
        """Empty where the URL's owner took it (2xx), else what went wrong."""
        if self.hosts.refuse(urlsplit(url).hostname or ""):
            return PRIVATE_ADDRESS
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PingCRM",
            **signed_headers(secrets, message, int(datetime.now(UTC).timestamp())),
        }
        try:
            async with self.http.post(url, data=message.body, headers=headers, allow_redirects=False) as response:
                return "" if 200 <= response.status < 300 else f"status {response.status}"
        except (
            aiohttp.ClientError,
            TimeoutError,
            OSError,
            ValueError,
        ) as error:  # ValueError: a host that no resolver can spell
            return type(error).__name__


def _outcome(failure: str, began: float) -> CallOutcome:
    return CallOutcome(failure, round((monotonic() - began) * 1000))


@asynccontextmanager
async def open_webhook_sender(r: Resources) -> AsyncIterator[WebhookSender]:
    """The sender with an HTTP client of its own, which is closed at the end. Outage: there is no key to sign with."""
    if not r.settings.webhook_keys:
        raise Outage("PINGCRM_WEBHOOK_KEYS is empty: set at least one key. `pingcrm secrets` makes one.")
    hosts = callable_hosts(r.settings.base_url, r.settings.webhook_allow)
    async with webhook_session(hosts) as http:
        yield WebhookSender(r.settings, r.db, r.bus, http, hosts, r.cache)
