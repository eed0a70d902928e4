"""Cloud Pub/Sub over REST: what Gmail's notifications contain, and pulling them from a subscription.

Gmail's payload: https://developers.google.com/workspace/gmail/api/guides/push. Pulling needs no public endpoint, and nothing but
a service account's key that may read one subscription.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson

from libs.common.addresses import canonical
from libs.common.config import Settings
from libs.common.google.errors import GoogleError, Unauthorized, error_of
from libs.common.google.oauth import Misconfigured
from libs.common.google.service_account import TIMEOUT, ServiceAccount, json_object, post
from libs.common.resources.reading import integer, mapping, mappings, text

PULL_AT_ONCE = 100
MAX_HISTORY_ID = 2**63 - 1
# Pub/Sub holds an empty pull open for up to about a minute and a half.
_PULL_TIMEOUT = aiohttp.ClientTimeout(total=120, connect=5)


class Malformed(ValueError):
    """This is no notification of Gmail's. The message is a sentence without what was in it."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A mailbox has changed up to `history_id`. `address` is canonical."""

    address: str
    history_id: int
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Received:
    """One message of a subscription, ours until its deadline; what it carries is read with `read_hint`."""

    ack_id: str
    message: Mapping[str, Any]


def read_hint(message: Mapping[str, Any], now: datetime) -> Hint:
    """The content of a Pub/Sub message of Gmail's: base64 of `{"emailAddress", "historyId"}`. Raises Malformed."""
    data = message.get("data")
    if not isinstance(data, str) or not data.isascii():
        raise Malformed("The message has no data.")
    unpadded = data.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        payload = mapping(orjson.loads(base64.b64decode(unpadded + "=" * (-len(unpadded) % 4), validate=True)))
    except (binascii.Error, orjson.JSONDecodeError):
        raise Malformed("The message's data is not JSON in base64.") from None
    address = canonical(text(payload.get("emailAddress")))
    history_id = integer(payload.get("historyId"))
    if address is None or history_id is None or not 0 <= history_id <= MAX_HISTORY_ID:
        raise Malformed("The message's data has no emailAddress and historyId.")
    return Hint(address, history_id, _moment(message.get("publishTime")) or now)


def _moment(written: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written) if isinstance(written, str) else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


@dataclass
class Subscription:
    """A pull subscription. `name`: projects/P/subscriptions/S."""

    http: aiohttp.ClientSession
    account: ServiceAccount
    root: str
    name: str

    @classmethod
    def of(cls, settings: Settings, http: aiohttp.ClientSession) -> "Subscription | None":
        """None where nothing is configured to be pulled."""
        path = settings.google_application_credentials
        if not settings.google_pubsub_subscription or path is None:
            return None
        host = settings.google_oauth_root.rstrip("/") or "https://oauth2.googleapis.com"
        root = settings.google_pubsub_root.rstrip("/") or "https://pubsub.googleapis.com"
        return cls(http, ServiceAccount(http, path, f"{host}/token"), root, settings.google_pubsub_subscription)

    async def pull(self) -> list[Received]:
        """Up to 100 messages; none after a while in which none came. Misconfigured, Outage."""
        response = await self._call("pull", {"maxMessages": PULL_AT_ONCE}, _PULL_TIMEOUT)
        return [
            Received(ack_id, mapping(item.get("message")))
            for item in mappings(response.get("receivedMessages"))
            if (ack_id := text(item.get("ackId")))
        ]

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """They are not delivered again. Misconfigured, Outage: they will be, which does no harm."""
        if ack_ids:
            await self._call("acknowledge", {"ackIds": list(ack_ids)}, TIMEOUT)

    async def _call(self, verb: str, body: dict[str, Any], timeout: aiohttp.ClientTimeout) -> Mapping[str, Any]:
        rejected: str | None = None
        while True:
            token = await self.account.token(rejected)
            status, response = await post(
                self.http,
                f"{self.root}/v1/{self.name}:{verb}",
                timeout,
                data=orjson.dumps(body),
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            )
            if status == 200:
                return json_object(response)
            error = error_of(status, {}, response, datetime.now(UTC))
            if isinstance(error, Unauthorized) and rejected is None:
                rejected = token
                continue
            if isinstance(error, GoogleError):
                raise Misconfigured(_refusal(status, self.name)) from error
            raise error


def _refusal(status: int, name: str) -> str:
    if status == 404:
        return f"There is no subscription {name}: create it, or correct PINGCRM_GOOGLE_PUBSUB_SUBSCRIPTION."
    if status in (401, 403):
        return f"The service account may not pull from {name}: grant it the role Pub/Sub Subscriber there."
    return f"Pub/Sub refused to give messages of {name} ({status}): is it a pull subscription?"
