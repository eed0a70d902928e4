"""What the value of a setting looks like, in words for whoever has to correct it."""

from dataclasses import dataclass

from pydantic import BeforeValidator


@dataclass(frozen=True)
class Shape:
    """What a value must be: `text` goes on after "PINGCRM_X must be".

    `good` are values that are accepted and `bad` ones that are refused: a test tries them on every setting. A `private` value may
    hold a password and is never shown.
    """

    text: str
    good: tuple[str, ...]
    bad: tuple[str, ...]
    private: bool = False


def split_at_commas(value: object) -> object:
    """The entries of a list. ValueError: something is set, and nothing of it is an entry."""
    if not isinstance(value, str):
        return value
    entries = tuple(part.strip() for part in value.split(",") if part.strip())
    if value.strip() and not entries:
        raise ValueError("there is nothing between its commas")
    return entries


Listed = BeforeValidator(split_at_commas)
