"""One attempt at a brief: gather, write, send, and record what became of it."""

from datetime import UTC, datetime, timedelta

from libs.common.errors import Outage, Throttled, Unprocessable
from libs.common.events import Meeting
from libs.common.fault_points import reached
from libs.common.google.errors import GoogleError
from libs.common.requests import Account, Prep
from services.prep.context import Context
from services.prep.domain.dossier import Dossier, collect
from services.prep.domain.rules import SkipReason, skip_reason
from services.prep.gathering import NOBODY, get_current_meeting, get_owner, get_people
from services.prep.leasing import RETRY_PAUSES, acquire_lease
from services.prep.outcomes import UNCONFIRMED, record_failed, record_sent, record_skipped, too_late_sentence
from services.prep.sending import Unconfirmed, deliver, find_sent
from services.prep.store import preps
from services.prep.store.preps import StoredPrep
from services.prep.writing import write_brief

UNCONFIRMED_PAUSE = timedelta(seconds=15)
"""Between a lost response and the look at Sent: what was sent just when the connection broke may still be on its way there."""
CHANGED_PAUSE = timedelta(seconds=1)


async def brief_once(context: Context, meeting: Meeting, obstacle: SkipReason | None) -> None:
    """Send the meeting's automatic brief, or settle it for the `obstacle`, unless that is done already.

    Throttled: somebody else is at it, or this attempt failed; the delivery comes back after a pause.
    """
    stored = await acquire_lease(context, meeting)
    if stored is None:
        return
    try:
        await reached("prep.leased")
        await _attempt(context, meeting, stored, obstacle)
    except Exception as error:
        async with context.db.acquire() as connection:
            await preps.release(connection, stored, _error_sentence(error))
        if isinstance(error, Outage):
            raise Throttled(str(error), _retry_pause(error, stored)) from error
        raise


def _error_sentence(error: Exception) -> str:
    return str(error) if isinstance(error, Outage) else "Something went wrong here. It is in the log."


def _retry_pause(error: Outage, stored: StoredPrep) -> timedelta:
    """How long to wait for the next attempt: what was requested, or longer with each attempt."""
    if isinstance(error, Throttled) and error.retry_after is not None:
        return error.retry_after
    if isinstance(error, Unconfirmed):
        return UNCONFIRMED_PAUSE
    return RETRY_PAUSES[min(stored.attempt, len(RETRY_PAUSES)) - 1]


async def _attempt(context: Context, meeting: Meeting, stored: StoredPrep, obstacle: SkipReason | None) -> None:
    """One attempt under the lease: settle the brief, or raise what stood in the way for now."""
    owner = await get_owner(context.bus, meeting.user_id)
    account = owner.account(meeting.account_id) if owner else None
    if owner is None or account is None:
        async with context.db.acquire() as connection:
            await preps.delete_prep(connection, stored)  # purged meanwhile: no trace
        return
    if stored.handed_over_at and await _settle_earlier_attempt(context, stored, account, stored.handed_over_at):
        return
    now = datetime.now(UTC)
    people = NOBODY if obstacle else await get_people(context.bus, meeting, owner, now)
    reason = obstacle or skip_reason(meeting, account, owner.preferences, people.attendees, now)
    if reason == "too_late" and stored.resumed:
        await record_failed(context, stored, too_late_sentence(stored))
    elif reason:
        await record_skipped(context, stored, reason)
    else:
        await reached("prep.gathered")
        dossier = collect(meeting, people.pairs, owner.preferences.time_zone, people.met_together, owner.names)
        brief = await write_brief(context.claude_for(dossier), dossier, context.settings.base_url, stored.token, now)
        await reached("prep.written")
        await _expect_unchanged(context, meeting)
        await deliver(context, account, stored, brief)


async def _expect_unchanged(context: Context, meeting: Meeting) -> None:
    """The meeting still stands as its brief was written: the model takes its time, and people cancel.

    Throttled: it does not; the delivery comes back, and everything about it is decided anew.
    """
    current = await get_current_meeting(context.bus, meeting.user_id, meeting.meeting_id)
    if current is None or current.revision != meeting.revision:
        raise Throttled("The meeting was changed while its brief was written.", CHANGED_PAUSE)


async def _settle_earlier_attempt(context: Context, stored: StoredPrep, account: Account, since: datetime) -> bool:
    """Settle a brief whose attempt `since` then got no response from Gmail, if that attempt is in Sent; whether it is settled now.

    Where the account's mail may not be read, sending again could be sending twice: then the brief ends, and the user is notified.
    """
    try:
        gmail_id = await find_sent(context.gmail(account.id), stored.token, since)
    except GoogleError:
        await record_failed(context, stored, UNCONFIRMED)
        return True
    if gmail_id is None:
        return False
    await record_sent(context, stored, gmail_id)
    return True


async def send_by_hand(context: Context, account: Account, stored: StoredPrep, dossier: Dossier) -> Prep | None:
    """Send a brief that the user requested; None where it was settled as failed or skipped.

    There is no later attempt by itself; where the user's command comes once more, it goes on where this one was cut off.
    """
    now = datetime.now(UTC)
    since = stored.handed_over_at or now
    try:
        if stored.handed_over and await _settle_earlier_attempt(context, stored, account, since):
            return None
        base_url = context.settings.base_url
        brief = await write_brief(context.claude_for(dossier), dossier, base_url, stored.token, now)
        return await deliver(context, account, stored, brief)
    except Unconfirmed:
        try:
            gmail_id = await find_sent(context.gmail(account.id), stored.token, since)
        except (GoogleError, Outage):
            gmail_id = None
        if gmail_id:
            return await record_sent(context, stored, gmail_id)
        await record_failed(context, stored, UNCONFIRMED)
    except (Outage, Unprocessable) as error:
        await record_failed(context, stored, str(error))
    return None
