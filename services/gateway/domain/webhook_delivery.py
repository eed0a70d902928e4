"""Calls to the user's webhook: what is sent, how it is signed, when it is tried again. Pure.

As the Standard Webhooks specification has it, so that receivers can verify calls with a library of theirs:

    webhook-id: <id>                     of the message: the same each time that it is tried
    webhook-timestamp: <unix time>       of this try
    webhook-signature: v1,<base64>       HMAC-SHA256 over "<id>.<timestamp>.<body>"; several, with spaces between them

The key is what stands in base64 behind `whsec_` in the secret. That is derived from PINGCRM_WEBHOOK_KEYS and from how often the user
has made a new one. While keys are rotated there is one signature per key, and for a day after a new secret one of the former as well:
one that fits is enough.

A notification is called as it is made, and again, as another message, each time that it has grown and is news again (the kinds that were
requested together end one after the other): with the same id in its data and a higher revision. One whose numbers grow quietly, as that of
a day's mail, is not. What changed contacts is gathered first (contact_changes.py).
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import orjson
from pydantic import BaseModel, Field, HttpUrl, SecretStr

from libs.common.ids import ContactId, UserId
from libs.common.preferences import CONTACT_CHANGED, Preferences
from services.gateway.domain.contact_changes import GatheredContacts
from services.gateway.domain.notifications import Notification

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TEST = "webhook.test"
UNSENT = frozenset({"read_at"})
SECRET_PREFIX = "whsec_"  # noqa: S105  how the specification marks one
SECRET_BYTES = 24
FORMER_SECRET_LIFE = timedelta(days=1)
RETRY_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3_600, 6 * 3_600, 24 * 3_600))


class SecretGeneration(NamedTuple):
    """How often a user has made a new secret, and when the last time."""

    number: int
    made_at: datetime


NEVER_MADE = SecretGeneration(0, datetime.min.replace(tzinfo=UTC))


class ContactsChanged(BaseModel):
    """Contacts that changed since the last call about any: their details or their timelines, or they are gone."""

    contact_ids: tuple[ContactId, ...] = Field(
        description="Each once, at most 500. What is new about one is under `GET /contacts/{contact_id}`; 404: it is gone."
    )
    resync: bool = Field(
        description="More changed than can be named, or an earlier call was given up: load again what you keep."
    )


class WebhookMessage(NamedTuple):
    """What is posted. `id` has no full stop in it: that stands between what is signed."""

    id: str
    type: str
    body: bytes


def webhook_url(preferences: Preferences, event: str) -> HttpUrl | None:
    """Where the user is called about this event; None: nowhere."""
    wanted = preferences.notifications
    return wanted.webhook_url if event in (*wanted.webhook_events, TEST) else None


def webhook_secret(key: SecretStr, user_id: UserId, generation: int = 0) -> str:
    """The secret that signs this user's webhook calls: of one user, of one purpose, useless for anything else."""
    which = f":{generation}".encode() if generation else b""
    derived = hmac.digest(key.get_secret_value().encode(), b"webhook:" + user_id.bytes + which, "sha256")
    return SECRET_PREFIX + b64encode(derived[:SECRET_BYTES]).decode()


def secret_hint(secret: str) -> str:
    """By which its owner recognises a secret, and nobody finds it out."""
    return secret[-4:]


def signing_secrets(
    keys: Sequence[SecretStr], user_id: UserId, generation: SecretGeneration, now: datetime
) -> list[str]:
    """Every secret that signs a call now, the current first."""
    numbers = [generation.number]
    if generation.number and now - generation.made_at < FORMER_SECRET_LIFE:
        numbers.append(generation.number - 1)
    return [webhook_secret(key, user_id, number) for number in numbers for key in keys]


def signed_headers(secrets: Sequence[str], message: WebhookMessage, timestamp: int) -> Mapping[str, str]:
    """The headers by which a receiver verifies a call that is made at this unix time."""
    signed = f"{message.id}.{timestamp}.".encode() + message.body
    keys = (b64decode(secret.removeprefix(SECRET_PREFIX)) for secret in secrets)
    codes = (b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)
    return {ID: message.id, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(f"v1,{code}" for code in codes)}


def notification_message(notification: Notification, base_url: str) -> WebhookMessage:
    """The notification as the API shows it, with a link that can be opened. As it grows, it is another message each time."""
    absolute = notification.model_copy(update={"link": base_url + notification.link})
    return WebhookMessage(
        f"{notification.id}_{notification.revision}",
        notification.kind,
        _body(notification.kind, notification.created_at, absolute.model_dump(mode="json", exclude=set(UNSENT))),
    )


def contacts_message(id_: UUID, changed: GatheredContacts, since: datetime) -> WebhookMessage:
    """Which contacts changed, by their ids alone. `since`: when the first of it did."""
    data = ContactsChanged(contact_ids=tuple(sorted(changed.contact_ids)), resync=changed.resync)
    return WebhookMessage(str(id_), CONTACT_CHANGED, _body(CONTACT_CHANGED, since, data.model_dump(mode="json")))


def _body(type_: str, at: datetime, data: Mapping[str, object]) -> bytes:
    return orjson.dumps({"type": type_, "timestamp": at, "data": data}, option=orjson.OPT_UTC_Z)


def retry_delay(attempts: int) -> timedelta | None:
    """How long to wait after so many failed attempts; None: give up."""
    return RETRY_DELAYS[attempts - 1] if attempts <= len(RETRY_DELAYS) else None


def sample_notification(id_: UUID, now: datetime) -> Notification:
    """What a test call carries: of no account, and in no list."""
    return Notification(
        id=id_, kind=TEST, level="info", title="A test from PingCRM", body="If you can read this, calls arrive.",
        link="/settings", account_id=None, created_at=now, read_at=None, action=None, revision=1,
    )  # fmt: skip
