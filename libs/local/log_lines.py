"""What the services of a data folder have logged: read, chosen and written as JSON or logfmt. Pure but for the reading."""

import heapq
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from libs.common.log_schema import LEVELS

Line = Mapping[str, Any]

FIRST = ("time", "level", "service", "event")
_PLAIN = re.compile(r'[^\s"=\\\x00-\x1f]+')


@dataclass(frozen=True)
class Choice:
    """Which lines: of these services and events (empty: of all), from this level on, of this trace (empty: of any)."""

    services: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    level: str = "debug"
    trace: str = ""

    def has(self, line: Line) -> bool:
        return (
            (not self.services or line.get("service") in self.services)
            and (not self.events or line["event"] in self.events)
            and _rank(line) >= LEVELS.index(self.level)
            and (not self.trace or line.get("trace") == self.trace)
        )


def _rank(line: Line) -> int:
    level = line.get("level")
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)  # a library's "critical"


def read_lines(data_dir: Path) -> Iterator[Line]:
    """Every line that is ours, of all files, in the order of time. What servers and Python itself printed is left out."""
    files = sorted((data_dir / "logs").glob("*.log"))
    return heapq.merge(*map(_lines_of, files), key=itemgetter("time"))


def _lines_of(file: Path) -> Iterator[Line]:
    with file.open(encoding="utf-8", errors="replace") as text:
        for written in text:
            if line := _parsed(written):
                yield line


def _parsed(written: str) -> Line | None:
    if not written.startswith("{"):
        return None
    try:
        line = json.loads(written)
    except json.JSONDecodeError:  # the last line of a process that was killed
        return None
    return line if isinstance(line.get("time"), str) and isinstance(line.get("event"), str) else None


def as_json(line: Line) -> str:
    return json.dumps(line, ensure_ascii=False)


def as_logfmt(line: Line) -> str:
    """`time=… level=… service=… event=…`, then the other fields. What is not plain is quoted as JSON quotes it."""
    names: Iterable[str] = (*(name for name in FIRST if name in line), *(name for name in line if name not in FIRST))
    return " ".join(f"{name}={_value(line[name])}" for name in names)


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
