"""A contact's timeline as the page shows it: months, sides by direction, threads folded to their newest line. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby
from zoneinfo import ZoneInfo

from libs.common.requests import Interaction, TimelineItem
from services.gateway.domain.moments import length_text

SIDES = {"inbound": "they", "outbound": "you", "mutual": "both", "participant": "others"}
# Midnight to midnight, also on the days when clocks change.
SHORTEST_DAY = timedelta(hours=23)
PLATFORM_NAMES = {"gmail": "mail", "meeting": "meeting", "calendar": "meeting", "note": "note"}


@dataclass(frozen=True)
class Line:
    """One interaction on its side, with its conversation folded into it: so many `messages`; `older` are those behind this one, where it is
    open. `key`: the same as long as the conversation is the same, whichever message is its newest.
    """

    interaction: Interaction
    side: str
    key: str
    older: tuple["Line", ...] = ()
    messages: int = 1

    @property
    def extent(self) -> str:
        """How long a meeting takes, and how many people it brings together where it is not the two of you; empty for all else."""
        interaction = self.interaction
        if interaction.kind != "meeting" or interaction.ends_at is None:
            return ""
        people = _people_in_meeting(interaction)
        texts = (_length(interaction.ends_at - interaction.occurred_at), f"{people} people" if people > 2 else "")
        return " · ".join(filter(None, texts))


@dataclass(frozen=True)
class Month:
    """The lines of one calendar month of the reader, newest first. Automated mail stands apart. `key`: "2026-03"."""

    title: str
    lines: tuple[Line, ...]
    automated: tuple[Line, ...] = field(default=())
    key: str = ""


Opened = Mapping[str, Sequence[Interaction]]
"""What is behind the newest message of conversations that are open, by their keys."""


def months(items: Iterable[TimelineItem], zone: ZoneInfo, opened: Opened) -> list[Month]:
    """The months of a page of a timeline."""
    lines = (_folded(item, opened) for item in items)
    by_month = groupby(lines, key=lambda line: _month_of(line.interaction.occurred_at, zone))
    result = []
    for (title, key), month_lines in by_month:
        in_month = list(month_lines)
        automated = tuple(line for line in in_month if line.interaction.automated)
        result.append(Month(title, tuple(line for line in in_month if not line.interaction.automated), automated, key))
    return result


def months_of_conversation(items: Iterable[TimelineItem], zone: ZoneInfo) -> list[Month]:
    """The months of one conversation, message by message; what is automated stands where it was written."""
    by_month = groupby(map(_line, items), key=lambda line: _month_of(line.interaction.occurred_at, zone))
    return [Month(title, tuple(lines), key=key) for (title, key), lines in by_month]


def _month_of(moment: datetime, zone: ZoneInfo) -> tuple[str, str]:
    local = moment.astimezone(zone)
    return f"{local:%B %Y}", f"{local:%Y-%m}"


def _folded(item: TimelineItem, opened: Opened) -> Line:
    key = conversation_key(item)
    return Line(item, SIDES[item.direction], key, tuple(map(_line, opened.get(key, ()))), item.thread_messages)


def _line(interaction: Interaction) -> Line:
    return Line(interaction, SIDES[interaction.direction], str(interaction.id))


def _length(length: timedelta) -> str:
    if length < SHORTEST_DAY:
        return length_text(length) if length else ""
    days = round(length / timedelta(days=1))
    return "all day" if days == 1 else f"{days} days"


def _people_in_meeting(interaction: Interaction) -> int:
    """With the user. Where not all are listed, the organizer, who is there twice, stands for the user, who is not."""
    if interaction.people_total > len(interaction.people):
        return interaction.people_total
    return 1 + sum(person.role == "attendee" for person in interaction.people)


def conversation_key(interaction: Interaction) -> str:
    """Short, and fit to be an id in a page. What is in no conversation is one by itself."""
    if interaction.thread is None:
        return str(interaction.id)
    return sha256(f"{interaction.platform}:{interaction.thread}".encode()).hexdigest()[:16]


def platform_name(platform: str) -> str:
    """What people call it: mail, meeting, note, or the platform's own name."""
    return PLATFORM_NAMES.get(platform, platform.replace("_", " "))
