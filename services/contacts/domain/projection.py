"""Interactions as the projection of observations: what several accounts saw, once. docs/rules.md, "Same mail in two accounts".

Order plays no part: the same live observations give the same interactions, whatever came first and how often.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from libs.common.ids import InteractionId, UserId
from services.contacts.domain.observations import (
    EMAIL,
    GroupKey,
    Observation,
    ObservationKey,
    ObservedItem,
    Participant,
    SourceId,
)

InteractionRef = tuple[UserId, str, str]
"""user, platform, reference: what an interaction is known as, whatever its id"""

Thread = tuple[SourceId, str]
"""account, thread"""


@dataclass(frozen=True)
class StoredObservation:
    """An observation as it lies in the database, and the interaction that it is part of."""

    observation: Observation
    interaction_id: InteractionId | None


@dataclass(frozen=True)
class ProjectedInteraction:
    """One interaction as it is to be stored, and the observations that it stands on."""

    user_id: UserId
    platform: str
    group: str
    ref: str
    item: ObservedItem
    participant_count: int
    observations: tuple[ObservationKey, ...]

    @property
    def full_ref(self) -> InteractionRef:
        return self.user_id, self.platform, self.ref


def projected_interactions(group: Sequence[Observation]) -> list[ProjectedInteraction]:
    """The interactions of one group. In calendars all copies are one; in mail those by one author of one Date, the k-th of each account."""
    if len(group) == 1 and group[0].item is not None:
        return [_seen_alone(group[0], group[0].item)]
    live = sorted((found for found in group if found.item is not None), key=_order)
    if live and live[0].platform != EMAIL:
        return [_seen_by_several(live, 1)]
    interactions = [copies for mail in _mails(live) for copies in _kth_copies(mail)]
    interactions.sort(key=lambda copies: _order(copies[0]))
    return [_seen_by_several(copies, number) for number, copies in enumerate(interactions, start=1)]


def _mails(live: Sequence[Observation]) -> list[list[Observation]]:
    """The mails that share a Message-ID, told apart by author and Date; each as the copies of it, in their order.

    Of what an earlier version recorded the Date is not known: it counts as that mail of its author which came at the nearest moment.
    """
    by_author: dict[tuple[str, str] | None, dict[str, list[Observation]]] = defaultdict(lambda: defaultdict(list))
    for observation in live:
        by_author[_author_address(_item(observation))][_item(observation).dated].append(observation)
    mails: list[list[Observation]] = []
    for by_date in by_author.values():
        undated = by_date.pop("", [])
        moments = {dated: _item(copies[0]).occurred_at for dated, copies in by_date.items()}
        for observation in undated:
            nearest = min(moments, key=lambda dated: (_distance(observation, moments[dated]), dated), default="")
            by_date[nearest].append(observation)
        mails += [sorted(copies, key=_order) for copies in by_date.values()]
    return mails


def _distance(observation: Observation, moment: datetime) -> timedelta:
    return abs(_item(observation).occurred_at - moment)


def _kth_copies(mail: Iterable[Observation]) -> list[list[Observation]]:
    """The k-th copy of each account together: a Message-ID that is used again inside one account loses nothing."""
    counts: Counter[SourceId] = Counter()
    copies: dict[int, list[Observation]] = defaultdict(list)
    for observation in mail:
        counts[observation.source_id] += 1
        copies[counts[observation.source_id]].append(observation)
    return list(copies.values())


def _seen_alone(observation: Observation, item: ObservedItem) -> ProjectedInteraction:
    """What `_seen_by_several` comes to where nobody else saw it, as with nearly all mail."""
    return ProjectedInteraction(
        user_id=observation.user_id,
        platform=observation.platform,
        group=observation.group,
        ref=f"{observation.group}#1" if observation.platform == EMAIL else observation.group,
        item=item,
        participant_count=item.participant_count,
        observations=(observation.key,),
    )


def _order(observation: Observation) -> tuple[bool, datetime, str, str]:
    """By time; copies that may be forged come last, so that they pair with none that is not, as long as there are others."""
    item = _item(observation)
    return item.unauthenticated, item.occurred_at, str(observation.source_id), observation.ref


def _item(observation: Observation) -> ObservedItem:
    """What a live observation saw."""
    assert observation.item is not None
    return observation.item


def _seen_by_several(ordered: Sequence[Observation], number: int) -> ProjectedInteraction:
    """One interaction from its copies. The earliest leads; what another saw besides (Bcc in the sent copy) is added.

    Copies that may be forged add nothing to one that is not: whoever repeats a mail of mine adds nobody to it.
    """
    first = ordered[0]
    copies = [_item(observation) for observation in ordered]
    items = [item for item in copies if not item.unauthenticated] or copies
    lead = items[0]
    merged = replace(
        lead,
        participants=_united(participant for item in items for participant in item.participants),
        automated="" if any(not item.automated for item in items) else lead.automated,
        via=all(item.via for item in items),
        organized=any(item.organized for item in items),
        bcc_tags=tuple(sorted({tag for item in items for tag in item.bcc_tags})),
    )
    return ProjectedInteraction(
        user_id=first.user_id,
        platform=first.platform,
        group=first.group,
        ref=f"{first.group}#{number}" if first.platform == EMAIL else first.group,
        item=merged,
        participant_count=min(item.participant_count for item in items),
        observations=tuple(observation.key for observation in ordered),
    )


def _author_address(item: ObservedItem) -> tuple[str, str] | None:
    return item.author.address if item.author else None


def _united(participants: Iterable[Participant]) -> tuple[Participant, ...]:
    """Each role and address once; the first name that somebody gave it."""
    found: dict[tuple[str, str, str], Participant] = {}
    for participant in participants:
        identity = (participant.role, participant.kind, participant.value)
        if identity not in found or (participant.name and not found[identity].name):
            found[identity] = participant
    return tuple(found.values())


def latest_observations(observations: Iterable[Observation]) -> list[Observation]:
    """Of each item the newest observation."""
    newest: dict[ObservationKey, Observation] = {}
    for observation in observations:
        known = newest.get(observation.key)
        if known is None or observation.revision > known.revision:
            newest[observation.key] = observation
    return list(newest.values())


def newer_observations(
    observations: Iterable[Observation], known: Mapping[ObservationKey, StoredObservation]
) -> list[Observation]:
    """Those of which nothing is known, or only an earlier revision."""
    return [
        observation
        for observation in observations
        if observation.key not in known or observation.revision > known[observation.key].observation.revision
    ]


def live_groups(observations: Iterable[Observation]) -> set[GroupKey]:
    """The groups in which these observations are, as far as they are alive."""
    return {observation.group_key for observation in observations if observation.item is not None}


def live_by_group(observations: Iterable[Observation], groups: Collection[GroupKey]) -> list[list[Observation]]:
    """The live observations of each of these groups that has any."""
    found: dict[GroupKey, list[Observation]] = defaultdict(list)
    for observation in observations:
        if observation.item is not None and observation.group_key in groups:
            found[observation.group_key].append(observation)
    return list(found.values())


def threads_of(observations: Iterable[Observation]) -> set[Thread]:
    """The mail threads in which these observations are."""
    return {
        (observation.source_id, observation.item.thread)
        for observation in observations
        if observation.item and observation.item.thread
    }
