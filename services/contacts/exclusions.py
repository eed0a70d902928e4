"""The door that whatever is recorded comes in through: what the user asked not to record stays outside (domain/exclusions.py).

The rules are read in the transaction that records, under the user's lock. So from the commit of a rule on nothing comes in, whichever
replica handles it and however long it was on its way.
"""

from collections.abc import Collection, Iterable

from libs.common.db import Connection
from libs.common.errors import Refused
from libs.common.ids import UserId
from services.contacts.domain.cards import GoogleCard
from services.contacts.domain.exclusions import NOTHING, card_without_excluded, without_excluded
from services.contacts.domain.observations import Observation, Participant
from services.contacts.store.exclusions import CARD, list_in_force, replace_marks


async def leave_out_excluded(connection: Connection, seen: Collection[Observation]) -> list[Observation]:
    """What is kept of these observations. That something was left out is marked, without what it was."""
    exclusions = await list_in_force(connection, {observation.user_id for observation in seen})
    if not exclusions:
        return list(seen)
    kept, marks = [], []
    for observation in seen:
        rest, left = observation, NOTHING
        if theirs := exclusions.get(observation.user_id):
            rest, left = without_excluded(observation, theirs)
            marks.append((observation.user_id, observation.key, left))
        kept.append(rest)
    await replace_marks(connection, marks)
    return kept


async def leave_out_excluded_cards(connection: Connection, cards: Iterable[GoogleCard]) -> list[GoogleCard]:
    """As `leave_out_excluded`, for cards of Google Contacts."""
    found = list(cards)
    exclusions = await list_in_force(connection, {card.user_id for card in found})
    if not exclusions:
        return found
    kept, marks = [], []
    for card in found:
        rest, left = card, NOTHING
        if theirs := exclusions.get(card.user_id):
            rest, left = card_without_excluded(card, theirs)
            marks.append((card.user_id, (card.account_id, CARD, card.resource_name), left))
        kept.append(rest)
    await replace_marks(connection, marks)
    return kept


async def is_excluded(connection: Connection, user_id: UserId, identity: Participant) -> bool:
    """Whether the user asked not to record whom this identifies."""
    exclusions = (await list_in_force(connection, [user_id])).get(user_id)
    return exclusions is not None and bool(exclusions.matching(*identity.address))


async def refuse_excluded(connection: Connection, user_id: UserId, typed: Iterable[Participant]) -> None:
    """Refused: `not_recorded` (409), where the user types an address that they asked not to record."""
    exclusions = (await list_in_force(connection, [user_id])).get(user_id)
    for email in typed if exclusions else ():
        if exclusions is not None and exclusions.matching(*email.address):
            raise Refused(
                409,
                "not_recorded",
                f"You asked not to record {email.shown}. Take that back under Settings, People, and then add it.",
            )
