"""Keeps the scores that lists are sorted by up to date: in the background, never while mail is recorded."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from libs.common.bus import Bus
from libs.common.db import Connection
from services.contacts.context import Context
from services.contacts.domain.scoring import contact_had, next_change, score
from services.contacts.store import scores, users
from services.contacts.store.timeline import list_touches

AT_ONCE = 200
EVERY_SECONDS = 2.0


async def keep_rescoring(context: Context, bus: Bus) -> None:
    """Runs until cancelled; as many replicas as you like."""
    while True:
        await bus.survive(lambda: rescore_due(context, datetime.now(UTC)))
        await asyncio.sleep(EVERY_SECONDS)


async def rescore_due(context: Context, now: datetime) -> int:
    """Compute what is due at `now`; how many contacts that was."""
    done = 0
    async with context.db.acquire() as connection:
        due_users = await scores.users_due(connection, now)
    for user_id in due_users:
        while True:
            async with context.transaction() as connection:
                # The user's lock: what is being recorded just now must not be marked as computed.
                await users.lock_users(connection, [user_id])
                due = await scores.list_due(connection, user_id, now, AT_ONCE)
                await rescore(connection, due, now)
            done += len(due)
            if len(due) < AT_ONCE:
                break
    return done


async def rescore(connection: Connection, contact_ids: Sequence[UUID], now: datetime) -> None:
    touches = await list_touches(connection, contact_ids)
    rows = []
    for id_ in contact_ids:
        had = [one.occurred_at for one in contact_had(touches[id_], now)]
        rows.append(
            scores.Standing(
                id_,
                score(touches[id_], now).total,
                min(had, default=None),
                max(had, default=None),
                len(touches[id_]),
                next_change(touches[id_], now),
            )
        )
    await scores.put_standings(connection, rows)
