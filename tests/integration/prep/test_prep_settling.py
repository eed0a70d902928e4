"""A brief is settled by who holds its lease, together with its event, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from libs.common.cache import Cache
from libs.common.errors import Outage
from libs.common.events import PrepFailed, PrepSkipped
from services.prep.gathering import get_people
from services.prep.outcomes import TOO_LATE, UNCONFIRMED, fail_abandoned, record_failed, record_sent, record_skipped
from services.prep.store import preps
from services.prep.store.preps import StoredPrep
from tests.support.database import Database
from tests.support.meetings import ACCOUNT_ID, MEETING_ID, USER_ID
from tests.support.prep_alone import PrepAlone, prep_alone
from tests.support.prep_attempts import acquired, acquired_named, brief, cache, prep
from tests.support.prep_stage import upcoming

__all__ = ["cache", "prep"]  # fixtures


async def test_who_lost_the_lease_before_handing_over_sends_nothing(
    prep: PrepAlone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt writes for so long that a second one overtakes it."""
    about = upcoming()
    written, go_on = asyncio.Event(), asyncio.Event()
    calls = 0

    async def slow(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            written.set()
            await go_on.wait()
        return await get_people(*arguments)

    monkeypatch.setattr("services.prep.briefing.get_people", slow)
    late = asyncio.create_task(brief(prep, about))
    await written.wait()
    await prep.end_leases()
    await brief(prep, about)
    before = await prep.rows()
    go_on.set()
    await late
    assert await prep.rows() == before
    assert len(prep.mailbox.raw) == 1
    assert len(prep.bus.published) == 1


Record = Callable[[PrepAlone, StoredPrep], Awaitable[object]]
RECORDS: dict[str, Record] = {
    "sent": lambda prep, stored: record_sent(prep.context, stored, "late"),
    "skipped": lambda prep, stored: record_skipped(prep.context, stored, "disabled"),
    "failed": lambda prep, stored: record_failed(prep.context, stored, "late"),
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
async def test_who_lost_the_lease_settles_and_publishes_nothing(prep: PrepAlone, record: Record) -> None:
    about = upcoming()
    late = await acquired(prep, about)
    await prep.end_leases()
    await acquired(prep, about)
    before = await prep.rows()
    assert await record(prep, late) is None
    assert await prep.rows() == before
    assert prep.bus.published == []
    assert await prep.waiting_events() == 0


async def test_a_brief_is_settled_together_with_its_event_or_not_at_all(database: Database, cache: Cache) -> None:
    async with prep_alone(database, cache) as prep:
        await prep.refuse_events()
        stored = await acquired(prep, upcoming(minutes=-1))
        works: list[Callable[[], Awaitable[object]]] = [
            lambda record=record: record(prep, stored)  # type: ignore[misc]
            for record in RECORDS.values()
        ]
        works.append(lambda: fail_abandoned(prep.context))
        await prep.end_leases()
        before = await prep.rows()
        for work in works:
            with pytest.raises(Exception, match="refused"):
                await work()
            assert await prep.rows() == before
        assert prep.bus.published == []


@pytest.mark.parametrize("record", [*RECORDS.values(), lambda prep, _: fail_abandoned(prep.context)])
async def test_an_event_is_published_at_once_and_waits_where_the_bus_is_away(prep: PrepAlone, record: Record) -> None:
    stored = await acquired(prep, upcoming(minutes=-1))
    await prep.end_leases()
    prep.bus.away = True
    with pytest.raises(Outage):
        await record(prep, stored)
    assert await prep.waiting_events() == 1
    await prep.db.execute("DELETE FROM outbox")
    await prep.db.execute("UPDATE preps SET state = 'sending', reason = ''")
    await prep.end_leases()
    prep.bus.away = False
    await record(prep, stored)
    assert len(prep.bus.published) == 1
    assert await prep.waiting_events() == 0


async def test_a_skip_is_published_once_per_reason(prep: PrepAlone) -> None:
    about = upcoming()
    for reason in ("nobody_known", "nobody_known", "private", "private", "nobody_known"):
        await record_skipped(prep.context, await acquired(prep, about), reason)  # type: ignore[arg-type]
        (row,) = await prep.rows()
        assert (row["state"], row["reason"]) == ("skipped", reason)
    assert [event.reason for event in prep.received(PrepSkipped)] == ["nobody_known", "private", "nobody_known"]
    (first, *_) = prep.received(PrepSkipped)
    assert (first.user_id, first.account_id, first.meeting_id) == (USER_ID, ACCOUNT_ID, MEETING_ID)
    assert first.starts_at == about.starts_at


async def test_abandoned_briefs_fail_with_what_stood_in_the_way(prep: PrepAlone) -> None:
    late, unconfirmed, fresh = (upcoming(minutes=-1, event_id=name) for name in ("late", "unconfirmed", "fresh"))
    stored = await acquired_named(prep, late, "late")
    async with prep.db.acquire() as connection:
        await preps.release(connection, stored, "Gmail was away.")
        await preps.acquire(connection, late, "")
        handed_over = await acquired_named(prep, unconfirmed, "unconfirmed")
        await connection.execute("UPDATE preps SET handed_over_at = now() WHERE id = $1", handed_over.id)
    await prep.end_leases()
    await acquired_named(prep, fresh, "fresh")
    await fail_abandoned(prep.context)
    rows = {row["event_id"]: (row["state"], row["reason"]) for row in await prep.rows()}
    assert rows == {
        "late": ("failed", f"{TOO_LATE} Gmail was away."),
        "unconfirmed": ("failed", UNCONFIRMED),
        "fresh": ("sending", ""),
    }
    assert {event.error for event in prep.received(PrepFailed)} == {f"{TOO_LATE} Gmail was away.", UNCONFIRMED}
    (event, _) = prep.received(PrepFailed)
    assert (event.user_id, event.account_id, event.meeting_id, event.title) == (
        USER_ID, ACCOUNT_ID, MEETING_ID, "Pricing review",
    )  # fmt: skip
    assert event.starts_at in (late.starts_at, unconfirmed.starts_at)
