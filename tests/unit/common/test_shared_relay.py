"""Who has committed an event at about the same moment as others shares one pass over the outbox with them."""

import asyncio
from typing import Any, cast

import pytest

from libs.common import outbox
from libs.common.errors import Outage
from libs.common.outbox import SharedRelay


class Outbox:
    """What is committed, and what each pass has published; a pass that has begun goes on when `go_on` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.committed: list[str] = []
        self.passes: list[list[str]] = []
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self.error: Exception | None = None
        monkeypatch.setattr(outbox, "relay", self._relay)

    async def _relay(self, *_: Any) -> int:
        found = list(self.committed)
        self.begun.set()
        await self.go_on.wait()
        if self.error:
            raise self.error
        self.committed = self.committed[len(found) :]
        self.passes.append(found)
        return len(found)


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Outbox:
    return Outbox(monkeypatch)


@pytest.fixture
def shared() -> SharedRelay:
    return SharedRelay(cast(Any, None), cast(Any, None))


async def test_whoever_comes_while_a_pass_is_under_way_shares_the_next(waiting: Outbox, shared: SharedRelay) -> None:
    waiting.committed = ["a", "b"]
    early = [asyncio.create_task(shared.relay()) for _ in range(2)]
    await waiting.begun.wait()
    waiting.committed.append("c")
    late = [asyncio.create_task(shared.relay()) for _ in range(20)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in (*early, *late))
    waiting.go_on.set()
    await asyncio.gather(*early, *late)
    assert waiting.passes == [["a", "b"], ["c"]]


async def test_one_after_the_other_has_a_pass_each(waiting: Outbox, shared: SharedRelay) -> None:
    waiting.go_on.set()
    for event in ("a", "b"):
        waiting.committed = [event]
        await shared.relay()
    assert waiting.passes == [["a"], ["b"]]


async def test_a_pass_that_fails_has_failed_for_all_who_wait_for_it_and_the_next_one_is_tried(
    waiting: Outbox, shared: SharedRelay
) -> None:
    waiting.committed, waiting.error = ["a"], Outage("away")
    waiting.go_on.set()
    failed = await asyncio.gather(*(shared.relay() for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in failed] == [Outage] * 3
    waiting.error = None
    await shared.relay()
    assert waiting.passes == [["a"]]


async def test_whoever_is_cancelled_leaves_the_pass_to_the_others(waiting: Outbox, shared: SharedRelay) -> None:
    waiting.committed = ["a"]
    cancelled, other = (asyncio.create_task(shared.relay()) for _ in range(2))
    await waiting.begun.wait()
    cancelled.cancel()
    waiting.go_on.set()
    await other
    assert waiting.passes == [["a"]]
    assert cancelled.cancelled()
