"""Keeps the scores that lists are sorted by up to date: in the background, never while mail is recorded."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.db import Connection
from libs.common.fault_points import reached
from libs.common.ids import ContactId, UserId
from libs.common.log import get_logger
from services.contacts.context import Context, UserBusy
from services.contacts.domain.interaction_times import InteractionTimes
from services.contacts.domain.relationships import Relationship, detailed_relationship, relationship
from services.contacts.store import scores

CONTACTS_AT_ONCE = 200
MANY_LINES = 1_000
"""Of a contact with more of them what its page shows is stored: nobody waits until they are read."""


async def refresh_due_scores(context: Context, now: datetime) -> int:
    """Compute what is due at `now`; how many contacts that was."""
    done = 0
    async with context.db.acquire() as connection:
        due_users = await scores.list_due_users(connection, now)
    for user_id in due_users:
        try:
            done += await _refresh_user(context, user_id, now)
        except UserBusy:  # the next round finds them due as before
            get_logger().info("scores_postponed", user=str(user_id))
    return done


async def _refresh_user(context: Context, user_id: UserId, now: datetime) -> int:
    done = 0
    while True:
        # The user's lock: what is being recorded just now must not be marked as computed.
        async with context.locked(user_id) as connection:
            due = await scores.list_due_contacts(connection, user_id, now, CONTACTS_AT_ONCE)
            await _refresh_scores(connection, due, now)
        await reached("contacts.scores.chunk")
        done += len(due)
        if len(due) < CONTACTS_AT_ONCE:
            return done


async def _refresh_scores(connection: Connection, contact_ids: Sequence[ContactId], now: datetime) -> None:
    found = await scores.list_interaction_times(connection, contact_ids)
    known = {contact_id: _stored(times, now) for contact_id, times in found.items()}
    await scores.update_scores(connection, known)


def _stored(times: InteractionTimes, now: datetime) -> Relationship:
    return detailed_relationship(times, now) if times.lines > MANY_LINES else relationship(times, now)
