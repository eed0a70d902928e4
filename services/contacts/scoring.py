"""Keeps the scores that lists are sorted by up to date: in the background, never while mail is recorded."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from libs.common.bus import Bus
from libs.common.db import Connection
from services.contacts.context import Context
from services.contacts.domain.scoring import counted_interactions, next_change, score
from services.contacts.store import scores, users
from services.contacts.store.timelines import list_scored_interactions

AT_ONCE = 200
EVERY_SECONDS = 2.0


async def keep_refreshing_scores(context: Context, bus: Bus) -> None:
    """Runs until cancelled; as many replicas as you like."""
    while True:
        await bus.survive(lambda: refresh_due_scores(context, datetime.now(UTC)))
        await asyncio.sleep(EVERY_SECONDS)


async def refresh_due_scores(context: Context, now: datetime) -> int:
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
                await refresh_scores(connection, due, now)
            done += len(due)
            if len(due) < AT_ONCE:
                break
    return done


async def refresh_scores(connection: Connection, contact_ids: Sequence[UUID], now: datetime) -> None:
    interactions = await list_scored_interactions(connection, contact_ids)
    rows = []
    for id_ in contact_ids:
        had = [one.occurred_at for one in counted_interactions(interactions[id_], now)]
        rows.append(
            scores.ScoreSnapshot(
                id_,
                score(interactions[id_], now).total,
                min(had, default=None),
                max(had, default=None),
                len(interactions[id_]),
                next_change(interactions[id_], now),
            )
        )
    await scores.update_scores(connection, rows)
