"""How much of a brief is shown: less of each guest where they are many, and in no case more than mail programs show. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from services.prep.domain.clean import line
from services.prep.domain.view import FEW_GUESTS, ShownPerson, View

MOST_HTML_BYTES = 70_000
"""Gmail cuts a mail off at 102 kB. Encoded for its way, so much is less than 100 kB."""
LISTED_GUESTS = 8


@dataclass(frozen=True)
class Extent:
    """So many guests have their history shown, so many of the interactions of each, and so many characters of each text."""

    guests: int
    interactions: int
    characters: int


_SHORTER = (Extent(8, 3, 70), Extent(8, 1, 70), Extent(0, 0, 60))
"""For what is too long all the same: others write as much as they like. The last one fits whatever they wrote."""


@dataclass(frozen=True)
class Shown:
    """`guests`: who comes, in a line or two each; `more`: who else. `histories`: what is known of those who have one, `in_short` where they
    are many.
    """

    guests: tuple[ShownPerson, ...]
    more: tuple[ShownPerson, ...]
    histories: tuple[ShownPerson, ...]
    histories_left_out: int
    in_short: bool


def extents(guests: int) -> tuple[Extent, ...]:
    """From what is shown of a meeting with so many guests to what is shown where even that is too long."""
    return (Extent(FEW_GUESTS, 5, 300) if guests <= FEW_GUESTS else Extent(LISTED_GUESTS, 3, 140), *_SHORTER)


def shown(view: View, extent: Extent) -> Shown:
    """The guests of a brief as far as there is room for them. What a point rests on is always there."""
    people = view.people
    listed = len(people) if len(people) <= LISTED_GUESTS else LISTED_GUESTS - 1
    cited = frozenset(source.label for point in view.points for source in point.evidence)
    histories = [
        _shortened(person, extent if number < extent.guests else Extent(0, 0, extent.characters), cited)
        for number, person in enumerate(people)
    ]
    kept = tuple(person for person in histories if _has_history(person))
    return Shown(
        guests=people[:listed],
        more=people[listed:],
        histories=kept,
        histories_left_out=sum(map(_has_history, people)) - len(kept),
        in_short=len(people) > FEW_GUESTS,
    )


def _shortened(person: ShownPerson, extent: Extent, cited: Collection[str]) -> ShownPerson:
    """With so much of the history as there is room for; one without room keeps what is cited."""
    in_full = extent.interactions > 0
    return replace(
        person,
        standing=person.standing if in_full else (),
        former_work=person.former_work if in_full else "",
        last_met=person.last_met if in_full else "",
        colleagues=person.colleagues if in_full else "",
        bios=tuple(
            replace(bio, text=line(bio.text, extent.characters)) for bio in person.bios if in_full or bio.label in cited
        ),
        interactions=tuple(
            replace(past, text=line(past.text, extent.characters))
            for number, past in enumerate(person.interactions)
            if number < extent.interactions or past.label in cited
        ),
    )


def _has_history(person: ShownPerson) -> bool:
    return bool(person.bios or person.interactions or person.former_work or person.colleagues or person.standing[1:])
