"""A retry budget that is short enough for tests."""

import pytest

from libs.common.google import retries


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second of retries, and quick tries."""
    monkeypatch.setattr(retries, "RETRY_BUDGET_SECONDS", 0.5)
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.02)
