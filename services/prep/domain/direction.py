"""Which way a text is read. Pure."""

import re
import unicodedata
from typing import Literal

Direction = Literal["ltr", "rtl"]

_RIGHT_TO_LEFT = frozenset({"R", "AL"})
_QUOTATION = re.compile("(“[^”]*”)")


def direction(text: str) -> Direction:
    """The way of most of its letters: an English sentence that begins with a Hebrew name, or quotes one, stays an English one.

    (`dir="auto"` goes by the first letter alone.)
    """
    ways = [unicodedata.bidirectional(character) for character in _QUOTATION.sub("", text) or text]
    backward = sum(way in _RIGHT_TO_LEFT for way in ways)
    return "rtl" if backward > ways.count("L") else "ltr"


def pieces(text: str) -> list[str]:
    """The text in pieces, each quotation one of its own, as it is read its own way."""
    return [piece for piece in _QUOTATION.split(text) if piece]
