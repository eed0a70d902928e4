"""Advisory locks are the whole database's: a service that locks a user by the bare id waits for the work of the others."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
_LOCK = re.compile(r"pg_(?:try_)?advisory_\w+\((.*)")


def test_every_advisory_lock_carries_the_name_of_its_service() -> None:
    found, nameless = 0, []
    for source in sorted((ROOT / "services").rglob("*.*")):
        if source.suffix not in (".py", ".sql"):
            continue
        service = source.relative_to(ROOT / "services").parts[0]
        for key in _LOCK.findall(source.read_text()):
            found += 1
            if f"hashtextextended('{service}." not in key:
                nameless.append(f"{source.relative_to(ROOT)}: {key}")
    assert found > 3
    assert nameless == []
