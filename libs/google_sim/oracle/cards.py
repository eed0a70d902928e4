"""The rules of docs/rules.md for Google contacts: which cards are imported and what identifies them."""

import re
import unicodedata
from dataclasses import dataclass

import phonenumbers
from anyascii import anyascii

from libs.google_sim.account import Resource
from libs.google_sim.oracle.addresses import Me, canonical

_KEYS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_LETTERS_LAST = re.compile(r"\s*[+(]?\d[^A-Za-z]*[A-Za-z]{3}")


@dataclass(frozen=True)
class Card:
    """What identifies one imported card: canonical emails, normal phones, folded name."""

    resource_name: str
    emails: frozenset[str]
    phones: frozenset[str]
    name: str


def read_card(person: Resource, me: Me) -> Card | None:
    """The card of one person resource, or None if it is skipped: deleted, nameless, empty, or me."""
    metadata = person.get("metadata")
    deleted = isinstance(metadata, dict) and metadata.get("deleted") is True
    resource_name = person.get("resourceName")
    if deleted or not isinstance(resource_name, str) or not resource_name:
        return None
    emails = frozenset(address for value in _values(person, "emailAddresses") if (address := canonical(value)))
    phones = frozenset(phone for entry in _entries(person, "phoneNumbers") for phone in _normal_phones(entry))
    name = folded(_name(person))
    if any(email in me for email in emails):
        return None
    if not (name or emails or phones or _organization(person)):
        return None
    return Card(resource_name, emails, phones, name)


def _entries(person: Resource, field: str) -> list[Resource]:
    """The entries of one field, the primary one first."""
    listed = person.get(field)
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    return sorted(entries, key=lambda entry: not (entry.get("metadata") or {}).get("primary", False))


def _values(person: Resource, field: str) -> list[str]:
    return [entry["value"] for entry in _entries(person, field) if isinstance(entry.get("value"), str)]


def _text(entry: Resource, *fields: str) -> str:
    return " ".join(entry[field].strip() for field in fields if isinstance(entry.get(field), str)).strip()


def _name(person: Resource) -> str:
    for entry in _entries(person, "names"):
        name = (
            _text(entry, "displayName") or _text(entry, "unstructuredName") or _text(entry, "givenName", "familyName")
        )
        if name:
            return name
    return ""


def _organization(person: Resource) -> bool:
    return any(_text(entry, "name", "title") for entry in _entries(person, "organizations"))


def _normal_phones(entry: Resource) -> set[str]:
    """How a phone compares: as it is written, and where that is without its country as Google has it, if it is the same number."""
    written = entry.get("value")
    own = normal_phone(written) if isinstance(written, str) else ""
    googles = entry.get("canonicalForm")
    whole = normal_phone(googles) if isinstance(googles, str) else ""
    if len(own) >= 6 and own[0] != "+" and whole[:1] == "+" and whole.endswith(own[-6:]):
        return {own, whole}
    return {own} - {""}


def normal_phone(written: str) -> str:
    """A phone number in E.164 where it parses without a country, else its digits and `+`; "" if it has no digit.

    An extension belongs to it. Letters behind one to six digits are the digits of their keys ("1-800-FLOWERS").
    """
    try:
        number = phonenumbers.parse(written, None)
        extension = f" x{number.extension}" if number.extension else ""
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) + extension
    except phonenumbers.NumberParseException:
        if 0 < sum(char.isdigit() for char in written) < 7 and _LETTERS_LAST.match(written):
            written = written.lower().translate(_KEYS)
        kept = "".join(char for char in written if char in "0123456789+")
        return kept if kept.strip("+") else ""


def folded(name: str) -> str:
    """A name without marks, invisible signs, case and needless white space, its Latin letters in English ones: to compare."""
    spelled = ""
    for char in unicodedata.normalize("NFKD", name):
        kind = unicodedata.category(char)
        if kind[0] == "L" and unicodedata.name(char, "").startswith("LATIN "):
            spelled += ascii_letters if (ascii_letters := anyascii(char)).isalpha() else char
        elif kind[0] != "M" and kind != "Cf":
            spelled += char
    return " ".join(spelled.casefold().split())
