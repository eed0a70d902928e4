"""Parts of `sync` on a real database, with a bus that only keeps what it is given: for what needs neither NATS nor Google."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.db import open_pool
from libs.common.events import Event
from libs.common.google.session import Usage
from libs.common.preferences import Preferences
from services.sync.context import Context
from services.sync.runs.queue import RunQueue
from services.sync.runs.run import Engine
from tests.support.database import Database


@dataclass
class KeepingBus:
    """`published`: in that order. `failure`: what is raised instead. `replies`: to requests, by their type's name."""

    published: list[Event] = field(default_factory=list)
    requested: list[Any] = field(default_factory=list)
    failure: Exception | None = None
    replies: dict[str, Any] = field(default_factory=dict)

    async def publish(self, *events: Event) -> None:
        if self.failure:
            raise self.failure
        self.published += events

    async def request(self, query: Any, **_: Any) -> Any:
        self.requested.append(query)
        default: dict[str, Any] = {
            "GetSettings": SimpleNamespace(version=1, preferences=Preferences()), "ListAccountStates": SimpleNamespace(items=()),
        }  # fmt: skip
        reply = {**default, **self.replies}[type(query).__name__]
        if isinstance(reply, Exception):
            raise reply
        return reply


class NoGoogle:
    """The line of a run that asks nothing of Google: what it has cost is known all the same."""

    def __init__(self, requests: int = 0, units: int = 0) -> None:
        self.usage = Usage(requests, units)
        self.throttle = SimpleNamespace(waiting=False, units_per_second=0.0)


@dataclass
class Parts:
    """What handlers and runs are handed."""

    context: Context
    engine: Engine
    bus: KeepingBus

    async def fetch(self, query: str, *arguments: object) -> list[Any]:
        return await self.context.db.fetch(query, *arguments)


@asynccontextmanager
async def sync_parts(database: Database, google: Callable[[], Any] = NoGoogle, **settings: Any) -> AsyncIterator[Parts]:
    """On this database, with these settings; `google` is the line of each run."""
    used = Settings(postgres_url=database.url_for("sync"), **settings)
    pool = await open_pool(used)
    try:
        bus = KeepingBus()
        accounts = cast(Any, SimpleNamespace(open=lambda _: google()))
        yield Parts(Context(used, pool, cast(Bus, bus), RunQueue()), Engine(used, pool, cast(Bus, bus), accounts), bus)
    finally:
        await pool.close()
