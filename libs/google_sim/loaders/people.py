"""Contacts out of vCard 2.1, 3.0 and 4.0 files, or out of JSON lines of People v1 person resources."""

import hashlib
import re
from pathlib import Path

from libs.google_sim.account import Resource
from libs.google_sim.loaders.content_lines import Block, Line, blocks, split
from libs.google_sim.loaders.files import LoadError, json_lines, kind, open_bytes

_TYPES = {"HOME": "home", "WORK": "work", "CELL": "mobile", "MOBILE": "mobile", "FAX": "workFax"}
_BIRTHDAY = re.compile(r"(\d{4}|--)-?(\d\d)-?(\d\d)")


def load_people(path: str | Path) -> list[Resource]:
    """The person resources of a file, in its order; each has a resourceName of its own.

    Raises LoadError for a file of another type.
    """
    path = Path(path)
    if kind(path) in ("jsonl", "ndjson", "json"):
        return list(json_lines(path))
    if kind(path) not in ("vcf", "vcard"):
        raise LoadError(f"{path} is no contacts file. Give a .vcf or a .jsonl file (also .gz).")
    with open_bytes(path) as file:
        raw = file.read()
    people: dict[str, Resource] = {}
    for card in blocks(raw, "VCARD"):
        seed = "\n".join(f"{line.name}:{line.value}" for line in card.lines)
        name = _resource_name(seed)
        while name in people:
            name = _resource_name(seed := f"{seed}\n")
        people[name] = _person(card, name)
    return list(people.values())


def _resource_name(seed: str) -> str:
    number = int(hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:15], 16)
    return f"people/c{number + 10**18}"


def _person(card: Block, resource_name: str) -> Resource:
    identifier = f"{int(resource_name.removeprefix('people/c')):016x}"
    source = {"type": "CONTACT", "id": identifier}
    person: Resource = {
        "resourceName": resource_name,
        "etag": f"%{identifier}",
        "metadata": {"sources": [source], "objectType": "PERSON"},
    }
    fields: dict[str, list[Resource]] = {
        "names": _names(card),
        "emailAddresses": [_typed(line, line.text) for line in card.all("EMAIL") if line.text.strip()],
        "phoneNumbers": [_typed(line, _phone(line)) for line in card.all("TEL") if _phone(line)],
        "organizations": _organizations(card),
        "birthdays": [found for line in card.all("BDAY") if (found := _birthday(line))],
        "urls": [_typed(line, line.text) for line in card.all("URL") if line.text.strip()],
        "photos": [{"url": line.value.strip()} for line in card.all("PHOTO") if line.value.startswith("http")],
        "nicknames": [{"value": line.text} for line in card.all("NICKNAME") if line.text.strip()],
        "biographies": [{"value": line.text, "contentType": "TEXT_PLAIN"} for line in card.all("NOTE") if line.text],
        "addresses": [_address(line) for line in card.all("ADR") if line.value.strip("; ")],
    }
    for field, entries in fields.items():
        for number, entry in enumerate(entries):
            entry["metadata"] = {**({"primary": True} if number == 0 else {}), "source": source}
        if entries:
            person[field] = entries
    return person


def _names(card: Block) -> list[Resource]:
    line = card.first("N")
    family, given, middle, prefix, suffix = (*split(line.value, ";"), *[""] * 5)[:5] if line else [""] * 5
    parts = (prefix, given, middle, family, suffix)
    shown = card.text("FN") or " ".join(part.strip() for part in parts if part.strip())
    if not shown:
        return []
    name = {"displayName": shown, "unstructuredName": shown, "givenName": given, "familyName": family}
    name |= {"middleName": middle, "honorificPrefix": prefix, "honorificSuffix": suffix}
    return [{field: value.strip() for field, value in name.items() if value.strip()}]


def _typed(line: Line, value: str) -> Resource:
    types = (part.upper() for part in line.params.get("TYPE", []))
    kind = next((_TYPES[label] for label in types if label in _TYPES), "")
    return {"value": value.strip()} | ({"type": kind} if kind else {})


def _phone(line: Line) -> str:
    text = line.text.strip()
    return text[4:].partition(";")[0] if text.lower().startswith("tel:") else text


def _organizations(card: Block) -> list[Resource]:
    title = card.text("TITLE")
    found: list[Resource] = []
    for line in card.all("ORG") or ([Line("ORG", {}, "")] if title else []):
        name, department = (*split(line.value, ";"), "", "")[:2]
        entry = {"name": name.strip(), "department": department.strip(), "title": title}
        if kept := {field: value for field, value in entry.items() if value}:
            found.append(kept)
    return found


def _birthday(line: Line) -> Resource | None:
    match = _BIRTHDAY.match(line.text.strip())
    if match is None:
        return {"text": line.text.strip()} if line.text.strip() else None
    date = {"month": int(match[2]), "day": int(match[3])}
    return {"date": date if match[1] == "--" else {"year": int(match[1]), **date}}


def _address(line: Line) -> Resource:
    names = ("poBox", "extendedAddress", "streetAddress", "city", "region", "postalCode", "country")
    parts = dict(zip(names, (part.strip() for part in split(line.value, ";")), strict=False))
    return {"formattedValue": "\n".join(part for part in parts.values() if part)} | {
        field: value for field, value in parts.items() if value
    }
