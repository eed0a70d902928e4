"""Personal API tokens: what they may be called, and how many a user may have."""

from libs.common.errors import Refused

NAME_LENGTH = 100
TOKENS_PER_USER = 50


def api_token_name(name: str) -> str:
    """The name as it is stored. Refused: `invalid_name` (422)."""
    trimmed = " ".join(name.split())
    if not trimmed or len(trimmed) > NAME_LENGTH or not trimmed.isprintable():
        raise Refused(422, "invalid_name", f"Give the token a name of 1 to {NAME_LENGTH} printable characters.")
    return trimmed
