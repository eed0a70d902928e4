"""A clock for services that are processes: it stands still at the moment that a file holds, until the test writes another one.

The database's clock, which leases and pauses go by, stays the real one: a day of the test passes in a second of theirs.
"""

import sys
from datetime import datetime, tzinfo
from importlib import import_module
from pathlib import Path
from typing import Any

CLOCK = "clock"
# What decides by the time of day: which meetings begin soon, whether a brief is still of use, what it says.
DRIVEN_PACKAGE = "services.prep."
DRIVEN_MODULES = ("services.sync.runs.run", "services.sync.calendar.prep_scan")


def set_clock(folder: Path, moment: datetime) -> None:
    """From now on it is that moment for all processes that look at the clock of this folder."""
    written = folder / f"{CLOCK}.next"
    written.write_text(moment.isoformat())
    written.replace(folder / CLOCK)


def follow_clock(folder: Path) -> None:
    """In this process `datetime.now` goes by the clock of the folder, where there is one."""
    file = folder / CLOCK
    if not file.exists():
        return

    class Driven(metaclass=InAllElse):
        @staticmethod
        def now(tz: tzinfo | None = None) -> datetime:
            return datetime.fromisoformat(file.read_text()).astimezone(tz)

    names = [name for name in sys.modules if name.startswith(DRIVEN_PACKAGE)]
    for name in (*DRIVEN_MODULES, *names):
        module = import_module(name)
        if vars(module).get("datetime") is datetime:
            vars(module)["datetime"] = Driven


class InAllElse(type):
    """The type of a class that is `datetime` in all else."""

    def __getattr__(cls, name: str) -> Any:
        return getattr(datetime, name)

    def __call__(cls, *values: Any, **named: Any) -> datetime:
        return datetime(*values, **named)  # noqa: DTZ001 - whatever it is called with

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime)
