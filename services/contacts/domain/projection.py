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
class Who:
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
class Seen:
    """What one source saw of a message, meeting or note.

    `automated`: the rule that fits, or empty. `organized`: I organise this meeting. `tags`: BCC hashes that may log it.
    `direction` is None for mail, where it follows from who the author is.
    """

    occurred_at: datetime
    kind: str
    people: tuple[Who, ...]
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
    def crowd(self) -> int:
        """How many different people are on it, me included."""
        return len({who.address for who in self.people})


@dataclass(frozen=True)
class Sighting:
    """What one source (an account, or the user) has to say about one item. `seen` is None where the item is gone.

    `group` holds together what may be the same interaction: a Message-ID, a meeting's series key.
    """

    user_id: UUID
    source_id: UUID
    platform: str
    ref: str
    revision: int
    group: str
    seen: Seen | None

    @property
    def key(self) -> tuple[UUID, str, str]:
        return self.source_id, self.platform, self.ref

    @property
    def group_key(self) -> tuple[UUID, str, str]:
        return self.user_id, self.platform, self.group


@dataclass(frozen=True)
class Interaction:
    """One interaction as it is to be stored, and the sightings that it stands on."""

    user_id: UUID
    platform: str
    group: str
    ref: str
    seen: Seen
    crowd: int
    sightings: tuple[tuple[UUID, str, str], ...]


def project(group: Sequence[Sighting]) -> list[Interaction]:
    """The interactions of one group. In mail the k-th copy of each account is the same one; in calendars all copies are."""
    if len(group) == 1 and group[0].seen is not None:
        return [_alone(group[0], group[0].seen)]
    by_source: dict[UUID, list[Sighting]] = defaultdict(list)
    for sighting in sorted((one for one in group if one.seen is not None), key=_order):
        by_source[sighting.source_id].append(sighting)
    copies: dict[int, list[Sighting]] = defaultdict(list)
    for sightings in by_source.values():
        for number, sighting in enumerate(sightings, start=1):
            copies[number if sighting.platform == EMAIL else 1].append(sighting)
    return [_interaction(same, number) for number, same in sorted(copies.items())]


def _alone(sighting: Sighting, seen: Seen) -> Interaction:
    """What `_interaction` comes to where nobody else saw it, as with nearly all mail."""
    return Interaction(
        user_id=sighting.user_id,
        platform=sighting.platform,
        group=sighting.group,
        ref=f"{sighting.group}#1" if sighting.platform == EMAIL else sighting.group,
        seen=seen,
        crowd=seen.crowd,
        sightings=(sighting.key,),
    )


def _order(sighting: Sighting) -> tuple[datetime, str, str]:
    assert sighting.seen is not None
    return sighting.seen.occurred_at, str(sighting.source_id), sighting.ref


def _interaction(same: list[Sighting], number: int) -> Interaction:
    """One interaction from its copies. The earliest leads; what another saw besides (Bcc in the sent copy) is added."""
    first, *_ = ordered = sorted(same, key=_order)
    seen = [one.seen for one in ordered if one.seen is not None]
    lead = seen[0]
    merged = replace(
        lead,
        people=_united(who for one in seen for who in one.people),
        automated="" if any(not one.automated for one in seen) else lead.automated,
        via=all(one.via for one in seen),
        organized=any(one.organized for one in seen),
        # Whoever repeats the Message-ID of a mail of mine must not log it by a hash of his own copy.
        tags=tuple(sorted({tag for one in seen if one.author == lead.author for tag in one.tags})),
    )
    return Interaction(
        user_id=first.user_id,
        platform=first.platform,
        group=first.group,
        ref=f"{first.group}#{number}" if first.platform == EMAIL else first.group,
        seen=merged,
        crowd=min(one.crowd for one in seen),
        sightings=tuple(one.key for one in ordered),
    )


def _united(people: Iterable[Who]) -> tuple[Who, ...]:
    """Each role and address once; the first name that somebody gave it."""
    found: dict[tuple[str, str, str], Who] = {}
    for who in people:
        key = (who.role, who.kind, who.value)
        if key not in found or (who.name and not found[key].name):
            found[key] = who
    return tuple(found.values())


def latest(told: Iterable[Sighting]) -> dict[tuple[UUID, str, str], Sighting]:
    """The newest sighting of each item among several tellings."""
    newest: dict[tuple[UUID, str, str], Sighting] = {}
    for sighting in told:
        known = newest.get(sighting.key)
        if known is None or sighting.revision > known.revision:
            newest[sighting.key] = sighting
    return newest
