"""Partial responses: the `fields` parameter, `messages(id,payload/headers),nextPageToken`."""

from functools import lru_cache
from typing import Any

from libs.google_sim.errors import invalid

Mask = dict[str, "Mask"]  # an empty mask means everything below


@lru_cache(maxsize=256)
def parse(text: str) -> Mask:
    """Read a mask. Raises GoogleError 400 where it is none."""
    mask, rest = _selection(text.replace(" ", ""), 0)
    if rest != len(text.replace(" ", "")):
        raise invalid(f"Invalid field selection {text[:100]}", "fields")
    return mask


def select(value: Any, mask: Mask) -> Any:
    """What of a JSON value the mask leaves; lists element by element. The value itself is not changed."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [select(item, mask) for item in value]
    if isinstance(value, dict):
        return {name: select(value[name], below) for name, below in mask.items() if name in value}
    return value


def _selection(text: str, at: int) -> tuple[Mask, int]:
    mask: Mask = {}
    while True:
        start = at
        while at < len(text) and text[at] not in ",/()":
            at += 1
        name = text[start:at]
        if not name:
            raise invalid(f"Invalid field selection {text[:100]}", "fields")
        below: Mask = {}
        if at < len(text) and text[at] == "(":
            below, at = _selection(text, at + 1)
            if at >= len(text) or text[at] != ")":
                raise invalid(f"Invalid field selection {text[:100]}", "fields")
            at += 1
        elif at < len(text) and text[at] == "/":
            below, at = _path(text, at + 1)
        mask[name] = {**mask.get(name, {}), **below}
        if at >= len(text) or text[at] != ",":
            return mask, at
        at += 1


def _path(text: str, at: int) -> tuple[Mask, int]:
    """The part after a slash: one name, with what is below it."""
    start = at
    while at < len(text) and text[at] not in ",/()":
        at += 1
    name = text[start:at]
    if not name:
        raise invalid(f"Invalid field selection {text[:100]}", "fields")
    if at < len(text) and text[at] == "/":
        below, at = _path(text, at + 1)
        return {name: below}, at
    if at < len(text) and text[at] == "(":
        below, at = _selection(text, at + 1)
        if at >= len(text) or text[at] != ")":
            raise invalid(f"Invalid field selection {text[:100]}", "fields")
        return {name: below}, at + 1
    return {name: {}}, at
