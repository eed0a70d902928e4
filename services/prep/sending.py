"""Handing a brief to Gmail, at most once: what to do when the response to `send` is lost.

A brief carries a token of its own in a header. Before Gmail gets it, the row is marked (`handed_over_at`). Where no response comes
back, nobody sends again before the header was looked for on what was sent since. Sent is listed, not searched: the index of a search
is a minute late.
"""

import asyncio
import secrets
from base64 import b32encode
from datetime import datetime, timedelta

from libs.common.brief_mark import BRIEF_HEADER
from libs.common.errors import Outage, Throttled
from libs.common.fault_points import reached
from libs.common.google.errors import (
    AccountUnknown,
    Forbidden,
    Gone,
    GoogleError,
    MissingScope,
    ReauthRequired,
    Unauthorized,
)
from libs.common.google.gmail import Gmail
from libs.common.requests import Account, Brief, Prep
from libs.common.resources.gmail import FetchItem
from services.prep.context import Context
from services.prep.domain.mail import compose
from services.prep.domain.rules import SkipReason
from services.prep.outcomes import record_failed, record_sent, record_skipped
from services.prep.store import preps
from services.prep.store.preps import StoredPrep

_SKIP_REASONS: dict[type[GoogleError], SkipReason] = {
    MissingScope: "missing_scope",
    ReauthRequired: "reauth_required",
    Unauthorized: "reauth_required",
    AccountUnknown: "disconnected",
}
SEND_TIMEOUT_SECONDS = 60.0
"""Shorter than the lease, so that nobody else begins while this attempt may still arrive."""
LOOKED_AT_TOGETHER = 10
CLOCK_MARGIN = timedelta(hours=1)
"""By so much Gmail's clock may be behind the database's."""


class Unconfirmed(Outage):
    """Gmail may or may not have sent it."""


def new_token() -> str:
    """100 random bits as one word: `pcrm` and 20 letters or digits."""
    return "pcrm" + b32encode(secrets.token_bytes(13)).decode().lower().rstrip("=")[:20]


async def deliver(context: Context, account: Account, stored: StoredPrep, brief: Brief) -> Prep | None:
    """Send a written brief from the account to itself, and settle it; None where it was settled otherwise.

    Raises Unconfirmed, or Throttled (nothing was sent); what Google refuses for good is settled as skipped or failed.
    """
    raw = compose(account.address, brief.subject, brief.html, brief.text, stored.token)
    async with context.db.acquire() as connection:
        if not await preps.mark_handed_over(connection, stored, brief):
            return None
    await reached("prep.handed_over")
    try:
        gmail_id = await _send(context.gmail(account.id), raw)
    except Throttled:
        async with context.db.acquire() as connection:
            await preps.clear_handed_over(connection, stored)
        raise
    except GoogleError as error:
        async with context.db.acquire() as connection:
            await preps.clear_handed_over(connection, stored)
        if reason := _SKIP_REASONS.get(type(error)):
            await record_skipped(context, stored, reason)
        else:
            await record_failed(context, stored, str(error), error.code if isinstance(error, Forbidden) else "")
        return None
    await reached("prep.delivered")
    return await record_sent(context, stored, gmail_id)


async def _send(gmail: Gmail, raw: bytes) -> str:
    """The Gmail id. Unconfirmed: no response. Throttled: certainly not sent. GoogleError: refused, for this call or for good."""
    try:
        async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
            return await gmail.send(raw)
    except Throttled:
        raise
    except (Outage, TimeoutError) as error:
        raise Unconfirmed("Gmail did not confirm that it sent the brief.") from error


async def find_sent(gmail: Gmail, token: str, since: datetime) -> str | None:
    """The Gmail id of the brief with this token among what was sent `since` then. GoogleError: MissingScope where mail may not be read.

    The newest come first, by and large: a group with nothing that is new enough is the last one.
    """
    earliest_ms = (since - CLOCK_MARGIN).timestamp() * 1000
    sent = await gmail.list_sent_ids()
    for begin in range(0, len(sent), LOOKED_AT_TOGETHER):
        items = [FetchItem(ref.gmail_id, whole_thread=False) for ref in sent[begin : begin + LOOKED_AT_TOGETHER]]
        is_past = True
        for result in await gmail.batch_get(items):
            if isinstance(result, Gone):  # deleted between listing and looking
                is_past = False
                continue
            if isinstance(result, Exception):
                raise result
            (message,) = result
            if token in (message.headers or {}).get(BRIEF_HEADER.lower(), ()):
                return message.gmail_id
            is_past = is_past and message.sent_ms is not None and message.sent_ms < earliest_ms
        if is_past:
            return None
    return None
