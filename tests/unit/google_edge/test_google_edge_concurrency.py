"""How many requests of a mailbox are under way at once, near to Google and far from it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from libs.common.google import quota
from libs.common.google.quota import Mailbox, Throttle
from libs.common.ids import AccountId, new_id
from libs.common.resources.gmail import FetchItem
from libs.google_sim.faults import Rule
from tests.support.google_edge import edge
from tests.support.sync_stage import maya, message

BATCH = 20


def a_mailbox() -> Mailbox:
    return Mailbox(AccountId(new_id()), None, Throttle(0), concurrency=10, parts_per_slot=10)


@asynccontextmanager
async def waiting_batches(mailbox: Mailbox, count: int = 30) -> AsyncIterator[list[int]]:
    """So many batches that take for ever; the list grows by the number of each that is under way."""
    under_way: list[int] = []

    async def request(number: int) -> None:
        async with mailbox.requesting(BATCH):
            under_way.append(number)
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(request(number)) for number in range(count)]
    for _ in range(10 * count):
        await asyncio.sleep(0)
    try:
        yield under_way
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_close_to_google_a_batch_counts_for_the_calls_that_it_carries_out_at_a_time() -> None:
    mailbox = a_mailbox()
    async with waiting_batches(mailbox) as under_way:
        assert len(under_way) == 5, "as long as nothing is known"
    mailbox.response_times.note(1, 0.002)
    mailbox.response_times.note(BATCH, 0.020)
    async with waiting_batches(mailbox) as under_way:
        assert len(under_way) == 5


async def test_far_from_google_more_batches_are_under_way_but_never_more_than_a_mailbox_may_have() -> None:
    mailbox = a_mailbox()
    mailbox.response_times.note(1, 0.200)
    mailbox.response_times.note(BATCH, 0.210)
    async with waiting_batches(mailbox) as under_way:
        assert len(under_way) == 10


async def test_once_google_has_had_too_much_it_gets_less_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    mailbox = a_mailbox()
    mailbox.response_times.note(1, 0.200)
    mailbox.response_times.note(BATCH, 0.210)
    mailbox.response_times.refused()
    async with waiting_batches(mailbox) as under_way:
        assert len(under_way) == 5
    now = quota.monotonic() + 61
    monkeypatch.setattr(quota, "monotonic", lambda: now)
    async with waiting_batches(mailbox) as under_way:
        assert len(under_way) == 10


async def test_a_page_of_the_listing_does_not_wait_behind_all_batches_that_wait() -> None:
    mailbox = a_mailbox()
    order: list[str] = []

    async def request(name: str, parts: int) -> None:
        async with mailbox.requesting(parts):
            await asyncio.sleep(0.02)
            order.append(name)

    batches = [asyncio.create_task(request(f"batch {number}", BATCH)) for number in range(20)]
    await asyncio.sleep(0.01)
    await asyncio.gather(request("page", 1), *batches)
    assert order.index("page") <= 7, "those under way, and the next one"


async def test_the_way_to_google_is_learned_from_what_its_responses_take() -> None:
    items = [FetchItem(f"{number:016x}", whole_thread=False) for number in range(60)]
    async with edge(maya([message(number) for number in range(60)]), google_batch_size=BATCH) as (account, google, _):
        google.world.faults.set([Rule("gmail", "latency", milliseconds=800)], 0)
        await account.calendar.events("primary", since=None, until=None, sync_token=None, page=None)
        await account.gmail.profile()
        await account.gmail.batch_get(items)
        times = account._session.mailbox.response_times
    assert times.shortest >= 0.8, "other APIs are not asked"
    assert times.working_share < 0.5
