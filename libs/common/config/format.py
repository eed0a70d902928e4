"""What the value of a setting looks like, in words for whoever has to correct it."""

from dataclasses import dataclass

from pydantic import BeforeValidator


@dataclass(frozen=True)
class Format:
    """What a value must be: `text` goes on after "PINGCRM_X must be".

    `good` are values that are accepted and `bad` ones that are refused: a test tries them on every setting. A `private` value may
    hold a password and is never shown; a `secret` does hold one, and can come from a file (secret_files.py).
    """

    text: str
    good: tuple[str, ...]
    bad: tuple[str, ...]
    private: bool = False
    secret: bool = False


def entries_of(text: str) -> tuple[str, ...]:
    """Of a list with commas between. ValueError: something is set, and nothing of it is an entry."""
    entries = tuple(part.strip() for part in text.split(",") if part.strip())
    if text.strip() and not entries:
        raise ValueError("there is nothing between its commas")
    return entries


def split_at_commas(value: object) -> object:
    """Text as its entries, and what was read before as it is. ValueError as `entries_of`."""
    return entries_of(value) if isinstance(value, str) else value


Listed = BeforeValidator(split_at_commas)
