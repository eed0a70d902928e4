"""Briefs that users request: sending one now, and what became of each."""

from uuid import UUID

from libs.common.errors import Refused, not_found
from libs.common.idempotency import creation_id, key_reused
from libs.common.requests import GetPreps, Prep, Preps, SendPrep
from services.prep.briefing import send_by_hand
from services.prep.context import Context
from services.prep.domain.rules import SKIP_SENTENCES, SkipReason, sending_obstacle, without_guests
from services.prep.gathering import gather
from services.prep.sending import new_token
from services.prep.store import preps


async def send_now(context: Context, command: SendPrep) -> Prep:
    """Send the brief, whatever was sent before. Refused where it can't be: no permission, nobody to meet, refused by Gmail.

    A command that is sent again under its key goes on where the first try was cut off: one key, one email.
    """
    gathered = await gather(context.bus, command.user_id, command.meeting_id)
    if obstacle := sending_obstacle(gathered.account) or (
        None if gathered.dossier.people else without_guests(gathered.meeting)
    ):
        raise _refusal(obstacle)
    assert gathered.account is not None
    prep_id = creation_id()
    async with context.db.acquire() as connection:
        stored = await preps.acquire_by_hand(connection, prep_id, gathered.meeting, new_token())
    if stored is not None and (prep := await send_by_hand(context, gathered.account, stored, gathered.dossier)):
        return prep
    return await _settled(context, command, prep_id)


async def _settled(context: Context, command: SendPrep, prep_id: UUID) -> Prep:
    """What became of the brief. Refused where it was not sent, is being sent just now, or is about another meeting."""
    async with context.db.acquire() as connection:
        prep = await preps.get_prep(connection, command.user_id, prep_id)
    if prep is None:
        raise not_found("meeting")  # the account was purged meanwhile
    if prep.meeting_id != command.meeting_id:
        raise key_reused()
    if prep.state == "sent":
        return prep
    if prep.state == "sending":
        raise Refused(409, "in_progress", "This brief is being sent. Try again in a moment.", retry_after=5)
    if prep.reason in SKIP_SENTENCES:
        raise _refusal(prep.reason)
    raise Refused(502, "not_sent", prep.reason)


async def list_preps(context: Context, query: GetPreps) -> Preps:
    """The newest brief of each meeting that has one."""
    async with context.db.acquire() as connection:
        return Preps(items=await preps.list_latest(connection, query.user_id, query.meeting_ids))


def _refusal(reason: SkipReason) -> Refused:
    status = {"missing_scope": 403, "no_guests": 422, "guests_hidden": 422}.get(reason, 409)
    return Refused(status, reason, SKIP_SENTENCES[reason])
