"""What the background loops of sync do, and at which pauses. No time passes here: what is waited for is written down."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from services.sync.context import Context
from services.sync.handlers import audits, meetings, runs, schedules

Loop = Callable[[Context], Awaitable[None]]


@pytest.mark.parametrize(
    ("module", "loop", "work", "expected"),
    [
        (meetings, meetings.keep_scanning, "scan_overdue", [5.0, "scan_overdue"] * 3),
        (audits, audits.keep_auditing, "request_due_audits", [15.0, "request_due_audits"] * 3),
        (runs, runs.keep_deleting_old, "delete_old", ["delete_old", 3600.0] * 3),
        (schedules, schedules.keep_polling, "poll_due", [3.0, "poll_due 0:01:00"] * 3),
    ],
)
async def test_a_loop_does_its_work_again_and_again_whatever_comes_of_it(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, loop: Loop, work: str, expected: list[Any]
) -> None:
    happened: list[Any] = []

    def happens(what: Any) -> None:
        if len(happened) == len(expected):
            raise asyncio.CancelledError
        happened.append(what)

    async def sleep(seconds: float) -> None:
        happens(seconds)

    async def worked(_: Context, *arguments: Any) -> None:
        happens(" ".join([work, *map(str, arguments)]))
        raise ValueError("a bug")

    async def run_guarded(guarded: Callable[[], Awaitable[None]]) -> None:
        with suppress(ValueError):
            await guarded()

    monkeypatch.setattr(module, work, worked)
    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(schedules, "uniform", lambda low, high: (low + high) / 2)
    settings = SimpleNamespace(mail_poll_seconds=60)
    with suppress(asyncio.CancelledError):
        await loop(cast(Context, SimpleNamespace(bus=SimpleNamespace(run_guarded=run_guarded), settings=settings)))
    assert happened == expected


@pytest.mark.parametrize(("every", "look"), [(60, 3.0), (10, 0.5), (3600, 5.0)])
async def test_mailboxes_are_looked_at_several_times_within_a_pause_of_theirs(
    monkeypatch: pytest.MonkeyPatch, every: int, look: float
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        raise asyncio.CancelledError

    monkeypatch.setattr(schedules, "asyncio", SimpleNamespace(sleep=sleep))
    for _ in range(20):
        with suppress(asyncio.CancelledError):
            await schedules.keep_polling(
                cast(Context, SimpleNamespace(settings=SimpleNamespace(mail_poll_seconds=every)))
            )
    assert all(0.8 * look <= seconds <= 1.2 * look for seconds in waited)
    assert len(set(waited)) > 1, "not all replicas in the same moment"


async def test_where_polling_is_off_nothing_is_polled() -> None:
    await schedules.keep_polling(cast(Context, SimpleNamespace(settings=SimpleNamespace(mail_poll_seconds=0))))
