"""Page tokens: where the next page of a list begins. Opaque to whoever holds one; `cursor` and `next_cursor` on the wire.

token = encode_page_token(last.occurred_at, last.id)
after = decode_page_token(query.cursor, datetime, UUID)     # None: the first page

A page has at most so many items and at most so many bytes: a list of what others wrote has no largest item.

rows = await list_runs(connection, after, query.limit + 1)
page, next_cursor = cut_page(rows, query.limit, lambda run: (run.started_at, run.id))
"""

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel

from libs.common.errors import Refused

T = TypeVar("T")

INFINITE_PAST = datetime.min.replace(tzinfo=UTC)
PAGE_BYTES = 500_000


def json_bytes(item: object) -> int:
    """How many bytes an item has as JSON: a model, or what is made of plain values."""
    return len(item.model_dump_json().encode() if isinstance(item, BaseModel) else orjson.dumps(item, default=str))


def cut_page(
    items: Sequence[T],
    limit: int,
    position: Callable[[T], Sequence[object]],
    *,
    size_bytes: Callable[[T], int] = json_bytes,
    budget_bytes: int = PAGE_BYTES,
) -> tuple[tuple[T, ...], str | None]:
    """The first page of these items, and the token of the next one; None where all are on it.

    A page has at most `limit` items that have together at most `budget_bytes`, and at least one, however large that is. `items` are
    read with one more than `limit`, which shows whether there is more. `position` is an item's sort key.
    """
    page: list[T] = []
    left = budget_bytes
    for item in items[:limit]:
        left -= size_bytes(item) + 1  # and a comma
        if page and left < 0:
            break
        page.append(item)
    more = len(page) < len(items)
    return tuple(page), encode_page_token(*position(page[-1])) if more else None


def encode_page_token(*position: object) -> str:
    """The token of the page behind `position`: the sort key of the last item of the page before."""
    return base64.urlsafe_b64encode(orjson.dumps(position, default=str)).decode().rstrip("=")


def decode_page_token(token: str | None, *types: type) -> tuple[Any, ...] | None:
    """The position in a token, each part of its type. Refused (400) where it is not one that this list gave out."""
    if token is None:
        return None
    try:
        parts = orjson.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
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
