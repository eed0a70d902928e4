"""A contact's timeline as the page shows it: months, sides by direction, threads folded to their newest line. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from libs.common.requests import Interaction

SIDES = {"inbound": "they", "outbound": "you", "mutual": "both", "participant": "others"}
PLATFORM_NAMES = {"gmail": "mail", "meeting": "meeting", "calendar": "meeting", "note": "note"}


@dataclass(frozen=True)
class Line:
    """One interaction on its side; `older` are those of its thread that follow, newest first."""

    interaction: Interaction
    side: str
    older: tuple["Line", ...] = ()

    @property
    def messages(self) -> int:
        return 1 + len(self.older)


@dataclass(frozen=True)
class Month:
    """The lines of one calendar month of the reader, newest first. Automated mail stands apart. `key`: "2026-03"."""

    title: str
    lines: tuple[Line, ...]
    automated: tuple[Line, ...] = field(default=())
    key: str = ""


def months(interactions: Iterable[Interaction], zone: ZoneInfo) -> list[Month]:
    """The months of a page of a timeline. A thread is folded where its messages stand on the same page, at its newest."""
    by_month = groupby(_folded(list(interactions)), key=lambda line: _month_of(line.interaction.occurred_at, zone))
    result = []
    for (title, key), month_lines in by_month:
        lines = list(month_lines)
        automated = tuple(line for line in lines if line.interaction.automated)
        result.append(Month(title, tuple(line for line in lines if not line.interaction.automated), automated, key))
    return result


def _month_of(moment: datetime, zone: ZoneInfo) -> tuple[str, str]:
    local = moment.astimezone(zone)
    return f"{local:%B %Y}", f"{local:%Y-%m}"


def _folded(interactions: Sequence[Interaction]) -> list[Line]:
    """Each thread once, at its newest message."""
    threads: dict[tuple[str, str], list[Interaction]] = {}
    for interaction in interactions:
        if interaction.thread:
            threads.setdefault((interaction.platform, interaction.thread), []).append(interaction)
    lines = []
    for interaction in interactions:
        thread = threads.get((interaction.platform, interaction.thread or ""), [interaction])
        if thread[0] is interaction:
            lines.append(_line(interaction, tuple(_line(older) for older in thread[1:])))
    return lines


def _line(interaction: Interaction, older: tuple[Line, ...] = ()) -> Line:
    return Line(interaction, SIDES[interaction.direction], older)


def platform_name(platform: str) -> str:
    """What people call it: mail, meeting, note, or the platform's own name."""
    return PLATFORM_NAMES.get(platform, platform.replace("_", " "))
