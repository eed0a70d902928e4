"""Calls to the user's webhook: what is sent, how it is signed, when it is tried again. Pure.

    PingCRM-Signature: t=1767225600,v1=<hex>        HMAC-SHA256 over "<t>.<body>" with the user's webhook secret

The secret is derived from PINGCRM_WEBHOOK_KEYS and from how often the user has made a new one. While keys are rotated there is one `v1`
per key, and for a day after a new secret one of the former as well: one that fits is enough.

A notification is called as it is made, and again, with the same id and a higher revision, each time that it has grown and is news again
(the kinds that were requested together end one after the other). One whose numbers grow quietly, as that of a day's mail, is not.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple
from uuid import UUID

from pydantic import SecretStr

from libs.common.ids import UserId
from services.gateway.domain.notifications import Notification

UNSENT = frozenset({"read_at"})
FORMER_SECRET_LIFE = timedelta(days=1)
RETRY_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600))


class SecretGeneration(NamedTuple):
    """How often a user has made a new secret, and when the last time."""

    number: int
    made_at: datetime


NEVER_MADE = SecretGeneration(0, datetime.min.replace(tzinfo=UTC))


class CallOutcome(NamedTuple):
    """What became of a call. `failure`: a short name of what went wrong, empty where the receiver took it (2xx)."""

    failure: str
    milliseconds: int


class WebhookCall(NamedTuple):
    """A call that was made, as it is kept for people. `title`: that of its notification."""

    called_at: datetime
    is_test: bool
    title: str
    attempt: int
    failure: str
    milliseconds: int


def webhook_secret(key: SecretStr, user_id: UserId, generation: int = 0) -> str:
    """The key that signs this user's webhook calls: of one user, of one purpose, useless for anything else."""
    which = f":{generation}".encode() if generation else b""
    derived = hmac.digest(key.get_secret_value().encode(), b"webhook:" + user_id.bytes + which, "sha256")
    return f"whsec_{derived.hex()}"


def secret_hint(secret: str) -> str:
    """By which its owner recognises a secret, and nobody finds it out."""
    return secret[-4:]


def signing_secrets(
    keys: Sequence[SecretStr], user_id: UserId, generation: SecretGeneration, now: datetime, former: Sequence[str] = ()
) -> list[str]:
    """Every secret that signs a call now, the current first. `former`: those from before the gateway had keys of its own."""
    numbers = [generation.number]
    if generation.number and now - generation.made_at < FORMER_SECRET_LIFE:
        numbers.append(generation.number - 1)
    secrets = [webhook_secret(key, user_id, number) for number in numbers for key in keys]
    return [*secrets, *former] if 0 in numbers else secrets


def webhook_signature(secrets: Sequence[str], timestamp: int, body: bytes) -> str:
    """The header's value."""
    signed = f"{timestamp}.".encode() + body
    codes = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={timestamp}", *(f"v1={code}" for code in codes)])


def webhook_body(notification: Notification, base_url: str) -> bytes:
    """The notification as the API shows it, with a link that can be opened."""
    absolute = notification.model_copy(update={"link": base_url + notification.link})
    return absolute.model_dump_json(exclude=set(UNSENT)).encode()


def retry_delay(attempts: int) -> timedelta | None:
    """How long to wait after so many failed attempts; None: give up."""
    return RETRY_DELAYS[attempts - 1] if attempts <= len(RETRY_DELAYS) else None


def sample_notification(id_: UUID, now: datetime) -> Notification:
    """What a test call carries: of no account, and in no list."""
    return Notification(
        id=id_, kind="webhook.test", level="info", title="A test from PingCRM", body="If you can read this, calls arrive.",
        link="/settings", account_id=None, created_at=now, read_at=None, action=None, revision=1,
    )  # fmt: skip


def outcome_text(failure: str) -> str:
    """What became of a call, in words; empty where the receiver took it."""
    status = failure.removeprefix("status ")
    if status != failure and status.isdecimal():
        return f"the receiver answered {status}" + _status_hint(int(status))
    return _FAILURES.get(failure, "the connection broke off") if failure else ""


def _status_hint(status: int) -> str:
    if 300 <= status < 400:
        return ": it leads elsewhere, and that is not followed"
    if status in (401, 403):
        return ": it does not let calls in"
    if status == HTTPStatus.NOT_FOUND:
        return ": nothing is at this URL"
    return ": it is in trouble itself" if status >= 500 else ""


_UNREACHABLE = "nothing answers at this address"
_BAD_CERTIFICATE = "its certificate is not valid"
_TOO_SLOW = "it did not answer within 10 seconds"
_FAILURES = {
    "private address": "its host is not on the public internet",
    "ClientConnectorDNSError": "its name can't be found, or is not on the public internet",
    "ClientConnectorCertificateError": _BAD_CERTIFICATE,
    "ClientConnectorSSLError": _BAD_CERTIFICATE,
    "ClientConnectorError": _UNREACHABLE,
    "ConnectionRefusedError": _UNREACHABLE,
    "TimeoutError": _TOO_SLOW,
    "ServerTimeoutError": _TOO_SLOW,
    "SocketTimeoutError": _TOO_SLOW,
    "ConnectionTimeoutError": _TOO_SLOW,
}
