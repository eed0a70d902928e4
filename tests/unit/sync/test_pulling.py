"""Pulling notifications: at once where they come, and in peace where none does."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from libs.common.events import Event
from libs.common.google.pubsub import Received, Subscription
from services.sync.context import Context
from services.sync.handlers import requests


@dataclass
class AnsweringAtOnce:
    """A subscription that holds no empty pull open; `waiting` messages are given out one a pull."""

    waiting: int = 0
    hold_seconds: float = 0.0
    pulled_at: list[float] = field(default_factory=list)

    async def pull(self) -> list[Received]:
        self.pulled_at.append(asyncio.get_running_loop().time())
        if not self.waiting:
            await asyncio.sleep(self.hold_seconds)
            return []
        self.waiting -= 1
        return [Received(str(self.waiting), {})]

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        pass


class Bus:
    async def ping(self) -> None:
        pass

    async def publish(self, *events: Event) -> None:
        pass


async def pulls(subscription: AnsweringAtOnce, seconds: float) -> int:
    """How many requests are made in that time."""
    before = len(subscription.pulled_at)
    context = cast(Context, SimpleNamespace(bus=Bus()))
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await requests.keep_pulling(context, cast(Subscription, subscription))
    return len(subscription.pulled_at) - before


async def test_a_subscription_that_answers_at_once_is_left_in_peace() -> None:
    assert requests.FIRST_IDLE_SECONDS >= 1
    assert await pulls(AnsweringAtOnce(), 3.5) == 3, "at 0, 1 and 3 seconds"


@pytest.fixture
def hundredfold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "FIRST_IDLE_SECONDS", 0.01)
    monkeypatch.setattr(requests, "LONGEST_IDLE_SECONDS", 0.05)


@pytest.mark.usefixtures("hundredfold")
async def test_the_pause_grows_to_some_seconds_and_no_further() -> None:
    subscription = AnsweringAtOnce()
    assert 8 <= await pulls(subscription, 0.6) <= 15


async def test_messages_are_pulled_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "FIRST_IDLE_SECONDS", 0.2)
    subscription = AnsweringAtOnce(waiting=100)
    assert await pulls(subscription, 0.15) == 101, "and one that brought nothing"


@pytest.mark.usefixtures("hundredfold")
async def test_a_pull_that_google_held_open_is_followed_by_the_next_at_once() -> None:
    subscription = AnsweringAtOnce(hold_seconds=0.1)
    assert 4 <= await pulls(subscription, 0.55) <= 6
