"""Phones as they were written: which writings are one entry of a contact. How phones of different people compare: `phone_key`."""

from collections.abc import Iterable

from libs.common.addresses import phone_key


def phone_entry(shown: str) -> str:
    """The same for two writings that differ in nothing but blanks, signs and a trunk prefix in brackets; empty for mere signs.

    So that nothing that was written is hidden: what has letters (an extension, a vanity number, "after six") is an entry of its own.
    """
    key = phone_key(shown)
    written = "".join(character for character in shown.replace("(0)", "").casefold() if character.isalnum())
    return key if written == key.removeprefix("+") else written


def phone_entries(phones: Iterable[str]) -> dict[str, str]:
    """Phones as they were first written, by entry, in order."""
    found: dict[str, str] = {}
    for shown in phones:
        if entry := phone_entry(shown):
            found.setdefault(entry, shown)
    return found


def phone_keys(phones: Iterable[str]) -> tuple[str, ...]:
    """By what these phones are compared with those of others, each once."""
    return tuple(dict.fromkeys(key for shown in phones if (key := phone_key(shown))))
