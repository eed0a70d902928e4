"""What a contact shows: the user's own words first, then Google's cards, then what mail taught."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.addresses import phone_key
from services.contacts.domain.text import folded, words

FIELDS = ("name", "company", "title", "photo_url", "birthday", "urls", "notes", "tags")


@dataclass(frozen=True)
class Details:
    """The fields of a contact as they are stored. Phones as they were written."""

    name: str = ""
    company: str = ""
    title: str = ""
    photo_url: str = ""
    birthday: str = ""
    urls: tuple[str, ...] = ()
    notes: str = ""
    tags: tuple[str, ...] = ()
    typed_phones: tuple[str, ...] = ()
    dropped_phones: frozenset[str] = frozenset()
    edited: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CardFields:
    """What a live card says."""

    name: str = ""
    company: str = ""
    title: str = ""
    photo_url: str = ""
    birthday: str = ""
    urls: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


@dataclass(frozen=True)
class Named:
    """An address with the best name learned for it."""

    shown: str
    name: str = ""
    rank: int = -1
    at: datetime | None = None


@dataclass(frozen=True)
class Profile:
    """All that is derived: the fields, the phones with their keys, and the words under which search finds them."""

    name: str
    company: str
    title: str
    photo_url: str
    birthday: str
    urls: tuple[str, ...]
    phones: tuple[str, ...]
    phone_keys: tuple[str, ...]
    name_key: str
    words_name: str
    words_near: str
    words_rest: str


def profile(details: Details, cards: Sequence[CardFields], addresses: Sequence[Named]) -> Profile:
    """The profile of a contact; cards in a fixed order, addresses in the order in which they are shown."""
    phones = _phones(details, cards)
    shown = [address.shown for address in addresses]

    def own(field: str) -> bool:
        return field in details.edited

    name = details.name if own("name") else _first(card.name for card in cards) or _learned(addresses)
    name = name or _first(shown) or _first(phones.values())
    work = next((card for card in cards if card.company or card.title), CardFields())
    company = details.company if own("company") else work.company
    title = details.title if own("title") else work.title
    urls = details.urls if own("urls") else tuple(dict.fromkeys(url for card in cards for url in card.urls))
    return Profile(
        name=name,
        company=company,
        title=title,
        photo_url=details.photo_url if own("photo_url") else _first(card.photo_url for card in cards),
        birthday=details.birthday if own("birthday") else _first(card.birthday for card in cards),
        urls=urls,
        phones=tuple(phones.values()),
        phone_keys=tuple(phones),
        name_key=folded(name),
        words_name=words(name),
        words_near=words(company, title, *details.tags, *shown),
        words_rest=words(details.notes, *phones.values())[:100_000],
    )


def _learned(addresses: Iterable[Named]) -> str:
    """The name that its owner used last; else what others called them last."""
    named = [(one.rank, one.at, one.name) for one in addresses if one.name and one.at is not None]
    return max(named)[2] if named else ""


def _phones(details: Details, cards: Sequence[CardFields]) -> dict[str, str]:
    """Phones by key: the typed ones first, then those of the cards that the user did not take off."""
    phones: dict[str, str] = {}
    imported = (phone for card in cards for phone in card.phones if phone_key(phone) not in details.dropped_phones)
    for shown in (*details.typed_phones, *imported):
        if key := phone_key(shown):
            phones.setdefault(key, shown)
    return phones


def _first(values: Iterable[str]) -> str:
    return next((value for value in values if value), "")


def dropped(before: Collection[str], typed: Collection[str]) -> frozenset[str]:
    """The keys of phones that the user took off the list."""
    return frozenset(map(phone_key, before)) - frozenset(map(phone_key, typed))
