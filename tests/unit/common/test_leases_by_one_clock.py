"""Leases begin and end by the database's clock, whichever service they are of: by their own, machines do not agree whose turn it is."""

import re
from pathlib import Path

import pytest

from libs.local import ROOT

# Until when something is held, in the tables of all services.
COLUMNS = ("lease_until", "leased_until", "refresh_until")
_USE = re.compile(rf"\b({'|'.join(COLUMNS)})\s*(?:=|<=|>=|<|>)\s*([^\n]*)")
_BY_ONE_CLOCK = re.compile(r"now\(\)|NULL\b|excluded\.|'-infinity'")
# The lease of a webhook call is its `due_at`, which the store is handed.
WEBHOOKS = ("services/gateway/webhook_delivery/due_calls.py", "services/gateway/handlers/contact_changes.py")
FILES = [
    path
    for path in sorted((ROOT / "services").glob("*/store/*.py"))
    if any(column in path.read_text() for column in COLUMNS) and not path.name.startswith("webhook_")
]


def not_by_the_database(text: str) -> list[str]:
    """What these columns are compared with or set to that is not the database's own time."""
    return [use[0] for use in _USE.finditer(text) if not _BY_ONE_CLOCK.match(use[2])]


def test_what_is_looked_for_is_found() -> None:
    assert not_by_the_database("SET lease_until = $1, holder = $2") == ["lease_until = $1, holder = $2"]
    assert not_by_the_database("WHERE leased_until <= $1") == ["leased_until <= $1"]
    assert not_by_the_database("WHERE leased_until <= now() AND x") == []
    assert not_by_the_database("SET refresh_until = now() + $3\n, lease_until = NULL") == []
    assert {path.parts[-3] for path in FILES} == {"auth", "gateway", "prep", "sync"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_a_lease_is_by_the_clock_of_the_database(path: Path) -> None:
    assert not_by_the_database(path.read_text()) == []


@pytest.mark.parametrize("path", WEBHOOKS)
def test_calls_of_webhooks_are_leased_by_the_clock_of_the_database(path: str) -> None:
    text = (ROOT / path).read_text()
    assert "get_time(" in text
    assert "now(" not in text
