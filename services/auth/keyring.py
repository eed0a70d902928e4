"""Secrets at rest: AES-256-GCM under rotatable keys, each value bound to its owner (an account, a sign-in) and its use.

AES-GCM rather than Fernet because it authenticates context that is not stored: a token copied into another account's row, or from
one column into the other, does not open. Every sealed value names its key, so opening never guesses and re-encryption knows what
is left to do. The keys themselves are derived (HKDF) from PINGCRM_SECRET_KEYS: what else these may protect shares no key with this.

    sealed = version (1 byte) | key id (4) | nonce (12) | ciphertext and tag
"""

import binascii
import os
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from libs.common.config import Settings
from libs.common.ids import AccountId

VERSION = b"\x01"
KEY_BYTES = 32
ID_BYTES = 4
NONCE_BYTES = 12
_HEADER_BYTES = len(VERSION) + ID_BYTES + NONCE_BYTES

Use = Literal["refresh", "access", "sign_in"]
Owner = AccountId | str
"""Whose a sealed value is: an account, or a sign-in by the key under which it is kept."""


class BadKey(Exception):
    """A configured key can't be used; the message describes what a key looks like."""


class Undecryptable(Exception):
    """A sealed value does not open: its key is missing, or it was altered, or it belongs elsewhere."""


class Keyring:
    """The first key seals, all open. Keys: 32 random bytes in URL-safe base64, at least one. Raises BadKey."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise BadKey("PINGCRM_SECRET_KEYS is empty: set at least one key, 32 random bytes in URL-safe base64.")
        keys = [_derive(_decode(secret)) for secret in secrets]
        self._ciphers = {_id_of(key): AESGCM(key) for key in keys}
        self._first = _id_of(keys[0])

    @classmethod
    def of(cls, settings: Settings) -> "Keyring":
        """The keys of PINGCRM_SECRET_KEYS. Raises BadKey."""
        return cls([key.get_secret_value() for key in settings.secret_keys])

    @property
    def ids(self) -> list[str]:
        """The names of its keys, as they stand in what is sealed."""
        return [key_id.hex() for key_id in self._ciphers]

    def seal(self, value: str, owner: Owner, use: Use) -> bytes:
        """The value under the first key, opened again only for this owner and use."""
        nonce = os.urandom(NONCE_BYTES)
        return (
            VERSION
            + self._first
            + nonce
            + self._ciphers[self._first].encrypt(nonce, value.encode(), _context(owner, use))
        )

    def open(self, sealed: bytes, owner: Owner, use: Use) -> str:
        """The value. Raises Undecryptable; there is no other way to fail, and never a wrong value."""
        key_id = sealed[len(VERSION) : len(VERSION) + ID_BYTES]
        cipher = self._ciphers.get(key_id)
        if not sealed.startswith(VERSION) or cipher is None or len(sealed) < _HEADER_BYTES:
            raise Undecryptable(f"{_named(owner)} is sealed with a key that is not configured.")
        nonce = sealed[len(VERSION) + ID_BYTES : _HEADER_BYTES]
        try:
            return cipher.decrypt(nonce, sealed[_HEADER_BYTES:], _context(owner, use)).decode()
        except (InvalidTag, UnicodeDecodeError):
            raise Undecryptable(f"{_named(owner)} was altered, or belongs elsewhere.") from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether it is sealed under the first key."""
        return sealed.startswith(VERSION + self._first)


def _decode(secret: str) -> bytes:
    try:
        key = urlsafe_b64decode(secret)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise BadKey("Each of PINGCRM_SECRET_KEYS must be 32 random bytes in URL-safe base64 (44 characters).")
    return key


def _derive(key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"pingcrm auth tokens 1").derive(key)


def _id_of(key: bytes) -> bytes:
    """Names a key without revealing anything about it."""
    return sha256(b"pingcrm key id" + key).digest()[:ID_BYTES]


def _context(owner: Owner, use: Use) -> bytes:
    return f"{use}:{owner}".encode()


def _named(owner: Owner) -> str:
    """An account by its id; a sign-in's key is not repeated."""
    return "A sign-in under way" if isinstance(owner, str) else f"The token of account {owner}"
