"""Access tokens for the services that read and send mail: the one at hand, or a fresh one (token_refresh.py)."""

import asyncio
from time import monotonic

from libs.common.errors import Outage, Throttled, not_found
from libs.common.ids import new_id
from libs.common.requests import GetToken, Token
from services.auth.context import Context
from services.auth.domain.access_tokens import token_refusal
from services.auth.store import access_tokens
from services.auth.token_refresh import cached_token, refresh_token

WAIT_SECONDS = 9.0  # less than the 10 s that a requester waits
FIRST_POLL_SECONDS = 0.03
LONGEST_POLL_SECONDS = 0.3


async def get_token(context: Context, query: GetToken) -> Token:
    """A token that lasts at least two minutes and is not the rejected one. Refused: see GetToken; Outage: Google is away."""
    deadline = monotonic() + WAIT_SECONDS
    poll_seconds = FIRST_POLL_SECONDS
    while True:
        async with context.db.acquire() as connection:
            held = await access_tokens.get_credentials(connection, query.account_id)
        if held is None:
            raise not_found("account")
        refusal = token_refusal(held.status, held.status_reason, held.scopes, query.scope)
        if refusal is not None:
            raise refusal
        if token := cached_token(context, query, held):
            return token
        if held.pause:
            raise Throttled("Google could not refresh this account's token; it is asked again shortly.", held.pause)
        if not held.refreshing:
            async with context.db.acquire() as connection:
                lease = await access_tokens.acquire_lease(connection, query.account_id, new_id(), held.access_token)
            if lease is not None:
                if token := await refresh_token(context, query, held, lease):
                    return token
                continue  # the refresh token is dead, or somebody overtook us: what is stored now decides how to go on
        if monotonic() > deadline:
            raise Outage("Google takes long to refresh this account's token.")
        await asyncio.sleep(poll_seconds)
        poll_seconds = min(poll_seconds * 1.5, LONGEST_POLL_SECONDS)
