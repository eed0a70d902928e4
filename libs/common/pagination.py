"""Page tokens: where the next page of a list begins. Opaque to whoever holds one; `cursor` and `next_cursor` on the wire.

token = encode_page_token(last.occurred_at, last.id)
after = decode_page_token(query.cursor, datetime, UUID)     # None: the first page
"""

import base64
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from libs.common.errors import Refused

INFINITE_PAST = datetime.min.replace(tzinfo=UTC)


def encode_page_token(*position: object) -> str:
    """The token of the page behind `position`: the sort key of the last item of the page before."""
    return base64.urlsafe_b64encode(orjson.dumps(position, default=str)).decode().rstrip("=")


def decode_page_token(token: str | None, *types: type) -> tuple[Any, ...] | None:
    """The position in a token, each part of its type. Refused (400) where it is not one that this list gave out."""
    if token is None:
        return None
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if not isinstance(parts, list) or len(parts) != len(types):
            raise ValueError("a token of another list")
        return tuple(_read(part, wanted) for part, wanted in zip(parts, types, strict=True))
    except (ValueError, TypeError, OverflowError) as error:
        raise Refused(400, "invalid_cursor", "This cursor is not one of this list. Begin again without it.") from error


def _read(part: object, wanted: type) -> object:
    if wanted is UUID:
        return UUID(str(part))
    if wanted is datetime:
        moment = datetime.fromisoformat(str(part))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if type(part) is not wanted or (wanted is str and "\x00" in str(part)):
        raise ValueError(f"not a {wanted.__name__}")
    if wanted is int and not -(2**63) <= int(str(part)) < 2**63:
        raise ValueError("out of range")
    return part
