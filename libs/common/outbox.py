"""The transactional outbox: events stored in the same transaction as the change that they report.

For commits that have no message behind them (an HTTP call, a request). A crash between commit and publishing loses nothing: what
is in the outbox is published at the next start. The table `outbox` is in the service's own schema.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from libs.common.db import Connection, Pool, Record
from libs.common.events import EVENTS, Event
from libs.common.log import current_trace, traced

if TYPE_CHECKING:
    from libs.common.bus import Bus

BATCH = 100
_BY_SUBJECT = {event.subject: event for event in EVENTS}


async def add(connection: Connection, *events: Event) -> None:
    """Store events that are to be published, inside the caller's transaction."""
    await connection.executemany(
        "INSERT INTO outbox (subject, payload, trace) VALUES ($1, $2, $3)",
        [(event.subject, event.model_dump(mode="json"), current_trace()) for event in events],
    )


async def relay(pool: Pool, bus: "Bus") -> int:
    """Publish everything in the outbox, oldest first; returns how many events that was.

    No transaction is open while the bus confirms. Two replicas may publish the same event: it has the same `Nats-Msg-Id`.
    """
    relayed = 0
    while True:
        rows = await pool.fetch("SELECT id, subject, payload, trace FROM outbox ORDER BY id LIMIT $1", BATCH)
        if not rows:
            return relayed
        await asyncio.gather(*(_publish(bus, row) for row in rows))
        await pool.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", [row["id"] for row in rows])
        relayed += len(rows)
        if len(rows) < BATCH:
            return relayed


async def _publish(bus: "Bus", row: Record) -> None:
    with traced(row["trace"]):
        await bus.publish(_BY_SUBJECT[row["subject"]].model_validate(row["payload"]))


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
