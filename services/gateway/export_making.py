"""Makes archives of everything in the background, one at a time in each replica, into the database: any replica gives them out.

What is in memory is what `export.py` holds, and one piece. A replica that stops or dies leaves its export to another one, which begins it
anew: what was read so far would not be of the same moment.
"""

import asyncio
from contextlib import aclosing
from datetime import timedelta
from functools import partial

from libs.common.db import on_behalf_of
from libs.common.errors import Outage, Refused
from libs.common.events import NotificationCreated
from libs.common.log import get_logger
from libs.common.requests import CountContacts
from services.gateway.context import Context
from services.gateway.domain.exports import BROKE_OFF, KEPT, MAX_CLAIMS, notification_of
from services.gateway.export import begin_export, items_to_count
from services.gateway.limits.exports import renewed
from services.gateway.store import exports
from services.gateway.store.exports import Claim
from services.gateway.store.notifications import insert_notification

LEASE = timedelta(seconds=60)
TRY_AGAIN = timedelta(seconds=10)
PIECE_BYTES = 512 * 1024
PROGRESS_SECONDS = 2.0
AWAY = "A part of PingCRM could not be reached."


class _NotOurs(Exception):
    """Another replica makes it now, or its user is gone."""


async def make_due_exports(context: Context) -> int:
    """Every export that waits, one after another; how many were made or given up."""
    await exports.delete_expired(context.db, KEPT)
    done = 0
    for lost in await exports.list_given_up(context.db):
        await _finish(context, lost, BROKE_OFF)
    while mine := await exports.claim(context.db, LEASE):
        await _make(context, mine)
        done += 1
    return done


async def _make(context: Context, mine: Claim) -> None:
    try:
        async with renewed(partial(exports.renew, context.db, mine, LEASE), LEASE):
            with on_behalf_of(mine.user_id):
                await _write(context, mine)
        await _finish(context, mine)
    except _NotOurs:
        get_logger().info("export_left", user=str(mine.user_id))
    except (Outage, Refused) as error:
        get_logger().warning("export_failed", user=str(mine.user_id), attempt=mine.number, error=type(error).__name__)
        if mine.number < MAX_CLAIMS:
            await exports.renew(context.db, mine, TRY_AGAIN)
        else:
            await _finish(context, mine, AWAY)
    except asyncio.CancelledError:
        await asyncio.shield(exports.return_claim(context.db, mine))
        raise


async def _write(context: Context, mine: Claim) -> None:
    """The archive in pieces of about the same size; smaller ones where it takes so long that somebody wants to see that it goes on."""
    total = items_to_count(await context.bus.request(CountContacts(user_id=mine.user_id)))
    async with context.db.acquire() as connection, connection.transaction():
        if not await exports.begin(connection, mine, total):
            raise _NotOurs
    counted = number = 0

    def count(written: int) -> None:
        nonlocal counted
        counted += written

    loop, unstored = asyncio.get_running_loop(), bytearray()
    stored_at = loop.time()
    async with aclosing(await begin_export(context, mine.user_id, count)) as archive:
        async for data in archive:
            unstored += data
            if len(unstored) >= PIECE_BYTES or loop.time() - stored_at > PROGRESS_SECONDS:
                await _store(context, mine, number, bytes(unstored), counted)
                number, stored_at = number + 1, loop.time()
                unstored.clear()
    await _store(context, mine, number, bytes(unstored), counted)


async def _store(context: Context, mine: Claim, number: int, data: bytes, counted: int) -> None:
    async with context.db.acquire() as connection, connection.transaction():
        if not await exports.add_piece(connection, mine, number, data, counted):
            raise _NotOurs


async def _finish(context: Context, mine: Claim, problem: str = "") -> None:
    """With the notification, in one transaction: it is there if and only if the export has ended."""
    async with context.db.acquire() as connection, connection.transaction():
        export = await exports.finish(connection, mine, problem)
        notification_id = (
            await insert_notification(connection, notification_of(mine.user_id, export)) if export else None
        )
    if notification_id:
        get_logger().info("export_ended", user=str(mine.user_id), state="failed" if problem else "done")
        await context.bus.publish(NotificationCreated(user_id=mine.user_id, notification_id=notification_id))
        context.webhooks.wake()
