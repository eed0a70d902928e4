"""Which mails are briefs: `sync` leaves those out of the timeline, and no others."""

from libs.common.requests import BriefTokens, FindBriefTokens
from services.prep.context import Context
from services.prep.store import preps


async def find_tokens(context: Context, query: FindBriefTokens) -> BriefTokens:
    """Of the requested tokens those of this account's briefs. A brief has its token on record before Gmail gets it."""
    async with context.db.acquire() as connection:
        known = await preps.list_tokens(connection, query.user_id, query.account_id, query.tokens)
    return BriefTokens(tokens=known)
