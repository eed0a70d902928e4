"""An attempt at a brief, with a mailbox of plain values and a Redis that is away."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from libs.common.cache import Cache, open_cache
from libs.common.config import Settings
from libs.common.events import Meeting
from libs.common.resources.gmail import GmailMessage
from services.prep.briefing import brief_once
from services.prep.domain.rules import SkipReason
from services.prep.store import preps
from services.prep.store.preps import StoredPrep
from tests.support.database import Database
from tests.support.prep_alone import PrepAlone, prep_alone

AWAY = "redis://127.0.0.1:1"


@pytest_asyncio.fixture
async def cache() -> AsyncIterator[Cache]:
    """A Redis that is away: what is promised here is kept by the rows alone."""
    cache = open_cache(Settings(redis_url=AWAY), "prep")
    yield cache
    await cache.close()


@pytest_asyncio.fixture
async def prep(module_database: Database, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PrepAlone]:
    async def away(*_: object) -> None:
        return None

    monkeypatch.setattr("services.prep.leasing._set_dedup_key", away)  # as where Redis is away, without its retries
    async with prep_alone(module_database, cache) as alone:
        yield alone
        await alone.db.execute("DELETE FROM preps")
        await alone.db.execute("DELETE FROM outbox")


def raising(error: Exception) -> Callable[[], Awaitable[str]]:
    async def send() -> str:
        raise error

    return send


def in_sent(prep: PrepAlone, token: str) -> None:
    """The brief with this token is in Sent."""
    headers = {"x-pingcrm-prep": (token,)}
    prep.mailbox.sent = [GmailMessage("found1", "t", None, frozenset(), None, "", headers, "")]


async def acquired(prep: PrepAlone, about: Meeting) -> StoredPrep:
    async with prep.db.acquire() as connection:
        stored = await preps.acquire(connection, about, "pcrm" + "a" * 20)
    assert stored is not None
    return stored


async def brief(prep: PrepAlone, about: Meeting, obstacle: SkipReason | None = None) -> None:
    """One attempt at the brief of a meeting that stands."""
    prep.meetings = [about]
    await brief_once(prep.context, about, obstacle)


async def acquired_named(prep: PrepAlone, about: Meeting, token: str) -> StoredPrep:
    async with prep.db.acquire() as connection:
        stored = await preps.acquire(connection, about, token)
    assert stored is not None
    return stored
