"""Whose is what came to a contact since another was merged into it: decided when the merge is undone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from services.contacts.domain.addresses import AddressId
from services.contacts.domain.identity_resolution import CardKey


@dataclass(frozen=True)
class HeldCard:
    """A card of the survivor's as it is now, with its canonical emails in their order."""

    key: CardKey
    emails: Sequence[str]


@dataclass(frozen=True)
class HeldEmail:
    """An email of the survivor's as it is now."""

    id: AddressId
    value: str


@dataclass(frozen=True)
class Returning:
    """What goes back to the other contact."""

    address_ids: frozenset[AddressId]
    cards: frozenset[CardKey]


def returning(
    held_cards: Collection[HeldCard],
    held_emails: Collection[HeldEmail],
    theirs: Returning,
    arrived: Returning,
) -> Returning:
    """What goes back of what the survivor holds: `theirs` that came with the merge, and of what `arrived` since what follows those.

    A card that arrived is whose address it names first; an email that arrived goes where the cards go that name it.
    """
    owners: Mapping[str, bool] = {
        email.value: email.id in theirs.address_ids for email in held_emails if email.id not in arrived.address_ids
    }
    cards = {
        card.key
        for card in held_cards
        if card.key in theirs.cards
        or (card.key in arrived.cards and next((owners[email] for email in card.emails if email in owners), False))
    }
    on_theirs = {email for card in held_cards if card.key in cards for email in card.emails}
    on_others = {email for card in held_cards if card.key not in cards for email in card.emails}
    emails = {
        email.id for email in held_emails if email.id in arrived.address_ids and email.value in on_theirs - on_others
    }
    return Returning(theirs.address_ids | emails, frozenset(cards))
