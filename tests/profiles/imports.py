"""What modules cost when they are imported, by package: CPU and memory, without that of what they import in turn.

python -m tests.profiles.imports MODULE …     (services.sync.__main__, libs.local.cli)
"""

import importlib
import importlib._bootstrap
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHOWN = 25
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
OWN = ("libs", "services")  # shown by their sub-packages


@dataclass
class Cost:
    """`seconds` of CPU; `memory_bytes` by which the process grew; how many modules."""

    seconds: float = 0
    memory_bytes: int = 0
    modules: int = 0

    def add(self, seconds: float, memory_bytes: int) -> None:
        self.seconds += seconds
        self.memory_bytes += memory_bytes


def profile(modules: list[str]) -> dict[str, Cost]:
    """Import them; the cost of each package."""
    costs: defaultdict[str, Cost] = defaultdict(Cost)
    within: list[Cost] = []  # what the modules cost that are imported by those that are being imported
    load: Callable[[Any], Any] = importlib._bootstrap._load_unlocked  # type: ignore[attr-defined]

    def measured(spec: Any) -> Any:
        began, had = time.process_time(), _resident_bytes()
        within.append(Cost())
        try:
            return load(spec)
        finally:
            seconds, grown, inner = time.process_time() - began, _resident_bytes() - had, within.pop()
            own = costs[_package(spec.name)]
            own.add(seconds - inner.seconds, grown - inner.memory_bytes)
            own.modules += 1
            if within:
                within[-1].add(seconds, grown)

    importlib._bootstrap._load_unlocked = measured  # type: ignore[attr-defined]
    for module in modules:
        importlib.import_module(module)
    return costs


def _package(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] in OWN else parts[0]


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def _line(name: str, cost: Cost) -> str:
    return f"{name:28} {cost.seconds * 1000:7.0f} ms {cost.memory_bytes / 1e6:7.1f} MB {cost.modules:5} modules\n"


def main(modules: list[str]) -> None:
    """Print the dearest packages, and all together."""
    costs = profile(modules)
    for name, cost in sorted(costs.items(), key=lambda item: -item[1].memory_bytes)[:SHOWN]:
        sys.stdout.write(_line(name, cost))
    whole = Cost(
        sum(cost.seconds for cost in costs.values()),
        sum(cost.memory_bytes for cost in costs.values()),
        sum(cost.modules for cost in costs.values()),
    )
    sys.stdout.write(_line("everything", whole))


if __name__ == "__main__":
    main(sys.argv[1:])
