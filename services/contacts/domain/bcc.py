"""BCC addresses: `local+hash@domain`, one hash per contact, under which mail from me is logged."""

import re
from base64 import b32encode

HASH_LENGTH = 10
ENTROPY_BYTES = 7
_HASH = re.compile(rf"[a-z2-7]{{{HASH_LENGTH},32}}")


def bcc_hash(entropy: bytes) -> str:
    """The hash that these random bytes make: 50 of their bits in lower-case base32. ValueError: fewer than ENTROPY_BYTES."""
    if len(entropy) < ENTROPY_BYTES:
        raise ValueError(f"a BCC hash needs {ENTROPY_BYTES} random bytes, not {len(entropy)}")
    return b32encode(entropy).decode("ascii")[:HASH_LENGTH].lower()


def looks_like_hash(tag: str) -> bool:
    """Whether a +tag could be one of ours; tags such as `shopping` are the user's own business."""
    return _HASH.fullmatch(tag) is not None


def bcc_address(account_address: str, hash_: str) -> str:
    """The address to put in BCC. A tag that the account's own address carries gives way."""
    local, _, domain = account_address.rpartition("@")
    return f"{local.partition('+')[0]}+{hash_}@{domain}"
