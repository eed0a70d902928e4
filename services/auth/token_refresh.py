"""An account's access token: opened from what is stored, or refreshed at Google by the holder of the lease (store/access_tokens.py)."""

from datetime import datetime, timedelta
from time import perf_counter

from libs.common import outbox
from libs.common.db import Connection
from libs.common.errors import Outage, Refused, Throttled
from libs.common.events import AccountConnected, AccountReauthRequired
from libs.common.fault_points import reached
from libs.common.google.oauth import Grant, InvalidGrant, Misconfigured, PolicyRefused
from libs.common.log import get_logger
from libs.common.requests import GetToken, Token
from services.auth.context import Context
from services.auth.domain.access_tokens import outlasts_a_request, reauth_reason, token_refusal
from services.auth.domain.policies import policy_reason
from services.auth.keyring import Undecryptable, Use
from services.auth.store import access_tokens
from services.auth.store.access_tokens import Credentials, RefreshedTokens, RefreshLease

OUTAGE_PAUSE = timedelta(seconds=2)
MISCONFIGURED_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=5)


def cached_token(context: Context, query: GetToken, held: Credentials) -> Token | None:
    """The token at hand, if it lasts and Google has not just refused it."""
    if held.access_token is None or held.access_expires_at is None:
        return None
    if not outlasts_a_request(held.access_expires_at, context.now()):
        return None
    access_token = _open_token(context, query, held.access_token, "access")
    if access_token == query.rejected:
        return None
    return Token(
        access_token=access_token,
        expires_at=held.access_expires_at,
        scopes=held.scopes,
        address=held.address,
        user_id=held.user_id,
    )


async def refresh_token(context: Context, query: GetToken, held: Credentials, lease: RefreshLease) -> Token | None:
    """Get a new token from Google and store it. None: the refresh token is dead, or the lease was lost meanwhile.

    Raises Outage or Throttled where Google is away, Refused where a stored token does not open or the scope is no longer granted.
    """
    started = perf_counter()
    grant = await _request_grant(context, query, lease)
    if grant is None:
        return None
    await reached("auth.token.refreshed")
    token = Token(
        access_token=grant.access_token,
        expires_at=context.now() + grant.lifetime,
        scopes=held.scopes if grant.scopes is None else grant.scopes,
        address=held.address,
        user_id=held.user_id,
    )
    refreshed = _sealed_tokens(context, lease, grant, token.expires_at)
    has_changed = token.scopes != held.scopes
    async with context.db.acquire() as connection, connection.transaction():
        if not await access_tokens.store_refreshed(connection, lease, refreshed):
            return None
        if has_changed:
            await _add_changed_permissions(context, connection, lease, token)
    if has_changed:
        await context.relay_outbox()
    ms = round((perf_counter() - started) * 1000, 1)
    get_logger().info("token_refreshed", user=held.user_id, account=lease.account_id, ms=ms)
    refusal = token_refusal("active", "", token.scopes, query.scope)
    if refusal is not None:  # the user took back a permission at Google since
        raise refusal
    return token


async def _add_changed_permissions(context: Context, connection: Connection, lease: RefreshLease, token: Token) -> None:
    """What was taken back at Google is published as what a sign-in brings is: the user is notified of it, once."""
    event = AccountConnected(
        user_id=token.user_id,
        account_id=lease.account_id,
        address=token.address,
        scopes=token.scopes,
        again=True,
        sequence=await access_tokens.get_sequence(connection, lease.account_id),
        at=context.now(),
    )
    await outbox.add(connection, event)


async def _request_grant(context: Context, query: GetToken, lease: RefreshLease) -> Grant | None:
    """Google's response to the refresh; None where it is final and the account now needs its user. A failure ends the lease."""
    try:
        grant = await context.oauth.refresh(_open_token(context, query, lease.refresh_token, "refresh"))
        if grant.access_token == query.rejected:
            raise Outage("Google gave a token once more that it had refused.")
    except PolicyRefused as refused:
        await _require_reauth(context, lease, policy_reason(refused.policy))
        return None
    except InvalidGrant:
        await _require_reauth(context, lease, reauth_reason(lease.obtained_at, lease.alive_at, context.now()))
        return None
    except Misconfigured as error:
        get_logger().error("oauth_misconfigured", error=str(error))
        await _pause_refreshing(context, lease, MISCONFIGURED_PAUSE)
        raise Outage(str(error)) from error
    except Refused:
        await _pause_refreshing(context, lease, timedelta(0))
        raise
    except Outage as outage:
        retry_after = outage.retry_after if isinstance(outage, Throttled) else None
        pause = min(max(retry_after or OUTAGE_PAUSE, OUTAGE_PAUSE), LONGEST_PAUSE)
        await _pause_refreshing(context, lease, pause)
        get_logger().warning("token_refresh_failed", account=lease.account_id, error=str(outage))
        raise
    return grant


def _sealed_tokens(context: Context, lease: RefreshLease, grant: Grant, expires_at: datetime) -> RefreshedTokens:
    seal, account_id = context.keyring.seal, lease.account_id
    return RefreshedTokens(
        access_token=seal(grant.access_token, account_id, "access"),
        access_expires_at=expires_at,
        refresh_token=seal(grant.refresh_token, account_id, "refresh") if grant.refresh_token else None,
        scopes=grant.scopes,
    )


async def _pause_refreshing(context: Context, lease: RefreshLease, pause: timedelta) -> None:
    async with context.db.acquire() as connection:
        await access_tokens.pause_refreshing(connection, lease, pause)


async def _require_reauth(context: Context, lease: RefreshLease, reason: str) -> None:
    """The account waits for its user from now on. Published once: who lost the lease meanwhile publishes nothing."""
    now = context.now()
    async with context.db.acquire() as connection, connection.transaction():
        owner = await access_tokens.require_reauth(connection, lease, reason)
        if owner is None:
            return
        user_id, address, sequence = owner
        await outbox.add(
            connection,
            AccountReauthRequired(
                user_id=user_id,
                account_id=lease.account_id,
                address=address,
                reason=reason,
                sequence=sequence,
                at=now,
            ),
        )
    await context.relay_outbox()
    get_logger().warning("account_reauth_required", user=user_id, account=lease.account_id)


def _open_token(context: Context, query: GetToken, sealed: bytes, use: Use) -> str:
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
