"""Of a message to very many people: whom it is kept with. docs/rules.md, "People of a message"."""

from collections.abc import Collection
from dataclasses import replace

from services.contacts.domain.observations import Observation, Participant

MAX_PARTICIPANTS = 100
ALWAYS_KEPT = frozenset({"from", "organizer"})

Address = tuple[str, str]
"""kind, canonical value"""


def participants_beyond(observation: Observation) -> list[Participant]:
    """Those that come after the first hundred different ones; each in each role."""
    first: set[Address] = set()
    beyond: list[Participant] = []
    for participant in observation.item.participants if observation.item else ():
        if len(first) < MAX_PARTICIPANTS or participant.address in first:
            first.add(participant.address)
        elif participant.role not in ALWAYS_KEPT:
            beyond.append(participant)
    return beyond


def kept_with(observation: Observation, known: Collection[Address]) -> Observation:
    """The observation with the first hundred participants and the `known` among the others; of the rest, how many they are."""
    strangers = {participant.address for participant in participants_beyond(observation)} - set(known)
    item = observation.item
    if item is None or not strangers:
        return observation
    kept = tuple(
        participant
        for participant in item.participants
        if participant.address not in strangers or participant.role in ALWAYS_KEPT
    )
    left_out = len(strangers - {participant.address for participant in kept})
    return replace(observation, item=replace(item, participants=kept, left_out=item.left_out + left_out))
