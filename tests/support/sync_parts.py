"""Parts of `sync` on a real database, with a bus that only keeps what it is given: for what needs neither NATS nor Google."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.db import open_pool
from libs.common.events import Event, Kind, Reason
from libs.common.google.session import Usage
from libs.common.ids import AccountId, UserId, new_id
from libs.common.preferences import Preferences
from services.sync.context import Context
from services.sync.domain.runs import RunRequest
from services.sync.runs.queue import RunQueue
from services.sync.runs.run import Engine, Run
from services.sync.runs.worker import Worker
from services.sync.store import meetings as meeting_store
from tests.support.database import Database
from tests.support.sync_tables import NOW, add_account, add_row, meeting

MAYA = UserId(new_id())


@dataclass
class KeepingBus:
    """`published`: in that order. `failure`: what is raised instead. `replies`: to requests, by their type's name."""

    service = "sync"
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


async def add(parts: Parts, user_id: UserId = MAYA, **columns: Any) -> AccountId:
    async with parts.context.db.acquire() as connection:
        return await add_account(connection, user_id, **columns)


async def insert(parts: Parts, table: str, **columns: Any) -> None:
    async with parts.context.db.acquire() as connection:
        await add_row(connection, table, **columns)


async def add_run(parts: Parts, account_id: AccountId, kind: Kind = "mail", **columns: Any) -> Any:
    values = {
        "run_id": new_id(),
        "user_id": MAYA,
        "account_id": account_id,
        "kind": kind,
        "reason": "user",
        "state": "queued",
        **columns,
    }
    await insert(parts, "runs", **values)
    return values["run_id"]


async def unfinished(parts: Parts) -> set[tuple[AccountId, str, str]]:
    rows = await parts.fetch("SELECT account_id, kind, reason FROM runs WHERE finished_at IS NULL")
    return {tuple(row) for row in rows}  # type: ignore[misc]


async def account_of(parts: Parts, account_id: AccountId) -> Any:
    [row] = await parts.fetch("SELECT *, now() AS now FROM accounts WHERE account_id = $1", account_id)
    return row


async def add_meetings(parts: Parts, account_id: AccountId) -> None:
    """Meetings in so many minutes, one of them cancelled."""
    minutes = (-20, 5, 30, 500)
    found = [meeting(MAYA, account_id, f"in {number}", NOW + timedelta(minutes=number)) for number in minutes]
    async with parts.context.db.acquire() as connection:
        await meeting_store.upsert_meetings(connection, account_id, "primary", found, 1)
        cancelled = [meeting(MAYA, account_id, "cancelled", NOW + timedelta(minutes=30))]
        await meeting_store.upsert_meetings(connection, account_id, "primary", cancelled, 1)
        await meeting_store.cancel_events(connection, account_id, "primary", ["cancelled"])


# --- a worker ---------------------------------------------------------------------------------------------------------------


async def requested(parts: Parts, kind: Kind = "mail", reason: Reason = "user") -> AccountId:
    async with parts.context.db.acquire() as connection:
        account_id = await add_account(connection, MAYA)
        await parts.context.queue.enqueue(connection, [RunRequest(account_id, kind, reason)])
    return account_id


def worker_of(parts: Parts, work: Callable[[Run], Awaitable[None]], **further: Any) -> Worker:
    return Worker(parts.context, parts.engine, work=dict.fromkeys(("mail", "contacts", "calendar"), work), **further)


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(worker.keep_running())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def only_run(parts: Parts) -> Any:
    [row] = await parts.fetch("SELECT * FROM runs")
    return row


async def until_runs_are(parts: Parts, state: str, number: int = 1) -> None:
    async with asyncio.timeout(30):
        while len(await parts.fetch("SELECT FROM runs WHERE state = $1", state)) < number:
            await asyncio.sleep(0.01)


async def nothing(_: Run) -> None:
    pass
