"""Phones as they were written: which writings are one entry of a contact. How phones of different people compare: `phone_keys`."""

from collections.abc import Iterable, Mapping

from libs.common.addresses import phone_key

SUBSCRIBER_DIGITS = 6
"""The end of a number, which is the same however it is dialled, with or without its country."""


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


def canonical_by_entry(phones: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The canonical forms that are known of phones, given as pairs of how it was written and that form, by entry."""
    found: dict[str, str] = {}
    for shown, canonical in phones:
        if canonical and (entry := phone_entry(shown)):
            found.setdefault(entry, canonical)
    return found


def phone_keys(phones: Iterable[str], canonical: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """By what these phones are compared with those of others, each once. `canonical`: the forms that Google gives them, by entry.

    A phone that was written without its country has both keys: its own, and that with the country, as others write it.
    """
    known = canonical or {}
    keys = (key for shown in phones for key in _keys(shown, known.get(phone_entry(shown), "")))
    return tuple(dict.fromkeys(keys))


def _keys(shown: str, canonical: str) -> tuple[str, ...]:
    own = phone_key(shown)
    if not own or own.startswith("+") or not canonical:
        return (own,) if own else ()
    whole = phone_key(canonical)
    if not whole.startswith("+") or own[-SUBSCRIBER_DIGITS:] != whole[-SUBSCRIBER_DIGITS:]:
        return (own,)  # it is another number: the canonical form leaves out an extension
    return own, whole
