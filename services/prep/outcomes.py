"""The end of a brief: the row is settled and its event is added to the outbox, in one transaction."""

from datetime import UTC, datetime

from libs.common import outbox
from libs.common.events import PrepFailed, PrepSent, PrepSkipped
from libs.common.fault_points import reached
from libs.common.log import get_logger
from libs.common.requests import Prep
from services.prep.context import Context
from services.prep.domain.rules import USEFUL_UNTIL, SkipReason
from services.prep.store import preps
from services.prep.store.preps import StoredPrep

UNCONFIRMED = "Gmail did not confirm the brief, and it can't be looked up. It may have arrived."
TOO_LATE = "The brief could not be sent in time."


async def record_sent(context: Context, stored: StoredPrep, gmail_id: str) -> Prep | None:
    """None: somebody else had acquired the brief meanwhile and settles it."""
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
        await context.outbox.relay()
    return prep


async def record_skipped(context: Context, stored: StoredPrep, reason: SkipReason) -> None:
    """Published once per reason, however many scans see the meeting."""
    async with context.db.acquire() as connection, connection.transaction():
        prep = await preps.settle(connection, stored, "skipped", reason)
        is_new = prep is not None and stored.reason != reason
        if is_new:
            event = PrepSkipped(
                user_id=stored.user_id,
                account_id=stored.account_id,
                meeting_id=stored.meeting_id,
                starts_at=stored.starts_at,
                reason=reason,
            )
            await outbox.add(connection, event)
    if is_new:
        _log(stored, "prep_skipped", reason=reason)
        await context.outbox.relay()


async def record_failed(context: Context, stored: StoredPrep, error: str, code: str = "") -> None:
    """`error` is a sentence for the user; `code` names what stands in the way of every brief of the account."""
    async with context.db.acquire() as connection, connection.transaction():
        prep = await preps.settle(connection, stored, "failed", error)
        if prep is not None:
            await outbox.add(connection, _failed_event(stored, error, code))
    if prep is not None:
        _log(stored, "prep_failed", attempts=stored.attempt)
        await context.outbox.relay()


async def fail_abandoned(context: Context) -> None:
    """Settle as failed, with a sentence, what no attempt came back to before it was too late."""
    async with context.db.acquire() as connection, connection.transaction():
        abandoned = await preps.list_abandoned(connection, USEFUL_UNTIL)
        for stored in abandoned:
            error = UNCONFIRMED if stored.handed_over else too_late_sentence(stored)
            await preps.settle(connection, stored, "failed", error)
            await reached("prep.abandoned.settled")
            await outbox.add(connection, _failed_event(stored, error))
    for stored in abandoned:
        _log(stored, "prep_failed", attempts=stored.attempt)
    await context.outbox.relay()


def too_late_sentence(stored: StoredPrep) -> str:
    """Why it was not sent in time, with what stood in the way where that is known."""
    return f"{TOO_LATE} {stored.reason}".strip()


def _failed_event(stored: StoredPrep, error: str, code: str = "") -> PrepFailed:
    return PrepFailed(
        user_id=stored.user_id,
        account_id=stored.account_id,
        meeting_id=stored.meeting_id,
        title=stored.title,
        starts_at=stored.starts_at,
        error=error,
        code=code,
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
