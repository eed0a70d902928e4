"""What leaves our hands and comes back: signed, so that what comes back is what we made, for what we made it. Pure."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from pydantic import SecretStr


def signed(content: bytes, purpose: str, key: SecretStr) -> str:
    """The content and its signature as a text that may stand in a URL. Of one purpose alone: the same keys sign other things."""
    return f"{encoded(content)}.{encoded(_signature(content, purpose, key))}"


def verified(text: str, purpose: str, keys: Sequence[SecretStr]) -> bytes | None:
    """The content; None where it is not, to the letter, what was signed with one of these keys for this purpose."""
    if not text.isascii():
        return None
    content = _decoded(text.partition(".")[0])
    if content is None:
        return None
    return content if any(hmac.compare_digest(text, signed(content, purpose, key)) for key in keys) else None


def encoded(content: bytes) -> str:
    """URL-safe base64 without its padding."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes | None:
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        return None


def _signature(content: bytes, purpose: str, key: SecretStr) -> bytes:
    return hmac.digest(key.get_secret_value().encode(), purpose.encode() + b"\0" + content, "sha256")
