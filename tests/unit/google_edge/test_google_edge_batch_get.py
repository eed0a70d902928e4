"""Getting many messages and threads at once: in batches, with whatever fails along the way."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from libs.common.errors import Outage, Throttled
from libs.common.google.api import GoogleAccount
from libs.common.google.batch_get import FetchResult, _most_units
from libs.common.google.errors import (
    DailyLimit,
    Gone,
    GoogleError,
    MissingScope,
    NotReady,
    Rejected,
    Unauthorized,
)
from libs.common.google.quota import Priority
from libs.common.resources.gmail import FetchItem
from libs.google_sim.faults import Rule
from libs.google_sim.server import GoogleServer
from tests.support.google_edge import edge
from tests.support.sync_stage import ADDRESS, maya, message

MAILBOX = maya([message(number, thread=number - number % 3) for number in range(60)])
SINGLE = [FetchItem(f"{number:016x}", whole_thread=False) for number in range(30)]
THREADS = [FetchItem(f"{number:016x}", whole_thread=True) for number in range(30, 60, 3)]
ITEMS = [*SINGLE, *THREADS]


def shown(results: list[FetchResult]) -> list[object]:
    """Numbers of messages, or the kind of failure."""
    return [
        type(result) if isinstance(result, Exception) else [int(found.gmail_id or "", 16) for found in result]
        for result in results
    ]


EVERYTHING = [[number] for number in range(30)] + [[number, number + 1, number + 2] for number in range(30, 60, 3)]


def calls_by_method(google: GoogleServer) -> Counter[str]:
    """Calls by method, each part of a batch counts."""
    known = google.world.counters.methods[ADDRESS].items()
    return Counter({name.removeprefix("gmail.users."): counter.requests for name, counter in known})


async def test_messages_and_threads_come_in_the_order_of_the_items_in_few_requests() -> None:
    async with edge(MAILBOX, google_batch_size=15) as (account, google, _):
        assert shown(await account.gmail.batch_get(ITEMS)) == EVERYTHING
        assert google.world.counters.http == account.usage.requests == 3
        assert account.usage.units == 30 * 20 + 10 * 40
        assert await account.gmail.batch_get([]) == []


async def test_a_batch_of_a_single_item_is_a_plain_request() -> None:
    async with edge(MAILBOX, google_batch_size=1) as (account, google, _):
        assert shown(await account.gmail.batch_get(ITEMS)) == EVERYTHING
        assert google.world.counters.http == 40
        assert account.usage.units == 30 * 20 + 10 * 40


async def test_what_comes_is_the_same_either_way() -> None:
    async with edge(MAILBOX, google_batch_size=1) as (alone, _, _), edge(MAILBOX) as (together, _, _):
        assert await alone.gmail.batch_get(ITEMS) == await together.gmail.batch_get(ITEMS)


@pytest.mark.parametrize(
    "kind",
    ["403rate", "429", "retry_after", "5xx", "reset", "truncated", "invalid_json", "401", "400precondition", "latency"],
)
async def test_parts_that_fail_passingly_are_requested_again_and_only_they(kind: str, quick_tries: None) -> None:
    async with edge(MAILBOX, google_batch_size=20) as (account, google, _):
        faults = [Rule("(messages|threads).get$", kind, first=4, skip=3, seconds=0, milliseconds=10)]  # type: ignore[arg-type]
        google.world.faults.set(faults, 0)
        assert shown(await account.gmail.batch_get(ITEMS)) == EVERYTHING
        again = 0 if kind == "latency" else 4
        lost = 4 if kind in ("reset", "truncated", "invalid_json") else 0  # inside a batch these never reach the method
        assert calls_by_method(google).total() == len(ITEMS) + again - lost
        assert account.usage.units == 30 * 20 + 10 * 40 + again * 20


@pytest.mark.parametrize("kind", ["403rate", "429", "retry_after", "5xx", "reset", "truncated", "invalid_json", "401"])
async def test_a_batch_that_fails_as_a_whole_is_requested_again(kind: str, quick_tries: None) -> None:
    async with edge(MAILBOX, google_batch_size=20) as (account, google, _):
        google.world.faults.set([Rule("/batch/", kind, first=1, seconds=0)], 0)  # type: ignore[arg-type]
        assert shown(await account.gmail.batch_get(ITEMS)) == EVERYTHING


@pytest.mark.parametrize("kind", ["404", "400precondition"])
async def test_a_batch_that_google_refuses_as_a_whole_is_taken_apart(kind: str, impatient: None) -> None:
    async with edge(MAILBOX, google_batch_size=20) as (account, google, _):
        google.world.faults.set([Rule("/batch/", kind, first=3)], 0)  # type: ignore[arg-type]
        assert shown(await account.gmail.batch_get(ITEMS)) == EVERYTHING


@pytest.mark.parametrize("size", [1, 20])
@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("404", Gone),
        ("400precondition", NotReady),
        ("5xx", Outage),
        ("invalid_json", Outage),
        ("429", Throttled),
        ("daily", DailyLimit),
    ],
)
async def test_what_can_t_be_had_has_its_reason_and_the_others_come(
    kind: str, outcome: type[Exception], size: int, impatient: None
) -> None:
    bad = {2, 17, 33}
    async with edge(MAILBOX, google_batch_size=size) as (account, google, _):
        pattern = "|".join(f"{number:016x}$" for number in bad)
        google.world.faults.set([Rule(pattern, kind)], 0)  # type: ignore[arg-type]
        results = shown(await account.gmail.batch_get(ITEMS))
    expected: list[object] = [outcome if numbers[0] in bad else numbers for numbers in EVERYTHING]
    assert results == expected


async def test_an_id_that_gmail_never_gave_touches_nothing_else() -> None:
    odd = [FetchItem(text, whole_thread=False) for text in ("../x", "a b\r\nX: y", "ü", "?q=1", "x" * 200)]
    async with edge(MAILBOX) as (account, _, _):
        results = await account.gmail.batch_get([*odd, SINGLE[0]])
    assert shown(results)[-1] == [0]
    assert all(isinstance(result, Gone | Rejected) for result in results[:-1])


async def test_a_long_wait_that_a_call_is_given_is_not_slept_through_by_the_others() -> None:
    async with edge(MAILBOX, google_batch_size=1, google_concurrency=1) as (account, google, _):
        google.world.faults.set([Rule("messages.get$", "retry_after", first=1, seconds=3600)], 0)
        async with asyncio.timeout(2):
            results = await account.gmail.batch_get(SINGLE[:3])
        assert isinstance(results[0], Throttled)
        async with asyncio.timeout(2):
            (later,) = await account.gmail.batch_get(SINGLE[:1])
        assert isinstance(later, Throttled)
        assert later.retry_after is not None
        assert later.retry_after.total_seconds() > 3590


@pytest.mark.parametrize(
    ("priority", "messages_per_second", "sizes"),
    [("backfill", 15, [6, 6, 6, 6, 6]), ("backfill", 0, [20, 10]), ("live", 15, [20, 10])],
)
async def test_an_import_requests_no_more_at_a_time_than_its_quota_gives_in_a_moment(
    priority: Priority, messages_per_second: int, sizes: list[int]
) -> None:
    async with edge(MAILBOX, google_batch_size=20) as (account, _, _):
        session, getter = account.at(priority)._session, account.gmail._batch_getter
        session.mailbox.throttle.units_per_second = float(messages_per_second * getter.message.units)
        assert [len(some) for some in getter._divided(SINGLE, _most_units(session))] == sizes


async def test_the_day_s_quota_states_when_it_ends() -> None:
    async with edge(MAILBOX) as (account, google, _):
        google.world.faults.set([Rule("messages.get$", "daily")], 0)
        results = await account.gmail.batch_get(SINGLE[:3])
        assert all(isinstance(result, DailyLimit) and result.ends_at > datetime.now(UTC) for result in results)
        assert google.world.counters.http == 1


async def refusal(account: GoogleAccount) -> GoogleError:
    with pytest.raises(GoogleError) as refused:
        await account.gmail.batch_get(ITEMS)
    return refused.value


async def test_what_ends_the_account_s_work_is_raised(impatient: None) -> None:
    async with edge(MAILBOX, scopes=("openid",)) as (account, _, _):
        assert isinstance(await refusal(account), MissingScope)
    async with edge(MAILBOX) as (account, google, _):
        google.world.faults.set([Rule("threads.get$", "401")], 0)
        assert isinstance(await refusal(account), Unauthorized)


async def test_too_many_at_once_is_no_failure(quick_tries: None) -> None:
    async with edge(MAILBOX, google_batch_size=10) as (account, google, _):
        google.world.concurrency.limit = 12
        google.world.faults.set([Rule("/batch/", "latency", milliseconds=20)], 0)
        assert shown(await account.gmail.batch_get(ITEMS)) == EVERYTHING
        assert google.world.counters.http > 4  # some parts were refused, and requested again


async def test_no_more_is_under_way_than_a_mailbox_may_have() -> None:
    async with edge(MAILBOX, google_batch_size=5, google_batch_parts_per_slot=1, google_concurrency=10) as (
        account,
        google,
        _,
    ):
        google.world.concurrency.limit = 10
        google.world.faults.set([Rule("/batch/", "latency", milliseconds=20)], 0)
        assert shown(await account.gmail.batch_get(ITEMS)) == EVERYTHING
        assert google.world.counters.http == 8  # nothing was refused
