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
from services.contacts.store.users import lock_free_users

CONTACTS_AT_ONCE = 200
USERS_AT_ONCE = 20
"""Where many import at once, each has a few contacts that are due: a transaction for each of them costs more than their scores do."""
MANY_LINES = 1_000
"""Of a contact with more of them what its page shows is stored: nobody waits until they are read."""


async def refresh_due_scores(context: Context, now: datetime) -> int:
    """Compute what is due at `now`; how many contacts that was."""
    done = 0
    async with context.db.acquire() as connection:
        due_users = await scores.list_due_users(connection, now)
    for begin in range(0, len(due_users), USERS_AT_ONCE):
        users = due_users[begin : begin + USERS_AT_ONCE]
        refreshed, left = await _refresh_together(context, users, now)
        done += refreshed
        for user_id in left:
            try:
                done += await _refresh_user(context, user_id, now)
            except UserBusy:  # the next round finds them due as before
                get_logger().info("scores_postponed", user=str(user_id))
    return done


async def _refresh_together(
    context: Context, user_ids: Sequence[UserId], now: datetime
) -> tuple[int, Sequence[UserId]]:
    """Of those of these users whose locks are free: how many contacts that was, and the users of whom more may be due."""
    async with context.transaction() as connection:
        free = await lock_free_users(connection, user_ids)
        due = await scores.list_due_contacts(connection, free, now, CONTACTS_AT_ONCE)
        await _refresh_scores(connection, due, now)
    await reached("contacts.scores.chunk")
    left = user_ids if len(due) == CONTACTS_AT_ONCE else [user_id for user_id in user_ids if user_id not in free]
    return len(due), left


async def _refresh_user(context: Context, user_id: UserId, now: datetime) -> int:
    done = 0
    while True:
        # The user's lock: what is being recorded just now must not be marked as computed.
        async with context.locked(user_id) as connection:
            due = await scores.list_due_contacts(connection, [user_id], now, CONTACTS_AT_ONCE)
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
