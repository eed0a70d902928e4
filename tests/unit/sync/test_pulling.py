"""Pulling notifications: at once where they come, in peace where none does, and ever more seldom where Google refuses.

No time passes here: what is waited for is written down.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from libs.common.errors import Outage
from libs.common.events import Event
from libs.common.google.oauth import Misconfigured
from libs.common.google.pubsub import Received, Subscription
from services.sync.context import Context
from services.sync.handlers import requests


@dataclass
class Clock:
    """The time of a loop that passes only where somebody waits, and how long each of them did."""

    now: float = 0.0
    waited: list[float] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += max(seconds, 0)


@dataclass
class Pulled:
    """A subscription: each pull brings so many messages or fails, after so many seconds; then the test is over."""

    clock: Clock
    brings: list[int | Exception]
    hold_seconds: float = 0.0

    async def pull(self) -> list[Received]:
        if not self.brings:
            raise asyncio.CancelledError
        self.clock.now += self.hold_seconds
        found = self.brings.pop(0)
        if isinstance(found, Exception):
            raise found
        return [Received(str(number), {}) for number in range(found)]

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        pass


class Bus:
    async def ping(self) -> None:
        pass

    async def publish(self, *events: Event) -> None:
        pass


async def pauses(
    monkeypatch: pytest.MonkeyPatch, brings: list[int | Exception], hold_seconds: float = 0.0
) -> list[float]:
    """How long is waited after each of these pulls; 0 or less: not at all."""
    clock = Clock()
    monkeypatch.setattr(
        requests,
        "asyncio",
        SimpleNamespace(sleep=clock.sleep, get_running_loop=lambda: clock, CancelledError=asyncio.CancelledError),
    )
    monkeypatch.setattr(requests, "uniform", lambda low, high: (low + high) / 2)
    context = cast(Context, SimpleNamespace(bus=Bus()))
    with suppress(asyncio.CancelledError):
        await requests.keep_pulling(context, cast(Subscription, Pulled(clock, brings, hold_seconds)))
    return clock.waited


async def test_a_subscription_that_answers_at_once_is_pulled_at_pauses_that_grow_to_some_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await pauses(monkeypatch, [0] * 6) == [1, 2, 4, 5, 5, 5]


async def test_messages_are_pulled_without_a_pause_and_the_next_one_is_short_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await pauses(monkeypatch, [0, 0, 100, 3, 1, 0, 0]) == [1, 2, 1, 2]


async def test_a_pull_that_google_held_open_is_followed_by_the_next_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(pause <= 0 for pause in await pauses(monkeypatch, [0] * 5, hold_seconds=90))
    assert (await pauses(monkeypatch, [0], hold_seconds=0.25)) == [0.75], "what is left of the pause"


@pytest.mark.parametrize("error", [Misconfigured("Check the key."), Outage("Google is away."), ValueError("a bug")])
async def test_while_pulling_fails_it_is_tried_ever_more_seldom_until_it_succeeds(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    assert await pauses(monkeypatch, [error] * 8) == [1, 2, 4, 8, 16, 32, 60, 60]
    assert await pauses(monkeypatch, [error, error, 1, error]) == [1, 2, 1]


async def test_without_a_subscription_nothing_is_pulled() -> None:
    await requests.keep_pulling(cast(Context, SimpleNamespace(bus=Bus())), None)
