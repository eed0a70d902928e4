"""People's resources: cards of Google Contacts."""

from dataclasses import dataclass

from libs.common.resources.reading import Resource, flag, mapping, mappings, text, texts


@dataclass(frozen=True, slots=True)
class Card:
    """One person resource, what we use of it. The entries of each field have the primary one first.

    `canonical_phones`: the phones in the form that Google gives them (E.164), in the same order; an empty text where it has none.
    """

    resource_name: str
    deleted: bool = False
    former_names: tuple[str, ...] = ()
    name: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    organization: str = ""
    title: str = ""
    photo_url: str = ""
    birthday: str = ""
    urls: tuple[str, ...] = ()
    canonical_phones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CardPage:
    """One page; `sync_token` comes with the last one."""

    cards: tuple[Card, ...]
    next_page: str | None
    sync_token: str | None


def read_card(person: Resource) -> Card:
    """A person resource; what can't be read is empty. Never raises."""
    metadata = mapping(person.get("metadata"))
    organization, title = _organization(person)
    phones = _phones(person)
    return Card(
        resource_name=text(person.get("resourceName")),
        deleted=flag(metadata.get("deleted")),
        former_names=tuple(texts(metadata.get("previousResourceNames"))),
        name=_name(person),
        emails=_values(person, "emailAddresses"),
        phones=tuple(phones),
        canonical_phones=tuple(phones.values()),
        organization=organization,
        title=title,
        photo_url=_photo(person),
        birthday=_birthday(person),
        urls=_values(person, "urls"),
    )


def _entries(person: Resource, name: str) -> list[Resource]:
    return sorted(mappings(person.get(name)), key=lambda entry: not flag(mapping(entry.get("metadata")).get("primary")))


def _values(person: Resource, name: str) -> tuple[str, ...]:
    values = (text(entry.get("value")).strip() for entry in _entries(person, name))
    return tuple(dict.fromkeys(value for value in values if value))


def _phones(person: Resource) -> dict[str, str]:
    """The phones as they were written, each with its canonical form; empty where Google has none: it does not know the country."""
    found: dict[str, str] = {}
    for entry in _entries(person, "phoneNumbers"):
        if written := text(entry.get("value")).strip():
            found[written] = found.get(written) or text(entry.get("canonicalForm")).strip()
    return found


def _name(person: Resource) -> str:
    for entry in _entries(person, "names"):
        parts = (text(entry.get("givenName")).strip(), text(entry.get("familyName")).strip())
        for name in (
            text(entry.get("displayName")),
            text(entry.get("unstructuredName")),
            " ".join(filter(None, parts)),
        ):
            if name.strip():
                return " ".join(name.split())
    return ""


def _organization(person: Resource) -> tuple[str, str]:
    for entry in _entries(person, "organizations"):
        organization, title = text(entry.get("name")).strip(), text(entry.get("title")).strip()
        if organization or title:
            return organization, title
    return "", ""


def _photo(person: Resource) -> str:
    """The first photo that somebody chose; Google's drawn initials are none."""
    return next(
        (
            url
            for entry in _entries(person, "photos")
            if not flag(entry.get("default")) and (url := text(entry.get("url"))).startswith("https://")
        ),
        "",
    )


def _birthday(person: Resource) -> str:
    """`YYYY-MM-DD`, or `--MM-DD` where the year is not told; else as it was typed."""
    for entry in _entries(person, "birthdays"):
        date = mapping(entry.get("date"))
        year, month, day = (
            date.get(part) if isinstance(date.get(part), int) else 0 for part in ("year", "month", "day")
        )
        if month and day:
            return f"{year:04d}-{month:02d}-{day:02d}" if year else f"--{month:02d}-{day:02d}"
        if typed := text(entry.get("text")).strip():
            return typed[:100]
    return ""
