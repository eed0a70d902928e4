"""BCC addresses: `local+hash@domain`, one hash per contact, under which mail from me is logged."""

import re

HASH_LENGTH = 10
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_HASH = re.compile(rf"[a-z2-7]{{{HASH_LENGTH},32}}")


def looks_like_hash(tag: str) -> bool:
    """Whether a +tag could be one of ours; tags such as `shopping` are the user's own business."""
    return _HASH.fullmatch(tag) is not None


def bcc_address(account_address: str, hash_: str) -> str:
    """The address to put in BCC. A tag that the account's own address carries gives way."""
    local, _, domain = account_address.rpartition("@")
    return f"{local.partition('+')[0]}+{hash_}@{domain}"
