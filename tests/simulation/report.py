"""The figures of a morning with their targets, and the table."""

from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from tests.bench.figure import Figure, at_most, exactly, percentile, shown
from tests.simulation.morning import SIX, Seen

HALF_PAST = 30.0  # minutes after six
UNUSED = 5.0


def figures(seen: Seen, accounts: int) -> list[Figure]:
    """In minutes, seconds and percent."""
    scheduled = seen.waits
    return [
        Figure("accounts", accounts, "", "as many runs of mail, contacts and calendars at 06:00, and of calendars every 10 minutes"),
        Figure("Gmail: fullest minute", 100 * seen.gmail.fullest_minute, "%", "of the project's quota", at_most(100)),
        Figure("Gmail: used until mail was done", 100 * seen.gmail.used_between(SIX, seen.ended_at["mail"]), "%", ""),
        Figure("Gmail: work waited", seen.gmail.waited_seconds, "s", "for more than 5 s past its moment"),
        Figure("Gmail: unused while work waited", 100 * seen.gmail.unused_while_waiting, "%", "", at_most(UNUSED)),
        Figure("calendar: fullest minute", 100 * seen.calendar.fullest_minute, "%", "of the project's quota", at_most(100)),
        Figure("calendar: used until calendars were done", 100 * seen.calendar.used_between(SIX, seen.ended_at["calendar"]), "%", ""),
        Figure("calendar: work waited", seen.calendar.waited_seconds, "s", "for more than 5 s past its moment"),
        Figure("calendar: unused while work waited", 100 * seen.calendar.unused_while_waiting, "%", "", at_most(UNUSED)),
        Figure("calendar: done after", _minutes(seen.ended_at["calendar"] - SIX), "min", "of 06:00", at_most(HALF_PAST)),
        *(Figure(f"{kind}: done after", _minutes(seen.ended_at[kind] - SIX), "min", "of 06:00") for kind in ("mail", "contacts")),
        *(Figure(f"{kind}: accounts not served", accounts - len(seen.served[kind]), "", "", exactly(0))
          for kind in ("calendar", "mail", "contacts")),
        *(Figure(f"{kind}: longest wait", max(scheduled[kind]).total_seconds(), "s", "from a run's moment to its end")
          for kind in ("calendar", "mail", "contacts")),
        Figure("mail: 99th percentile of waits", percentile([wait.total_seconds() for wait in scheduled["mail"]], 99), "s", ""),
        Figure("runs put off by a quota", seen.put_off, "", "a call could not go within 65 s, or 20 s where somebody waits for it"),
        Figure("Sync now: longest wait", max(seen.pressed).total_seconds(), "s", f"{len(seen.pressed)} times after 06:00"),
        Figure("Sync now: never done", seen.unanswered, "", "", exactly(0)),
        Figure("prep scans", len(seen.scans), "", "each after its calendar was read"),
        Figure("prep scans: without the calendar", seen.scans_without_calendar, "", "which was a minute late"),
        Figure("prep scans: latest", max(seen.scans).total_seconds(), "s", "after its moment"),
        Figure("a schedule: all requests written in", seen.longest_schedule_seconds, "s", "on this machine, by the real clock"),
    ]  # fmt: skip


def show(console: Console, mornings: Sequence[tuple[str, Sequence[Figure]]]) -> None:
    """A column for each morning."""
    table = Table(title="What the quotas let through", title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True)
    for name, _ in mornings:
        table.add_column(name, justify="right")
    for name in ("unit", "target"):
        table.add_column(name)
    for each in zip(*(found for _, found in mornings), strict=True):
        values = [
            f"[red]{shown(figure.value)}[/]" if figure.is_met is False else shown(figure.value) for figure in each
        ]
        table.add_row(each[0].name, *values, each[0].unit, str(each[0].target or ""))
    console.print(table)


def _minutes(duration: timedelta) -> float:
    return duration.total_seconds() / 60
