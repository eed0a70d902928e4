"""Patience that is short enough for tests."""

import pytest

from libs.common.google import patience


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second of patience, and quick tries."""
    monkeypatch.setattr(patience, "RETRY_BUDGET_SECONDS", 0.5)
    monkeypatch.setattr(patience, "FIRST_PAUSE_SECONDS", 0.02)
