"""Contacts out of vCard 2.1, 3.0 and 4.0 files, or out of JSON lines of People v1 person resources."""

import hashlib
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

from libs.google_sim.account import Resource
from libs.google_sim.loaders.content_lines import Component, Line, components, split
from libs.google_sim.loaders.files import LoadError, files_within, is_archive, json_lines, kind, read_bytes

VCARD = ("vcf", "vcard")
_TYPES = {"HOME": "home", "WORK": "work", "CELL": "mobile", "MOBILE": "mobile", "FAX": "workFax"}
_BIRTHDAY = re.compile(r"(\d{4}|--)-?(\d\d)-?(\d\d)(?!\d)")
_NO_YEAR = "1604"  # what Apple writes for birthdays without a year
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NO_PREFERENCE = 101  # vCard 4 counts from 1, the most preferred, to 100


def load_people(path: str | Path) -> list[Resource]:
    """The person resources of a file, in its order; each has a resourceName of its own.

    Of a folder or zip, those of all its `.vcf` files: Takeout writes a file per label, so the same card in another file is the same
    person. Raises LoadError for a file of another type.
    """
    path = Path(path)
    if kind(path) in ("jsonl", "ndjson", "json"):
        return list(json_lines(path))
    if path.is_dir() or is_archive(path):
        raws = [read_bytes(entry) for entry in files_within(path, VCARD)]
    elif kind(path) in VCARD:
        raws = [read_bytes(path)]
    else:
        raise LoadError(
            f"{path} is no contacts file. Give a .vcf or a .jsonl file (also .gz), or a folder or zip with .vcf files."
        )
    if not raws:
        raise LoadError(
            f"There are no contacts in {path}. Give a .vcf or a .jsonl file, or a folder or zip with .vcf files."
        )
    people: dict[tuple[str, int], Resource] = {}
    for raw in raws:
        copies = Counter[str]()
        for card in components(raw, "VCARD"):
            content = "\n".join(f"{line.name}:{line.value}" for line in card.lines)
            copy = copies[content]
            people.setdefault((content, copy), _person(card, _resource_name(f"{content}{copy}")))
            copies[content] += 1
    return list(people.values())


def _resource_name(seed: str) -> str:
    number = int(hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:15], 16)
    return f"people/c{number + 10**18}"


def _person(card: Component, resource_name: str) -> Resource:
    identifier = f"{int(resource_name.removeprefix('people/c')):016x}"
    source = {"type": "CONTACT", "id": identifier}
    person: Resource = {
        "resourceName": resource_name,
        "etag": f"%{identifier}",
        "metadata": {"sources": [source], "objectType": "PERSON"},
    }
    fields: dict[str, list[Resource]] = {
        "names": _names(card),
        "emailAddresses": [_typed(line, email) for line in _preferred(card, "EMAIL") if (email := _email(line))],
        "phoneNumbers": [_typed(line, phone) for line in _preferred(card, "TEL") if (phone := _phone(line))],
        "organizations": _organizations(card),
        "birthdays": [found for line in card.all("BDAY") if (found := _birthday(line))],
        "urls": [_typed(line, line.text) for line in _preferred(card, "URL") if line.text.strip()],
        "photos": [{"url": line.value.strip()} for line in card.all("PHOTO") if line.value.startswith("http")],
        "nicknames": [{"value": line.text} for line in card.all("NICKNAME") if line.text.strip()],
        "biographies": [{"value": line.text, "contentType": "TEXT_PLAIN"} for line in card.all("NOTE") if line.text],
        "addresses": [_address(line) for line in _preferred(card, "ADR") if line.value.strip("; ")],
    }
    for field, entries in fields.items():
        for number, entry in enumerate(entries):
            entry["metadata"] = {**({"primary": True} if number == 0 else {}), "source": source}
        if entries:
            person[field] = entries
    return person


def _names(card: Component) -> list[Resource]:
    line = card.first("N")
    family, given, middle, prefix, suffix = (*split(line.value, ";"), *[""] * 5)[:5] if line else [""] * 5
    parts = (prefix, given, middle, family, suffix)
    shown = card.text("FN") or " ".join(part.strip() for part in parts if part.strip())
    if not shown:
        return []
    name = {"displayName": shown, "unstructuredName": shown, "givenName": given, "familyName": family}
    name |= {"middleName": middle, "honorificPrefix": prefix, "honorificSuffix": suffix}
    return [{field: value.strip() for field, value in name.items() if value.strip()}]


def _preferred(card: Component, name: str) -> list[Line]:
    """The lines of a property, the preferred first: Google's first one is the primary."""
    return sorted(card.all(name), key=_preference)


def _preference(line: Line) -> int:
    """1 for `PREF=1`, for vCard 3's `TYPE=PREF` and 2.1's bare `PREF`, up to 100; more where none is written."""
    if any(part.upper() == "PREF" for part in line.params.get("TYPE", [])):
        return 1
    written = line.param("PREF")
    return int(written) if written.isascii() and written.isdecimal() and len(written) < 4 else _NO_PREFERENCE


def _typed(line: Line, value: str) -> Resource:
    types = (part.upper() for part in line.params.get("TYPE", []))
    kind = next((_TYPES[label] for label in types if label in _TYPES), "")
    return {"value": value.strip()} | ({"type": kind} if kind else {})


def _email(line: Line) -> str:
    """The address; of a `mailto:` link without the subject that it may ask for."""
    text = line.text.strip()
    return unquote(text[7:].partition("?")[0]).strip() if text.lower().startswith("mailto:") else text


def _phone(line: Line) -> str:
    """The number as a person writes it; of a `tel:` link (RFC 3966) with its context and its extension."""
    text = line.text.strip()
    if not text.lower().startswith("tel:"):
        return text
    number, *parameters = text[4:].split(";")
    named = {name.strip().lower(): unquote(value).strip() for name, _, value in (p.partition("=") for p in parameters)}
    context, extension = named.get("phone-context", ""), named.get("ext", "")
    number = unquote(number).strip()
    if context.startswith("+") and not number.startswith("+"):
        number = f"{context}{number}"
    return f"{number} ext. {extension}" if number and extension else number


def _organizations(card: Component) -> list[Resource]:
    title = card.text("TITLE")
    found: list[Resource] = []
    for line in card.all("ORG") or ([Line("ORG", "ORG:")] if title else []):
        name, department = (*split(line.value, ";"), "", "")[:2]
        entry = {"name": name.strip(), "department": department.strip(), "title": title}
        if kept := {field: value for field, value in entry.items() if value}:
            found.append(kept)
    return found


def _birthday(line: Line) -> Resource | None:
    """The date; without its year where Apple writes that the year is only a place holder; else the text as written."""
    text = line.text.strip()
    match = _BIRTHDAY.match(text)
    month, day = (int(match[2]), int(match[3])) if match else (0, 0)
    if match is None or not 1 <= month <= 12 or not 1 <= day <= _MONTH_DAYS[month - 1]:
        return {"text": text} if text else None
    without_year = match[1] in ("--", _NO_YEAR) or match[1] == line.param("X-APPLE-OMIT-YEAR").strip()
    return {
        "date": {"month": month, "day": day} if without_year else {"year": int(match[1]), "month": month, "day": day}
    }


def _address(line: Line) -> Resource:
    names = ("poBox", "extendedAddress", "streetAddress", "city", "region", "postalCode", "country")
    parts = dict(zip(names, (part.strip() for part in split(line.value, ";")), strict=False))
    return {"formattedValue": "\n".join(part for part in parts.values() if part)} | {
        field: value for field, value in parts.items() if value
    }
