"""A contact's timeline as the page shows it: months, sides by direction, threads folded to their newest line. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from libs.common.requests import Interaction, TimelineItem

SIDES = {"inbound": "they", "outbound": "you", "mutual": "both", "participant": "others"}
PLATFORM_NAMES = {"gmail": "mail", "meeting": "meeting", "calendar": "meeting", "note": "note"}


@dataclass(frozen=True)
class Line:
    """One interaction on its side, with its thread folded into it: so many `messages`, of which `older` are the first behind this one."""

    interaction: Interaction
    side: str
    older: tuple["Line", ...] = ()
    messages: int = 1

    @property
    def left(self) -> int:
        """How many messages of the thread are neither this one nor among `older`."""
        return self.messages - 1 - len(self.older)


@dataclass(frozen=True)
class Month:
    """The lines of one calendar month of the reader, newest first. Automated mail stands apart. `key`: "2026-03"."""

    title: str
    lines: tuple[Line, ...]
    automated: tuple[Line, ...] = field(default=())
    key: str = ""


def months(items: Iterable[TimelineItem], zone: ZoneInfo) -> list[Month]:
    """The months of a page of a timeline."""
    by_month = groupby(map(_folded, items), key=lambda line: _month_of(line.interaction.occurred_at, zone))
    result = []
    for (title, key), month_lines in by_month:
        lines = list(month_lines)
        automated = tuple(line for line in lines if line.interaction.automated)
        result.append(Month(title, tuple(line for line in lines if not line.interaction.automated), automated, key))
    return result


def _month_of(moment: datetime, zone: ZoneInfo) -> tuple[str, str]:
    local = moment.astimezone(zone)
    return f"{local:%B %Y}", f"{local:%Y-%m}"


def _folded(item: TimelineItem) -> Line:
    return Line(item, SIDES[item.direction], tuple(map(_line, item.older)), item.thread_messages)


def _line(interaction: Interaction) -> Line:
    return Line(interaction, SIDES[interaction.direction])


def platform_name(platform: str) -> str:
    """What people call it: mail, meeting, note, or the platform's own name."""
    return PLATFORM_NAMES.get(platform, platform.replace("_", " "))
