"""What a contact shows: the user's own words first, then Google's cards, then what mail taught."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.contacts.domain.names import SeenName, chosen_name, position_of_fullest
from services.contacts.domain.phones import canonical_by_entry, phone_entries, phone_entry, phone_keys
from services.contacts.domain.text import folded, searched_words

MAX_NAME_KEY, MAX_COMPANY_KEY = 150, 60
"""So many letters decide the order of lists: a key must fit into an index and into a page token."""


@dataclass(frozen=True)
class EditableFields:
    """The columns of a contact that a user can set. `edited` names those that they did set; others are derived.

    Phones as they were written; `dropped_phones` are the entries of those that the user took off.
    """

    name: str = ""
    company: str = ""
    title: str = ""
    photo_url: str = ""
    birthday: str = ""
    urls: tuple[str, ...] = ()
    notes: str = ""
    tags: tuple[str, ...] = ()
    typed_phones: tuple[str, ...] = ()
    dropped_phones: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    archived: bool = False


@dataclass(frozen=True)
class CardFields:
    """What a live card states. `canonical_phones`: of each phone, or empty."""

    name: str = ""
    company: str = ""
    title: str = ""
    photo_url: str = ""
    birthday: str = ""
    urls: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    canonical_phones: tuple[str, ...] = ()


@dataclass(frozen=True)
class NamedAddress:
    """An address with the best name learned for it."""

    shown: str
    name: str = ""
    rank: int = -1
    at: datetime | None = None


@dataclass(frozen=True)
class DerivedFields:
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
    company_key: str
    words_name: str
    words_near: str
    words_rest: str


def derived_fields(
    stored: EditableFields, cards: Sequence[CardFields], addresses: Sequence[NamedAddress], former_name: str = ""
) -> DerivedFields:
    """What a contact shows; cards in a fixed order, addresses as they are shown. `former_name`: what it is called where it has no other."""
    phones = _phones(stored, cards)
    canonical = canonical_by_entry(
        pair for card in cards for pair in zip(card.phones, card.canonical_phones, strict=False)
    )
    shown = [address.shown for address in addresses]

    def own(field: str) -> bool:
        return field in stored.edited

    work = next((card for card in cards if card.company or card.title), CardFields())
    company = stored.company if own("company") else work.company
    title = stored.title if own("title") else work.title
    name = stored.name if own("name") else _imported(cards) or _learned(addresses)
    name = name or company or _first(shown) or _first(phones) or former_name
    urls = stored.urls if own("urls") else tuple(dict.fromkeys(url for card in cards for url in card.urls))
    return DerivedFields(
        name=name,
        company=company,
        title=title,
        photo_url=stored.photo_url if own("photo_url") else _first(card.photo_url for card in cards),
        birthday=stored.birthday if own("birthday") else _first(card.birthday for card in cards),
        urls=urls,
        phones=phones,
        phone_keys=phone_keys(phones, canonical),
        name_key=folded(name)[:MAX_NAME_KEY],
        company_key=folded(company)[:MAX_COMPANY_KEY],
        words_name=searched_words(name),
        words_near=searched_words(company, title, *stored.tags, *shown),
        words_rest=searched_words(stored.notes, *phones),
    )


def _imported(cards: Sequence[CardFields]) -> str:
    """The fullest name on the cards; of different ones the first."""
    names = [card.name for card in cards if card.name]
    return names[position_of_fullest(names)] if names else ""


def _learned(addresses: Iterable[NamedAddress]) -> str:
    """The best of the names that the addresses are known by."""
    chosen = chosen_name(
        SeenName(address.name, address.rank, address.at)
        for address in addresses
        if address.name and address.at is not None
    )
    return chosen.name if chosen else ""


def _phones(stored: EditableFields, cards: Sequence[CardFields]) -> tuple[str, ...]:
    """The typed phones first, then those of the cards that the user did not take off."""
    imported = (phone for card in cards for phone in card.phones if phone_entry(phone) not in stored.dropped_phones)
    return tuple(phone_entries((*stored.typed_phones, *imported)).values())


def _first(values: Iterable[str]) -> str:
    return next((value for value in values if value), "")


def dropped_phone_entries(before: Collection[str], typed: Collection[str]) -> frozenset[str]:
    """The entries of phones that the user took off the list."""
    return frozenset(map(phone_entry, before)) - frozenset(map(phone_entry, typed))
