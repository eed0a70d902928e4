"""The end of a brief: the row is settled and its event is added to the outbox, in one transaction."""

import asyncio
from datetime import UTC, datetime

from libs.common import outbox
from libs.common.events import Event, PrepFailed, PrepSent, PrepSkipped
from libs.common.log import get_logger
from libs.common.requests import Prep
from services.prep.context import Context
from services.prep.domain.rules import USEFUL_UNTIL, SkipReason
from services.prep.store import preps
from services.prep.store.preps import StoredPrep

UNCONFIRMED = "Gmail did not confirm the brief, and it can't be looked up. It may have arrived."
TOO_LATE = "The brief could not be sent in time."
ABANDONED_EVERY_SECONDS = 60.0


async def keep_settling_abandoned(context: Context) -> None:
    """Every minute: briefs that nobody came back to in time have failed, and their users are notified. Runs until cancelled."""
    while True:
        await asyncio.sleep(ABANDONED_EVERY_SECONDS)
        await context.bus.survive(lambda: settle_abandoned(context))


async def sent(context: Context, stored: StoredPrep, gmail_id: str) -> Prep | None:
    """None: somebody else had taken the brief over meanwhile and settles it."""
    async with context.db.acquire() as connection, connection.transaction():
        prep = await preps.settle(connection, stored, "sent", gmail_id=gmail_id)
        if prep is not None:
            event = PrepSent(
                user_id=stored.user_id,
                account_id=stored.account_id,
                meeting_id=stored.meeting_id,
                title=stored.title,
                starts_at=stored.starts_at,
                ai=bool(prep.ai),
                cost_usd=prep.cost_usd,
            )
            await outbox.add(connection, event)
    if prep is not None:
        ahead = stored.starts_at - datetime.now(UTC)
        _log(
            stored,
            "prep_sent",
            ai=prep.ai,
            cost_usd=round(prep.cost_usd, 6),
            minutes_ahead=round(ahead.total_seconds() / 60, 1),
        )
        await outbox.relay(context.db, context.bus)
    return prep


async def skipped(context: Context, stored: StoredPrep, reason: SkipReason) -> None:
    """Told once per reason, however many scans see the meeting."""
    async with context.db.acquire() as connection, connection.transaction():
        prep = await preps.settle(connection, stored, "skipped", reason)
        told_before = stored.reason == reason
        if prep is not None and not told_before:
            event = PrepSkipped(
                user_id=stored.user_id,
                account_id=stored.account_id,
                meeting_id=stored.meeting_id,
                starts_at=stored.starts_at,
                reason=reason,
            )
            await outbox.add(connection, event)
    if prep is not None and not told_before:
        _log(stored, "prep_skipped", reason=reason)
        await outbox.relay(context.db, context.bus)


async def failed(context: Context, stored: StoredPrep, error: str) -> None:
    """`error` is a sentence for the user."""
    async with context.db.acquire() as connection, connection.transaction():
        prep = await preps.settle(connection, stored, "failed", error)
        if prep is not None:
            await outbox.add(connection, _failure(stored, error))
    if prep is not None:
        _log(stored, "prep_failed", attempts=stored.attempt)
        await outbox.relay(context.db, context.bus)


async def settle_abandoned(context: Context) -> None:
    """Give up, in words, what no attempt came back to before it was too late."""
    now = datetime.now(UTC)
    async with context.db.acquire() as connection, connection.transaction():
        abandoned = await preps.list_abandoned(connection, now + USEFUL_UNTIL, now)
        for stored in abandoned:
            error = UNCONFIRMED if stored.handed_over else late(stored)
            await preps.settle(connection, stored, "failed", error)
            await outbox.add(connection, _failure(stored, error))
    for stored in abandoned:
        _log(stored, "prep_failed", attempts=stored.attempt)
    await outbox.relay(context.db, context.bus)


def late(stored: StoredPrep) -> str:
    """Why it was not sent in time, with what stood in the way where that is known."""
    return f"{TOO_LATE} {stored.reason}".strip()


def _failure(stored: StoredPrep, error: str) -> Event:
    return PrepFailed(
        user_id=stored.user_id,
        account_id=stored.account_id,
        meeting_id=stored.meeting_id,
        title=stored.title,
        starts_at=stored.starts_at,
        error=error,
    )


def _log(stored: StoredPrep, event: str, **fields: object) -> None:
    get_logger().info(
        event,
        user=str(stored.user_id),
        account=str(stored.account_id),
        meeting=str(stored.meeting_id),
        by_hand=stored.by_hand,
        **fields,
    )
