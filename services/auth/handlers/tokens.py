"""Access tokens for the services that read and send mail: from the cache, or refreshed by one for all (store/tokens.py)."""

import asyncio
from datetime import datetime, timedelta
from time import monotonic, perf_counter

from libs.common import outbox
from libs.common.errors import Outage, Refused, Throttled, not_found
from libs.common.events import AccountReauthRequired
from libs.common.google.oauth import Grant, InvalidGrant, Misconfigured
from libs.common.ids import new_id
from libs.common.log import get_logger
from libs.common.requests import GetToken, Token
from services.auth import domain
from services.auth.context import Context
from services.auth.keyring import Undecryptable, Use
from services.auth.store import tokens
from services.auth.store.tokens import Credentials, Lease, Refreshed

WAIT_SECONDS = 9.0  # less than the 10 s that an asker waits
FIRST_LOOK_SECONDS = 0.03
LAST_LOOK_SECONDS = 0.3

OUTAGE_PAUSE = timedelta(seconds=2)
MISCONFIGURED_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=5)


async def give_token(context: Context, query: GetToken) -> Token:
    """A token that lasts at least two minutes and is not the rejected one. Refused: see GetToken; Outage: Google is away."""
    deadline = monotonic() + WAIT_SECONDS
    look_again = FIRST_LOOK_SECONDS
    while True:
        async with context.db.acquire() as db:
            held = await tokens.get_credentials(db, query.account_id)
        if held is None:
            raise not_found("account")
        refusal = domain.refusal(held.status, held.status_reason, held.scopes, query.scope)
        if refusal is not None:
            raise refusal
        if token := _cached(context, query, held):
            return token
        if held.pause:
            raise Throttled("Google could not refresh this account's token; it is asked again shortly.", held.pause)
        if not held.refreshing:
            async with context.db.acquire() as db:
                lease = await tokens.claim_lease(db, query.account_id, new_id(), held.access_token)
            if lease is not None:
                if token := await _refreshed(context, query, held, lease):
                    return token
                continue  # given up, or overtaken: what is stored now says how to go on
        if monotonic() > deadline:
            raise Outage("Google takes long to refresh this account's token.")
        await asyncio.sleep(look_again)
        look_again = min(look_again * 1.5, LAST_LOOK_SECONDS)


def _cached(context: Context, query: GetToken, held: Credentials) -> Token | None:
    """The token at hand, if it lasts and Google has not just refused it."""
    if held.access_token is None or held.access_expires_at is None:
        return None
    if not domain.outlasts_a_request(held.access_expires_at, context.now()):
        return None
    access_token = _opened(context, query, held.access_token, "access")
    if access_token == query.rejected:
        return None
    return Token(
        access_token=access_token,
        expires_at=held.access_expires_at,
        scopes=held.scopes,
        address=held.address,
        user_id=held.user_id,
    )


async def _refreshed(context: Context, query: GetToken, held: Credentials, lease: Lease) -> Token | None:
    """Ask Google for a new token and store it. None: the refresh token is dead, or the lease was lost meanwhile."""
    started = perf_counter()
    try:
        grant = await context.oauth.refresh(_opened(context, query, lease.refresh_token, "refresh"))
        if grant.access_token == query.rejected:
            raise Outage("Google gave a token once more that it had refused.")
    except InvalidGrant:
        await _given_up(context, lease)
        return None
    except Misconfigured as error:
        get_logger().error("oauth_misconfigured", error=str(error))
        await _paused(context, lease, MISCONFIGURED_PAUSE)
        raise Outage(str(error)) from error
    except Refused:
        await _paused(context, lease, timedelta(0))
        raise
    except Outage as outage:
        asked = outage.retry_after if isinstance(outage, Throttled) else None
        await _paused(context, lease, min(max(asked or OUTAGE_PAUSE, OUTAGE_PAUSE), LONGEST_PAUSE))
        get_logger().warning("token_refresh_failed", account=lease.account_id, error=str(outage))
        raise
    token = Token(
        access_token=grant.access_token,
        expires_at=context.now() + grant.lifetime,
        scopes=held.scopes if grant.scopes is None else grant.scopes,
        address=held.address,
        user_id=held.user_id,
    )
    async with context.db.acquire() as db:
        if not await tokens.store_refreshed(db, lease, _sealed(context, lease, grant, token.expires_at)):
            return None
    ms = round((perf_counter() - started) * 1000, 1)
    get_logger().info("token_refreshed", user=held.user_id, account=lease.account_id, ms=ms)
    refusal = domain.refusal("active", "", token.scopes, query.scope)
    if refusal is not None:  # the user took back a permission at Google since
        raise refusal
    return token


def _sealed(context: Context, lease: Lease, grant: Grant, expires_at: datetime) -> Refreshed:
    return Refreshed(
        access_token=context.keyring.seal(grant.access_token, lease.account_id, "access"),
        access_expires_at=expires_at,
        refresh_token=context.keyring.seal(new, lease.account_id, "refresh") if (new := grant.refresh_token) else None,
        scopes=grant.scopes,
    )


async def _paused(context: Context, lease: Lease, pause: timedelta) -> None:
    async with context.db.acquire() as db:
        await tokens.pause_refreshing(db, lease, pause)


async def _given_up(context: Context, lease: Lease) -> None:
    """The account waits for its user from now on. Told once: who lost the lease meanwhile tells nothing."""
    now = context.now()
    reason = domain.reauth_reason(lease.obtained_at, lease.alive_at, now)
    async with context.db.acquire() as db, db.transaction():
        given_up = await tokens.require_reauth(db, lease, reason)
        if given_up is None:
            return
        user_id, address = given_up
        await outbox.add(
            db,
            AccountReauthRequired(user_id=user_id, account_id=lease.account_id, address=address, reason=reason, at=now),
        )
    await context.relay_outbox()
    get_logger().warning("account_reauth_required", user=user_id, account=lease.account_id)


def _opened(context: Context, query: GetToken, sealed: bytes, use: Use) -> str:
    """The token in clear. Refused: `token_unreadable` (500), with a sentence for the operator."""
    try:
        return context.keyring.open(sealed, query.account_id, use)
    except Undecryptable as error:
        get_logger().error("token_unreadable", account=query.account_id, use=use)
        raise Refused(
            500,
            "token_unreadable",
            "The stored permission can't be decrypted: the key it was encrypted with is missing from PINGCRM_SECRET_KEYS."
            " Put it back, or connect the account again.",
        ) from error
