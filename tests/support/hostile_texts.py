"""Texts of any length that readers stumble over: repeated, unclosed and nested forms."""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Text(NamedTuple):
    """A kind of text that comes in any length: `make(size)` has at least `size` characters."""

    name: str
    make: Callable[[int], str]


def repeated(unit: str) -> Text:
    """The same again and again."""
    return Text(f"{unit!r}…", lambda size: unit * (size // len(unit) + 1))


def unclosed(opening: str, filler: str) -> Text:
    """Something that begins and never ends."""
    return Text(f"{opening!r}{filler!r}…", lambda size: opening + filler * (size // len(filler) + 1))


def nested(opening: str, closing: str) -> Text:
    """As many beginnings as ends, one inside the other."""

    def make(size: int) -> str:
        depth = size // (len(opening) + len(closing)) + 1
        return opening * depth + closing * depth

    return Text(f"{opening!r}…{closing!r}…", make)


# What a mail can carry in its headers and its snippet, each the worst of its kind for some reader.
FORMS: Mapping[str, tuple[Text, ...]] = {
    "repeated": (
        repeated("=?a?q? "), repeated("=?a?q?b?="), repeated("(a,"), repeated('"a'), repeated('"a",'), repeated("<a@b>,"), repeated("a@"),
        repeated("@ ,"), repeated("(=?a?q? )"), repeated("mx.google.com;dmarc="), repeated("\u200b"), repeated("\u0301\u0323"),
        repeated("a\u200d"), repeated("\x00"), repeated("&amp"), repeated("On 3 May 2023 10:00 a wrote: "), repeated("From: a Sent: "),
        repeated("--"), repeated("http:/"), repeated("code:"),
    ),
    "unclosed": (
        unclosed("=?a?q?", "="), unclosed("=?utf-8?b?", "="), unclosed("a@b (", "\\("), unclosed("(", "=?a?q? "), unclosed('"', '\\"'),
        unclosed("<", "a@"), unclosed("<", "\u93e1"), unclosed("group:", "a,"), unclosed("a@", "\xe9."), unclosed("mx.google.com;", "("),
        unclosed("> ", "\n> "), unclosed("--- On ", "- "),
    ),
    "nested": (
        nested("=?a?q? ", "?="), nested("(", ")"), nested("(=?a?q? ", ")"), nested("(dmarc=pass", ")"), nested("<", ">"),
        nested('"(', ')"'), nested("> On 3 May 2023 a wrote:\n", "\n"),
    ),
}  # fmt: skip
