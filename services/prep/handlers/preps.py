"""Briefs that users request: sending one now, and what became of each."""

from datetime import UTC, datetime

from libs.common.errors import Refused, not_found
from libs.common.requests import GetPreps, Prep, Preps, SendPrep
from services.prep.briefing import send_by_hand
from services.prep.context import Context
from services.prep.domain.rules import SKIP_SENTENCES, SkipReason, sending_obstacle
from services.prep.gathering import gather
from services.prep.sending import new_token
from services.prep.store import preps


async def send_now(context: Context, command: SendPrep) -> Prep:
    """Send the brief, whatever was sent before. Refused where it can't be: no permission, nobody to meet, refused by Gmail."""
    gathered = await gather(context.bus, command.user_id, command.meeting_id)
    if obstacle := sending_obstacle(gathered.account) or (None if gathered.dossier.people else "no_guests"):
        raise _refusal(obstacle)
    assert gathered.account is not None
    async with context.db.acquire() as connection:
        stored = await preps.insert_by_hand(connection, gathered.meeting, new_token(), datetime.now(UTC))
    prep = await send_by_hand(context, gathered.account, stored, gathered.dossier)
    if prep is not None:
        return prep
    async with context.db.acquire() as connection:
        settled = await preps.get_prep(connection, stored)
    if settled is None:
        raise not_found("meeting")  # the account was purged meanwhile
    if settled.reason in SKIP_SENTENCES:
        raise _refusal(settled.reason)
    raise Refused(502, "not_sent", settled.reason)


async def list_preps(context: Context, query: GetPreps) -> Preps:
    """The newest brief of each meeting that has one."""
    async with context.db.acquire() as connection:
        return Preps(items=await preps.list_latest(connection, query.user_id, query.meeting_ids))


def _refusal(reason: SkipReason) -> Refused:
    status = {"missing_scope": 403, "no_guests": 422}.get(reason, 409)
    return Refused(status, reason, SKIP_SENTENCES[reason])
