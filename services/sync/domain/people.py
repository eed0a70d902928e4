"""Which Google cards are imported, and how a change of one is noticed."""

from dataclasses import astuple
from hashlib import blake2b

from libs.common.events import PersonImported
from libs.common.ids import AccountId, UserId
from libs.common.resources.people import Card

MAX_VALUES = 100


def is_imported(card: Card) -> bool:
    """Not deleted, and with something to know somebody by. The user's own cards are recognized in `contacts`."""
    return not card.deleted and bool(card.name or card.emails or card.phones or card.organization or card.title)


def fingerprint(card: Card) -> str:
    """The same for two cards with the same content."""
    return blake2b(repr(astuple(card)).encode("utf-8", "replace"), digest_size=16).hexdigest()


def imported(card: Card, user_id: UserId, account_id: AccountId, revision: int) -> PersonImported:
    return PersonImported(
        user_id=user_id,
        account_id=account_id,
        resource_name=card.resource_name,
        revision=revision,
        name=card.name[:300],
        emails=tuple(email[:320] for email in card.emails[:MAX_VALUES]),
        phones=tuple(phone[:100] for phone in card.phones[:MAX_VALUES]),
        canonical_phones=tuple(phone[:100] for phone in card.canonical_phones[:MAX_VALUES]),
        organization=card.organization[:300],
        title=card.title[:300],
        photo_url=card.photo_url[:2000],
        birthday=card.birthday,
        urls=tuple(url[:2000] for url in card.urls[:MAX_VALUES]),
        former_names=card.former_names[:MAX_VALUES],
    )
