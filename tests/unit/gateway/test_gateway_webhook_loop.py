"""The loop that makes webhook calls: at the start, when it is woken, and otherwise once in a while."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from libs.common.config import Settings
from services.gateway.domain.public_hosts import CallableHosts
from services.gateway.webhook_delivery import sender
from services.gateway.webhook_delivery.sender import WebhookSender


class Unguarded:
    """Stands for the bus, of which the loop needs this alone."""

    async def run_guarded(self, work: Callable[[], Awaitable[Any]]) -> None:
        await work()


class Counted(WebhookSender):
    turns = 0

    async def send_due(self) -> None:
        """The first turn is woken while it is at work."""
        self.turns += 1
        if self.turns == 1:
            self.wake()


def counted() -> Counted:
    nothing = cast(Any, None)
    return Counted(Settings(), nothing, cast(Any, Unguarded()), nothing, CallableHosts(anywhere=True))


async def turns(loop: Counted, count: int) -> None:
    async with asyncio.timeout(10):
        while loop.turns < count:
            await asyncio.sleep(0)


async def test_what_is_notified_of_while_calls_are_made_does_not_wait_for_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 3600)
    loop = counted()
    sending = asyncio.create_task(loop.keep_sending())
    await turns(loop, 2)
    loop.wake()
    await turns(loop, 3)
    sending.cancel()


async def test_what_nobody_woke_it_for_is_found_at_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "POLL_SECONDS", 0.01)
    loop = counted()
    sending = asyncio.create_task(loop.keep_sending())
    await turns(loop, 5)
    sending.cancel()
