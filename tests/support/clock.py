"""A module's clock that stands still until a test moves it on: a minute that ends in the middle of a test decides nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from types import ModuleType

import pytest


@dataclass
class Clock:
    """What `datetime.now` returns in the module."""

    now: datetime


def stop_clock(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> Clock:
    """The module's clock, stopped at this moment."""
    clock = Clock(datetime.now(UTC))

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock.now.astimezone(tz)

    monkeypatch.setattr(module, "datetime", Stopped)
    return clock
