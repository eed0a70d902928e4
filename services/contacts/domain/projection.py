"""Interactions as the projection of sightings: what several accounts saw, told once. docs/rules.md, "Same mail in two accounts".

Order plays no part: the same live sightings give the same interactions, whatever came first and how often.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

EMAIL, CALENDAR = "email", "calendar"


@dataclass(frozen=True)
class Participant:
    """An address with its role. `value` is canonical, `shown` as it was written, `name` as it was shown with it."""

    role: str
    kind: str
    value: str
    shown: str
    name: str = ""

    @property
    def address(self) -> tuple[str, str]:
        return self.kind, self.value


@dataclass(frozen=True)
class ObservedItem:
    """What one source saw of a message, meeting or note.

    `automated`: the rule that fits, or empty. `organized`: I organise this meeting. `tags`: BCC hashes that may log it.
    `direction` is None for mail, where it follows from who the author is.
    """

    occurred_at: datetime
    kind: str
    people: tuple[Participant, ...]
    title: str = ""
    text: str = ""
    thread: str = ""
    ends_at: datetime | None = None
    automated: str = ""
    via: bool = False
    organized: bool = False
    direction: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def author(self) -> tuple[str, str] | None:
        """The address of who wrote it."""
        return next((who.address for who in self.people if who.role == "from"), None)

    @property
    def participant_count(self) -> int:
        """How many different people are on it, me included."""
        return len({who.address for who in self.people})


@dataclass(frozen=True)
class Observation:
    """What one source (an account, or the user) has to say about one item. `seen` is None where the item is gone.

    `group` holds together what may be the same interaction: a Message-ID, a meeting's series key.
    """

    user_id: UUID
    source_id: UUID
    platform: str
    ref: str
    revision: int
    group: str
    item: ObservedItem | None

    @property
    def key(self) -> tuple[UUID, str, str]:
        return self.source_id, self.platform, self.ref

    @property
    def group_key(self) -> tuple[UUID, str, str]:
        return self.user_id, self.platform, self.group


@dataclass(frozen=True)
class ProjectedInteraction:
    """One interaction as it is to be stored, and the sightings that it stands on."""

    user_id: UUID
    platform: str
    group: str
    ref: str
    item: ObservedItem
    participant_count: int
    observations: tuple[tuple[UUID, str, str], ...]


def project(group: Sequence[Observation]) -> list[ProjectedInteraction]:
    """The interactions of one group. In mail the k-th copy of each account is the same one; in calendars all copies are."""
    if len(group) == 1 and group[0].item is not None:
        return [_alone(group[0], group[0].item)]
    by_source: dict[UUID, list[Observation]] = defaultdict(list)
    for observation in sorted((one for one in group if one.item is not None), key=_order):
        by_source[observation.source_id].append(observation)
    copies: dict[int, list[Observation]] = defaultdict(list)
    for observations in by_source.values():
        for number, observation in enumerate(observations, start=1):
            copies[number if observation.platform == EMAIL else 1].append(observation)
    return [_interaction(same, number) for number, same in sorted(copies.items())]


def _alone(observation: Observation, item: ObservedItem) -> ProjectedInteraction:
    """What `_interaction` comes to where nobody else saw it, as with nearly all mail."""
    return ProjectedInteraction(
        user_id=observation.user_id,
        platform=observation.platform,
        group=observation.group,
        ref=f"{observation.group}#1" if observation.platform == EMAIL else observation.group,
        item=item,
        participant_count=item.participant_count,
        observations=(observation.key,),
    )


def _order(observation: Observation) -> tuple[datetime, str, str]:
    assert observation.item is not None
    return observation.item.occurred_at, str(observation.source_id), observation.ref


def _interaction(same: list[Observation], number: int) -> ProjectedInteraction:
    """One interaction from its copies. The earliest leads; what another saw besides (Bcc in the sent copy) is added."""
    first, *_ = ordered = sorted(same, key=_order)
    item = [one.item for one in ordered if one.item is not None]
    lead = item[0]
    merged = replace(
        lead,
        people=_united(who for one in item for who in one.people),
        automated="" if any(not one.automated for one in item) else lead.automated,
        via=all(one.via for one in item),
        organized=any(one.organized for one in item),
        # Whoever repeats the Message-ID of a mail of mine must not log it by a hash of his own copy.
        tags=tuple(sorted({tag for one in item if one.author == lead.author for tag in one.tags})),
    )
    return ProjectedInteraction(
        user_id=first.user_id,
        platform=first.platform,
        group=first.group,
        ref=f"{first.group}#{number}" if first.platform == EMAIL else first.group,
        item=merged,
        participant_count=min(one.participant_count for one in item),
        observations=tuple(one.key for one in ordered),
    )


def _united(people: Iterable[Participant]) -> tuple[Participant, ...]:
    """Each role and address once; the first name that somebody gave it."""
    found: dict[tuple[str, str, str], Participant] = {}
    for who in people:
        key = (who.role, who.kind, who.value)
        if key not in found or (who.name and not found[key].name):
            found[key] = who
    return tuple(found.values())


def latest(told: Iterable[Observation]) -> dict[tuple[UUID, str, str], Observation]:
    """The newest sighting of each item among several tellings."""
    newest: dict[tuple[UUID, str, str], Observation] = {}
    for observation in told:
        known = newest.get(observation.key)
        if known is None or observation.revision > known.revision:
            newest[observation.key] = observation
    return newest
