"""Secrets of webhooks that were set up before the gateway had keys of its own (PINGCRM_WEBHOOK_KEYS)."""

import hmac
from collections.abc import Sequence

from libs.common.ids import UserId


def former_webhook_secrets(keys: Sequence[str], user_id: UserId) -> tuple[str, ...]:
    """One per key, the first key's first: HMAC-SHA256, which gives away nothing of the key and serves no other user or purpose."""
    derived = (hmac.digest(key.encode(), b"webhook:" + user_id.bytes, "sha256") for key in keys)
    return tuple(f"whsec_{secret.hex()}" for secret in derived)
