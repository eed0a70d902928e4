"""Calls to the user's webhook: what is sent, how it is signed, when it is tried again. Pure.

    PingCRM-Signature: t=1767225600,v1=<hex>        HMAC-SHA256 over "<t>.<body>" with the user's webhook secret

The secret is derived from PINGCRM_WEBHOOK_KEYS; while keys are rotated there is one `v1` per key, and one that fits is enough.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import timedelta

from pydantic import SecretStr

from libs.common.ids import UserId
from services.gateway.domain.notifications import Notification

RETRY_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600))


def webhook_secret(key: SecretStr, user_id: UserId) -> str:
    """The key that signs this user's webhook calls: of one user, of one purpose, useless for anything else."""
    derived = hmac.digest(key.get_secret_value().encode(), b"webhook:" + user_id.bytes, "sha256")
    return f"whsec_{derived.hex()}"


def webhook_signature(secrets: Sequence[str], timestamp: int, body: bytes) -> str:
    """The header's value."""
    signed = f"{timestamp}.".encode() + body
    codes = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={timestamp}", *(f"v1={code}" for code in codes)])


def webhook_body(notification: Notification, base_url: str) -> bytes:
    """The notification as the API shows it, with a link that can be opened."""
    absolute = notification.model_copy(update={"link": base_url + notification.link})
    return absolute.model_dump_json(exclude={"read_at"}).encode()


def retry_delay(attempts: int) -> timedelta | None:
    """How long to wait after so many failed attempts; None: give up."""
    return RETRY_DELAYS[attempts - 1] if attempts <= len(RETRY_DELAYS) else None
