"""Makes the webhook calls that are due, in the background."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
from pydantic import HttpUrl

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.db import Pool
from libs.common.errors import Outage, Refused
from libs.common.fault_points import reached
from libs.common.ids import UserId, new_id
from libs.common.log import get_logger, traced
from libs.common.requests import GetFormerWebhookSecrets, GetSettings
from libs.common.service import Resources
from services.gateway.domain.notifications import Notification
from services.gateway.domain.public_hosts import is_private_host, private_hosts_allowed
from services.gateway.domain.webhook_delivery import (
    CallOutcome,
    retry_delay,
    sample_notification,
    signing_secrets,
    webhook_body,
    webhook_signature,
)
from services.gateway.store import webhook_calls, webhook_secrets
from services.gateway.store import webhook_deliveries as store
from services.gateway.store.webhook_deliveries import DueDelivery
from services.gateway.webhook_delivery.http_client import webhook_session

LEASE = timedelta(minutes=2)
POLL_SECONDS = 5.0
SETTINGS_RETRY_DELAY = timedelta(seconds=5)  # where the URL can't be looked up right now


@dataclass
class WebhookSender:
    """`allow_private`: users may have their own network called. `wake` spares a new notification the wait for the next poll."""

    settings: Settings
    db: Pool
    bus: Bus
    http: aiohttp.ClientSession
    allow_private: bool
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
        while deliveries := await store.lease_due_deliveries(self.db, LEASE):
            await reached("gateway.webhook.leased")
            await asyncio.gather(*(self._deliver_traced(delivery) for delivery in deliveries))

    async def _deliver_traced(self, delivery: DueDelivery) -> None:
        """Under the trace of what the call reports: from that event one leads to the call."""
        with traced(delivery.trace, span="webhook"):
            await self._deliver(delivery)

    async def _deliver(self, delivery: DueDelivery) -> None:
        notification_id = delivery.notification.id
        try:
            url = await self._get_url(delivery.user_id)
            secrets = await self._get_secrets(delivery.user_id) if url else []
        except (Outage, Refused):
            await store.return_delivery(self.db, delivery, SETTINGS_RETRY_DELAY)
            return
        if url is None:
            await store.delete_delivery(self.db, delivery)
            return
        began = monotonic()
        failure = await self._post(str(url), secrets, delivery)
        await reached("gateway.webhook.posted")
        await self._note_call(delivery.user_id, notification_id, delivery.attempts, _outcome(failure, began))
        delay = retry_delay(delivery.attempts) if failure else None
        fields: dict[str, Any] = {"user": str(delivery.user_id), "attempt": delivery.attempts}
        if not failure:
            await store.delete_delivery(self.db, delivery)
            get_logger().info("webhook_sent", **fields)
        elif delay is None:
            await store.delete_delivery(self.db, delivery)
            get_logger().warning("webhook_given_up", **fields, error=failure)
        else:
            await store.postpone_delivery(self.db, delivery, delay)
            get_logger().info("webhook_postponed", **fields, error=failure)

    async def _get_url(self, user_id: UserId) -> HttpUrl | None:
        """None: the user has no webhook, or is gone. Outage or Refused: it can't be known right now."""
        try:
            settings = await self.bus.request(GetSettings(user_id=user_id))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        return settings.preferences.notifications.webhook_url

    async def _get_secrets(self, user_id: UserId) -> list[str]:
        """Every secret that may be known to the receiver, ours first. Outage: it can't be known right now."""
        former = await self.bus.request(GetFormerWebhookSecrets(user_id=user_id))
        generation = await webhook_secrets.get_generation(self.db, user_id)
        return signing_secrets(self.settings.webhook_keys, user_id, generation, datetime.now(UTC), former.items)

    async def send_test(self, user_id: UserId) -> None:
        """Call the user's URL now, once, signed as every call is; what became of it is noted. Refused: `no_webhook` (409)."""
        url = await self._get_url(user_id)
        if url is None:
            raise Refused(409, "no_webhook", "There is no URL to call. Enter one first.")
        secrets, began = await self._get_secrets(user_id), monotonic()
        failure = await self._post_notification(str(url), secrets, sample_notification(new_id(), datetime.now(UTC)))
        await self._note_call(user_id, None, 1, _outcome(failure, began))
        get_logger().info("webhook_tested", user=str(user_id), error=failure)

    async def _note_call(
        self, user_id: UserId, notification_id: UUID | None, attempt: int, outcome: CallOutcome
    ) -> None:
        async with self.db.acquire() as connection, connection.transaction():
            await webhook_calls.insert_call(connection, user_id, notification_id, attempt, outcome)

    async def _post(self, url: str, secrets: Sequence[str], delivery: DueDelivery) -> str:
        await reached("gateway.webhook.posting")
        return await self._post_notification(url, secrets, delivery.notification)

    async def _post_notification(self, url: str, secrets: Sequence[str], notification: Notification) -> str:
        """Empty where the URL's owner took it (2xx), else what went wrong."""
        if not self.allow_private and is_private_host(urlsplit(url).hostname or ""):
            return "private address"
        body = webhook_body(notification, self.settings.base_url)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PingCRM",
            "PingCRM-Signature": webhook_signature(secrets, int(datetime.now(UTC).timestamp()), body),
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


def _outcome(failure: str, began: float) -> CallOutcome:
    return CallOutcome(failure, round((monotonic() - began) * 1000))


@asynccontextmanager
async def open_webhook_sender(r: Resources) -> AsyncIterator[WebhookSender]:
    """The sender with an HTTP client of its own, which is closed at the end. Outage: there is no key to sign with."""
    if not r.settings.webhook_keys:
        raise Outage("PINGCRM_WEBHOOK_KEYS is empty: set at least one key. `pingcrm secrets` makes one.")
    allow_private = private_hosts_allowed(r.settings.base_url)
    async with webhook_session(allow_private=allow_private) as http:
        yield WebhookSender(r.settings, r.db, r.bus, http, allow_private)
