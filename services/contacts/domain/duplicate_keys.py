"""By what contacts are compared at all: who shares no key with a contact is never looked at.

Each key names a block of contacts. A key of very many says nothing about two of them, and is passed over, so that a block costs the same
however many there are (MAX_BLOCK).
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from services.contacts.domain.duplicates import FREE_MAIL, Traits, name_words
from services.contacts.domain.identities import PHONE
from services.contacts.domain.nicknames import given_names
from services.contacts.domain.text import key

MAX_BLOCK = 40
"""A key of more contacts than this says nothing about any two of them."""
MAX_KEYS = 40
MAX_OF_A_KIND = 10
_STEM, _ENDING = 3, 4
MIN_HANDLE = 6
_OF_NAMES = ("name ", "stem ", "initial ", "ending ")

# Local parts that belong to an office rather than to a person.
_OFFICES = frozenset(
    {
        "accounting", "accounts", "billing", "booking", "bookings", "bureau", "careers", "contact", "customerservice", "enquiries",
        "events", "feedback", "finance", "helpdesk", "information", "inquiries", "invoice", "invoices", "kontakt", "mailbox",
        "marketing", "newsletter", "notifications", "office", "orders", "payments", "postmaster", "presse", "privacy", "reception",
        "recruiting", "reservations", "secretary", "security", "service", "services", "support", "webmaster", "welcome",
    }
)  # fmt: skip
_PROFILES = (
    "linkedin.com/in/", "twitter.com/", "x.com/", "github.com/", "t.me/", "instagram.com/", "facebook.com/", "mastodon.social/@",
)  # fmt: skip


@dataclass(frozen=True)
class Names:
    """What a contact is reached by: canonical emails, handles of other platforms, links."""

    emails: Collection[str]
    handles: Collection[str]
    urls: Collection[str]


def handles_of(names: Names) -> tuple[str, ...]:
    """What names this one person: handles and profiles, and the local parts of emails that are long enough to be somebody's own."""
    profiles = (handle for link in (*names.handles, *names.urls) if (handle := _profile(link)))
    mailboxes = (local for email in names.emails if (local := _own_local_part(email)))
    return tuple(dict.fromkeys((*profiles, *mailboxes)))[:MAX_OF_A_KIND]


def _profile(link: str) -> str:
    """The handle in a profile's address, or the handle itself; empty where it is neither."""
    text = link.strip().lower().partition("://")[2] or link.strip().lower()
    text = text.removeprefix("www.").partition("?")[0].strip("/@")
    if "/" not in text and "." not in text:
        return key(text) if len(text) >= MIN_HANDLE - 2 else ""
    for profile in _PROFILES:
        if text.startswith(profile):
            return key(text.removeprefix(profile).partition("/")[0].strip("@"))
    return ""


def _own_local_part(email: str) -> str:
    local = email.rpartition("@")[0].partition("+")[0]
    bare = local.replace(".", "").replace("-", "").replace("_", "")
    return key(local) if len(bare) >= MIN_HANDLE and bare not in _OFFICES and not bare.isdigit() else ""


def is_of_name(blocking_key: str) -> bool:
    """Whether those who share this key are of similar names, and that is all they share."""
    return blocking_key.startswith(_OF_NAMES)


def blocking_keys(traits: Traits) -> tuple[str, ...]:
    """The keys of a contact, the telling ones first; each is short, and there are at most MAX_KEYS."""
    written = (
        *(f"phone {phone}" for phone in sorted(traits.phones)[:MAX_OF_A_KIND]),
        *(f"handle {handle}" for handle in traits.handles),
        *(f"{kind} {value}" if kind == PHONE else f"address {kind} {value}" for kind, value in _evident(traits)),
        *_name_keys(name_words(traits.name), sorted(set(traits.domains) - FREE_MAIL)[:MAX_OF_A_KIND], traits.company),
    )
    return tuple(dict.fromkeys(map(key, written)))[:MAX_KEYS]


def _evident(traits: Traits) -> list[tuple[str, str]]:
    """What evidence with an identity names, and who has it: by this they meet."""
    return sorted({*(evidence.address for evidence in traits.evidence), *traits.named})[:MAX_OF_A_KIND]


def _name_keys(words: tuple[str, ...], domains: Iterable[str], company: str) -> Iterator[str]:
    """Those of equal names in whatever order first, with the place where these are too many; then those of names that differ a little."""
    if not words:
        return
    equal = list(_equal_names(words))
    places = [*domains, *([company] if company else [])]
    yield from (f"name {name} at {place}" for name in equal for place in places)
    yield from (f"name {name}" for name in equal)
    if len(words) == 1:
        if len(words[0]) > 2 * _ENDING:
            yield f"stem {words[0][:-_ENDING]}"
        return
    first, last = words[0], words[-1]
    for given, family in ((first, last), (last, first)):
        yield f"initial {given[0]} {family}"
        if len(family) > _STEM:
            yield f"stem {given} {family[:_STEM]}"
        if len(given) > _ENDING:
            yield f"ending {given[-_ENDING:]} {family}"


def _equal_names(words: tuple[str, ...]) -> Iterator[str]:
    if len(words) != 2:
        yield " ".join(sorted(words))
    if len(words) > 1:
        first, last = words[0], words[-1]
        pairs = [(given, last) for given in given_names(first)] + [(first, given) for given in given_names(last)]
        yield from dict.fromkeys(" ".join(sorted(pair)) for pair in sorted(pairs))
