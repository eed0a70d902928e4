"""Reading Google's JSON once, at the boundary: what is missing or of another type reads as empty, and nothing raises."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

Resource = Mapping[str, Any]


def mapping(value: object) -> Resource:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> Iterator[Resource]:
    """The objects of a list."""
    return (item for item in _items(value) if isinstance(item, dict))


def text(value: object) -> str:
    """A string that PostgreSQL stores: no NUL, no lone surrogates. Empty where it is none."""
    if not isinstance(value, str):
        return ""
    return storable(value)


def storable(value: str) -> str:
    """The string without what neither UTF-8 nor PostgreSQL takes."""
    if value.isascii():
        return value.replace("\x00", "")
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def texts(value: object) -> Iterator[str]:
    """The strings of a list."""
    return (text(item) for item in _items(value) if isinstance(item, str))


def integer(value: object) -> int | None:
    """A number, also one written as a string, as Google does with 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None


def instant(value: object) -> datetime:
    """A moment that is given in milliseconds since 1970; where it is none, 1970 itself: what ends then is over."""
    try:
        return datetime.fromtimestamp((integer(value) or 0) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def flag(value: object) -> bool:
    return value is True


def _items(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()
