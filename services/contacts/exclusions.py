"""The door that whatever is recorded comes in through: what the user asked not to record stays outside (domain/exclusions.py).

The rules are read in the transaction that records, under the user's lock. So from the commit of a rule on nothing comes in, whichever
replica handles it and however long it was on its way.
"""

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from libs.common.db import Connection
from libs.common.errors import Refused
from libs.common.ids import UserId
from services.contacts.domain.cards import GoogleCard
from services.contacts.domain.exclusions import ExclusionRules, LeftOut, card_without_excluded, without_excluded
from services.contacts.domain.observations import Observation, ObservationKey, Participant
from services.contacts.store.exclusions import CARD, list_in_force, replace_marks

Item = TypeVar("Item", Observation, GoogleCard)


async def leave_out_excluded(connection: Connection, seen: Collection[Observation]) -> list[Observation]:
    """What is kept of these observations. That something was left out is marked, without what it was."""
    return await _leave_out(connection, seen, without_excluded, lambda observation: observation.key)


async def leave_out_excluded_cards(connection: Connection, cards: Iterable[GoogleCard]) -> list[GoogleCard]:
    """As `leave_out_excluded`, for cards of Google Contacts."""
    return await _leave_out(
        connection, list(cards), card_without_excluded, lambda card: (card.account_id, CARD, card.resource_name)
    )


async def _leave_out(
    connection: Connection,
    items: Collection[Item],
    without: Callable[[Item, ExclusionRules], tuple[Item, LeftOut]],
    key_of: Callable[[Item], ObservationKey],
) -> list[Item]:
    exclusions = await list_in_force(connection, {item.user_id for item in items})
    if not exclusions:
        return list(items)
    kept, marks = [], []
    for item in items:
        rest = item
        if theirs := exclusions.get(item.user_id):
            rest, left = without(item, theirs)
            marks.append((item.user_id, key_of(item), left))
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
    if exclusions is None:
        return
    for email in typed:
        if exclusions.matching(*email.address):
            raise Refused(
                409,
                "not_recorded",
                f"You asked not to record {email.shown}. Take that back under Settings, People, and then add it.",
            )
