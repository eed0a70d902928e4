"""Tries that follow each other fast, and a retry budget that is short enough for tests."""

import pytest

from libs.common.google import retries


@pytest.fixture
def quick_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick tries, for as long as there are usually."""
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.02)


@pytest.fixture
def impatient(quick_tries: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second of quick tries, for what is to be given up."""
    monkeypatch.setattr(retries, "RETRY_BUDGET_SECONDS", 0.5)
