"""Which of what passed between the user and a guest is worth mentioning before a meeting. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.ids import ContactId, InteractionId
from services.contacts.domain.interaction_times import MEETINGS
from services.contacts.domain.text import folded

OFTEN = timedelta(days=90)
"""What takes place twice in so long recurs, and is no talk of its own."""
OWN_ADDRESSES = 5
"""By how many addresses the user may be on a meeting."""
LINES_PER_MEETING = 5
"""Of so many lines one is kept for a meeting, where there was one."""


@dataclass(frozen=True)
class PastLine:
    """Something that a contact is on, in short. `counted`: it counts as contact between people. `people`: how many addresses are on it,
    own ones included.

    `series`: the same for all instances of a recurring meeting. `exchanged`: one of the two wrote it to the other.
    """

    contact_id: ContactId
    interaction_id: InteractionId
    occurred_at: datetime
    platform: str
    series: str
    title: str
    people: int
    counted: bool
    exchanged: bool

    @property
    def is_meeting(self) -> bool:
        return self.platform == MEETINGS


@dataclass(frozen=True)
class ChosenLine:
    """A line that is worth mentioning. `times`: how many of its series there were within three months, itself included."""

    line: PastLine
    times: int


def chosen_lines(lines: Sequence[PastLine], limit: int) -> list[ChosenLine]:
    """Of one contact's newest lines, newest first, those to mention: what was written, then meetings, of a series the last one.

    Bulk mail only where there is nothing else.
    """
    written = [line for line in lines if not line.is_meeting and line.counted]
    bulk = [line for line in lines if not line.is_meeting and not line.counted]
    series = _by_series([line for line in lines if line.is_meeting])
    kept = written[: limit - min(len(series), limit // LINES_PER_MEETING)]
    met = series[: limit - len(kept)]
    kept += bulk[: limit - len(kept) - len(met)]
    kept.sort(key=lambda line: (line.occurred_at, line.interaction_id), reverse=True)
    return [*(ChosenLine(line, 1) for line in kept), *(ChosenLine(found[0], _times(found)) for found in met)]


def _by_series(meetings: Sequence[PastLine]) -> list[list[PastLine]]:
    """The meetings of each series, newest first. What is booked anew each week under the same title is a series too."""
    found: list[list[PastLine]] = []
    known: dict[tuple[str, str], list[PastLine]] = {}
    for meeting in meetings:
        keys = [key for key in (("series", meeting.series), ("title", folded(meeting.title))) if key[1]]
        series = next((known[key] for key in keys if key in known), None)
        if series is None:
            series = []
            found.append(series)
        series.append(meeting)
        for key in keys:
            known.setdefault(key, series)
    return found


def _times(series: Sequence[PastLine]) -> int:
    """How many there were in the months until the last one, itself included."""
    return sum(meeting.occurred_at > series[0].occurred_at - OFTEN for meeting in series)


def last_met_at(lines: Iterable[PastLine]) -> datetime | None:
    """When the last meeting of one contact was."""
    return max((line.occurred_at for line in lines if line.is_meeting), default=None)


def written_since(lines: Iterable[PastLine], at: datetime | None) -> int:
    """How much was written to and fro since then."""
    return sum(at is not None and line.exchanged and line.counted and line.occurred_at > at for line in lines)


def common_meetings(lines: Iterable[PastLine], contact_ids: Collection[ContactId]) -> list[PastLine]:
    """The meetings on which all of these contacts were, with hardly more people than them; the newest first."""
    present: dict[InteractionId, set[ContactId]] = {}
    meetings: dict[InteractionId, PastLine] = {}
    for line in lines:
        if line.is_meeting and line.people <= len(contact_ids) + OWN_ADDRESSES:
            meetings[line.interaction_id] = line
            present.setdefault(line.interaction_id, set()).add(line.contact_id)
    common = [meetings[id_] for id_, found in present.items() if found.issuperset(contact_ids)]
    return sorted(common, key=lambda line: (line.occurred_at, line.interaction_id), reverse=True)
