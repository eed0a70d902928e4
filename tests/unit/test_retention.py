"""docs/operating/retention.md has every table and stream, and the places that it names exist."""

import re
from datetime import timedelta

from libs.common.ids import SERVICES
from libs.common.topology import streams
from libs.local import ROOT
from libs.local.schemas import migrations_of

PAGE = (ROOT / "docs" / "operating" / "retention.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]


def tables() -> set[str]:
    """Those that the migrations leave."""
    found: set[str] = set()
    for service in SERVICES:
        for file in sorted(migrations_of(service).glob("*.sql")):
            up = file.read_text().partition("-- migrate:down")[0]
            for verb, name in re.findall(r"^(CREATE|DROP) TABLE (\w+)", up, re.MULTILINE):
                (found.add if verb == "CREATE" else found.discard)(f"{service}.{name}")
    return found


def test_every_table_has_one_row() -> None:
    named = [name for row in ROWS for name in re.findall(r"`(\w+\.\w+)`", row[0])]
    assert sorted(named) == sorted(tables())


def test_every_stream_is_kept_as_long_as_the_page_has_it() -> None:
    named = {row[0].strip("`"): row[1] for row in ROWS if row[0].strip("`").isupper()}
    assert set(named) == {config.name for config in streams(1)}
    for config in streams(1):
        days = re.search(r"(\d+) days", named[str(config.name)])
        assert (timedelta(days=int(days[1])).total_seconds() if days else None) == config.max_age, config.name


def test_whoever_ends_it_exists() -> None:
    for row in ROWS:
        places = re.findall(r"`([^`]+)`", row[2]) if len(row) > 2 else []
        assert places or "for ever" in row[1], row
        assert all((ROOT / place).exists() for place in places), row
