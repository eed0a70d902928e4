"""The key in Redis before the row: whoever sees somebody else's waits for as long as it can be theirs; without Redis the rows decide."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
import pytest_asyncio

from libs.common.cache import Cache, open_cache
from libs.common.config import Settings
from libs.common.errors import Throttled
from libs.common.events import Meeting
from services.prep.leasing import DEDUP_TTL, acquire_lease
from services.prep.store import preps
from services.prep.store.preps import LEASE
from tests.support.database import Database
from tests.support.prep_alone import PrepAlone, prep_alone
from tests.support.prep_stage import upcoming

SECOND = timedelta(seconds=1)


@pytest_asyncio.fixture
async def prep(module_database: Database, redis_url: str) -> AsyncIterator[PrepAlone]:
    cache = open_cache(Settings(redis_url=redis_url), "prep")
    async with prep_alone(module_database, cache) as alone:
        yield alone
        await alone.db.execute("DELETE FROM preps")
    await cache.close()


def key_of(about: Meeting) -> str:
    return f"{about.account_id}:{about.event_id}:{about.starts_at.astimezone(UTC).isoformat()}"


def keys(prep: PrepAlone) -> Cache:
    return prep.context.cache.in_namespace("meeting_prep")


async def test_the_key_is_set_for_a_day_and_can_be_doubted_when_the_lease_is_over(prep: PrepAlone) -> None:
    about = upcoming()
    stored = await acquire_lease(prep.context, about)
    assert stored is not None
    value = await keys(prep).get(key_of(about))
    assert value is not None
    (row,) = await prep.rows()
    assert abs(datetime.fromisoformat(value.decode()) - row["leased_until"]) < 5 * SECOND
    left = await prep.context.cache.client.pttl(f"meeting_prep:{key_of(about)}")
    assert DEDUP_TTL - timedelta(minutes=1) < timedelta(milliseconds=left) <= DEDUP_TTL


async def test_the_key_is_the_same_in_whatever_zone_the_start_is_written(prep: PrepAlone) -> None:
    about = upcoming()
    elsewhere = about.starts_at.astimezone(timezone(timedelta(hours=5, minutes=45)))
    await acquire_lease(prep.context, about.model_copy(update={"starts_at": elsewhere}))
    assert await keys(prep).get(key_of(about)) is not None


@pytest.mark.parametrize(
    ("value_seconds", "waits"), [(60, True), (20, True), (-1, False), (-3600, False)], ids=lambda value: str(value)
)
async def test_a_key_without_a_row_stops_everybody_until_it_can_be_doubted(
    prep: PrepAlone, value_seconds: int, waits: bool
) -> None:
    about = upcoming()
    until = await prep.db.fetchval("SELECT now()") + timedelta(seconds=value_seconds)
    await keys(prep).put(key_of(about), until.isoformat(), DEDUP_TTL)
    if waits:
        with pytest.raises(Throttled) as busy:
            await acquire_lease(prep.context, about)
        assert busy.value.retry_after is not None
        assert timedelta(0) < busy.value.retry_after <= timedelta(seconds=value_seconds)
        assert await prep.rows() == []
    else:
        assert await acquire_lease(prep.context, about) is not None


async def test_a_key_that_nobody_of_us_wrote_is_honoured_for_as_long_as_it_stands(prep: PrepAlone) -> None:
    about = upcoming()
    await keys(prep).put(key_of(about), "somebody", timedelta(hours=1))
    with pytest.raises(Throttled) as busy:
        await acquire_lease(prep.context, about)
    assert busy.value.retry_after == DEDUP_TTL
    assert await prep.rows() == []


@pytest.mark.parametrize("other", [{"event_id": "another"}, {"minutes": 50}])
async def test_a_key_is_for_one_event_at_one_start(prep: PrepAlone, other: dict[str, object]) -> None:
    await keys(prep).put(key_of(upcoming()), "somebody", timedelta(hours=1))
    about = upcoming(**other)  # type: ignore[arg-type]
    assert await acquire_lease(prep.context, about) is not None


async def test_where_there_is_a_row_the_key_decides_nothing(prep: PrepAlone) -> None:
    about = upcoming()
    assert await acquire_lease(prep.context, about) is not None
    for forgotten in (False, True):
        if forgotten:
            await keys(prep).release(key_of(about))
        with pytest.raises(Throttled) as busy:
            await acquire_lease(prep.context, about)
        assert busy.value.retry_after is not None
        assert LEASE - 20 * SECOND < busy.value.retry_after <= LEASE, "comes back when the lease ends"
    await prep.end_leases()
    again = await acquire_lease(prep.context, about)
    assert again is not None
    assert again.attempt == 2, "the key says otherwise for another 90 s"


async def test_who_finds_it_taken_comes_back_no_sooner_than_after_a_first_pause(
    prep: PrepAlone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.prep.leasing.RETRY_PAUSES", (timedelta(hours=1),))
    about = upcoming()
    assert await acquire_lease(prep.context, about) is not None
    with pytest.raises(Throttled) as busy:
        await acquire_lease(prep.context, about)
    assert busy.value.retry_after == timedelta(hours=1)


@pytest.mark.parametrize(("state", "again"), [("sent", False), ("failed", False), ("skipped", True)])
async def test_what_is_settled_has_no_lease_to_give_except_a_skip(prep: PrepAlone, state: str, again: bool) -> None:
    about = upcoming()
    stored = await acquire_lease(prep.context, about)
    assert stored is not None
    async with prep.db.acquire() as connection:
        await preps.settle(connection, stored, state)  # type: ignore[arg-type]
    assert (await acquire_lease(prep.context, about) is not None) is again


@pytest.mark.parametrize("ends", ["settled", "purged"])
async def test_what_ends_while_it_is_being_acquired_is_left_alone(
    prep: PrepAlone, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """Between the look at the row and the attempt to acquire it."""
    about = upcoming()
    assert await acquire_lease(prep.context, about) is not None

    async def acquire(*_: object) -> None:
        change = "DELETE FROM preps" if ends == "purged" else "UPDATE preps SET state = 'sent'"
        await prep.db.execute(change)

    monkeypatch.setattr(preps, "acquire", acquire)
    assert await acquire_lease(prep.context, about) is None


async def test_without_redis_the_row_alone_keeps_it_to_a_single_brief(module_database: Database) -> None:
    away = open_cache(Settings(redis_url="redis://127.0.0.1:1"), "prep")
    async with prep_alone(module_database, away) as prep:
        assert await acquire_lease(prep.context, upcoming(event_id="without Redis")) is not None
        assert await acquire_lease(prep.context, upcoming(event_id="another")) is not None
        assert len(await prep.rows()) == 2
        await prep.db.execute("DELETE FROM preps")
    await away.close()
