"""The rules of docs/rules.md for Google contacts: which cards are imported and what identifies them."""

import unicodedata
from dataclasses import dataclass

import phonenumbers

from libs.google_sim.account import Resource
from libs.google_sim.oracle.addresses import Me, canonical


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
    phones = frozenset(phone for value in _values(person, "phoneNumbers") if (phone := normal_phone(value)))
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


def normal_phone(written: str) -> str:
    """A phone number in E.164 where it parses without a country, else its digits and `+`; "" if it has no digit."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(written, None), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        kept = "".join(char for char in written if char in "0123456789+")
        return kept if kept.strip("+") else ""


def folded(name: str) -> str:
    """A name without marks, case and needless white space, for comparison only."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.category(c).startswith("M"))
    return " ".join(bare.casefold().split())
