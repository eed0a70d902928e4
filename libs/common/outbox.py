"""The transactional outbox: events stored in the same transaction as the change that they report.

For commits that have no message behind them (an HTTP call, a request). A crash between commit and publishing loses nothing: what
is in the outbox is published at the next start. The table `outbox` is in the service's own schema.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson
from pydantic import ValidationError

from libs.common.bus.validation import first_problem
from libs.common.counters import EVENT_OUTCOMES
from libs.common.db import Connection, Pool, Record
from libs.common.dead_letters import Letter, read_about
from libs.common.errors import PayloadTooLarge, Unprocessable
from libs.common.events import EVENTS, Event
from libs.common.fault_points import reached
from libs.common.log import current_trace, get_logger, traced
from libs.common.measuring import sample
from libs.common.requests import Sample

if TYPE_CHECKING:
    from libs.common.bus import Bus

BATCH = 100
_BY_SUBJECT = {event.subject: event for event in EVENTS}


async def add(connection: Connection, *events: Event) -> None:
    """Store events that are to be published, inside the caller's transaction."""
    for subject in {event.subject for event in events}:
        await reached("outbox.adding", subject)
    await connection.executemany(
        "INSERT INTO outbox (subject, payload, trace) VALUES ($1, $2, $3)",
        [(event.subject, event.model_dump(mode="json"), current_trace()) for event in events],
    )


async def relay(pool: Pool, bus: "Bus") -> int:
    """Publish everything in the outbox, oldest first; returns how many events that was.

    No transaction is open while the bus confirms. Two replicas may publish the same event: it has the same `Nats-Msg-Id`. One that
    can never be published becomes a dead letter and leaves; where even that does not fit it stays, and the others go on.
    """
    relayed = after = 0
    while True:
        rows = await pool.fetch(
            "SELECT id, subject, payload, trace FROM outbox WHERE id > $1 ORDER BY id LIMIT $2", after, BATCH
        )
        if not rows:
            return relayed
        await reached("outbox.relaying", bus.service)
        settled = await asyncio.gather(*(_settle(bus, row) for row in rows))
        await reached("outbox.published", bus.service)
        ids = [row["id"] for row, is_settled in zip(rows, settled, strict=True) if is_settled]
        await pool.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", ids)
        relayed += len(ids)
        after = rows[-1]["id"]
        if len(rows) < BATCH:
            return relayed


class SharedRelay:
    """`relay` for many who have each just committed an event: who comes while a pass is under way shares the next one.

    Each by themselves would all publish what all of them have added.
    """

    def __init__(self, pool: Pool, bus: "Bus") -> None:
        self._pool = pool
        self._bus = bus
        self._under_way: asyncio.Task[int] | None = None
        self._next: asyncio.Task[int] | None = None

    async def relay(self) -> None:
        """Returns when what was committed before is published. Raises what `relay` raises, for all who wait for it."""
        if self._next is None:
            self._next = asyncio.create_task(self._pass(self._under_way), name="outbox relay")
        await asyncio.shield(self._next)

    async def _pass(self, before: "asyncio.Task[int] | None") -> int:
        if before is not None:
            await asyncio.wait({before})
        self._under_way, self._next = self._next, None
        return await relay(self._pool, self._bus)


async def _settle(bus: "Bus", row: Record) -> bool:
    """Publish, or set aside what can't be: too large, or written by a version that knew it otherwise. False: it stays."""
    with traced(row["trace"], span="outbox"):
        try:
            await bus.publish(_event_of(row))
        except Unprocessable as error:
            return await _set_aside(bus, row, str(error))
        return True


def _event_of(row: Record) -> Event:
    """Raises Unprocessable."""
    declared = _BY_SUBJECT.get(row["subject"])
    if declared is None:
        raise Unprocessable(f"libs/common/events declares no {row['subject']}")
    try:
        return declared.model_validate(row["payload"])
    except ValidationError as error:
        raise Unprocessable(f"invalid payload: {first_problem(error, 'payload')}") from error


async def _set_aside(bus: "Bus", row: Record, reason: str) -> bool:
    declared = _BY_SUBJECT.get(row["subject"])
    payload = orjson.dumps(row["payload"])
    about = {} if declared and declared.outlives_purge else read_about(payload)
    letter = Letter(row["subject"], payload, reason, f"{bus.service}_outbox", about=about)
    try:
        await bus.dead_letter(letter)
    except PayloadTooLarge as error:
        get_logger().error("outbox_stuck", subject=row["subject"], error=str(error))
        return False
    EVENT_OUTCOMES.labels(row["subject"], "dead_letter").inc()
    get_logger().error("dead_letter", subject=row["subject"], reason=letter.short_reason, attempts=letter.attempts)
    return True


async def measure(pool: Pool) -> list[Sample]:
    """How much is not published yet, and for how long."""
    row = await pool.fetchrow(
        "SELECT count(*) AS waiting, COALESCE(extract(epoch FROM now() - min(created_at)), 0) AS age FROM outbox"
    )
    assert row is not None, "an aggregate has a row"
    return [sample("pingcrm_outbox_waiting", row["waiting"]), sample("pingcrm_outbox_age_seconds", row["age"])]


async def keep_relaying(
    pool: Pool, bus: "Bus", every_seconds: float = 5.0, pending: asyncio.Event | None = None
) -> None:
    """The safety net under `relay`: what a crash or an outage left is published within seconds. Runs until cancelled.

    `pending`: set by whoever has just added events and wants them published at once, together with those of others.
    """
    pending = pending or asyncio.Event()
    while True:
        pending.clear()
        await bus.run_guarded(lambda: relay(pool, bus))
        with suppress(TimeoutError):
            async with asyncio.timeout(every_seconds):
                await pending.wait()
