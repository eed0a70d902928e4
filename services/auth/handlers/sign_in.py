"""Signing in with Google: the way there (`begin_sign_in`) and back (`finish_sign_in`)."""

from libs.common import scopes
from libs.common.errors import Refused, not_found
from libs.common.log import get_logger
from libs.common.requests import Authorization, BeginSignIn, FinishSignIn, SignedIn
from services.auth.account_linking import link_account, store_grant
from services.auth.authorization import begin_authorization, exchange_code, new_pending
from services.auth.context import Context
from services.auth.credentials import fingerprint, new_secret, state_key
from services.auth.domain.sign_in import (
    INVALID_STATE,
    PendingSignIn,
    granted_scopes,
    needs_consent,
    prompt_for_renewal,
    sign_in_refusal,
)
from services.auth.store import accounts, sessions


async def begin_sign_in(context: Context, command: BeginSignIn) -> Authorization:
    """Sign in, add an account, or renew one. Refused: `not_configured` (500), `not_found` (404)."""
    if not context.oauth.configured:
        raise Refused(
            500,
            "not_configured",
            "Google is not set up here: set PINGCRM_GOOGLE_CLIENT_ID and PINGCRM_GOOGLE_CLIENT_SECRET.",
        )
    if command.account_id is None:
        pending = new_pending("select_account", command.user_id, None)
        return Authorization(authorize_url=await begin_authorization(context, command.browser, pending))
    if command.user_id is None:
        raise not_found("account")
    async with context.db.acquire() as connection, connection.transaction():
        stored = await accounts.get_account_for_update(connection, command.user_id, command.account_id)
    if stored is None:
        raise not_found("account")
    prompt = prompt_for_renewal(stored.refresh_token is not None, stored.account.scopes)
    pending = new_pending(prompt, command.user_id, command.account_id)
    url = await begin_authorization(context, command.browser, pending, login_hint=stored.account.address)
    return Authorization(authorize_url=url)


async def finish_sign_in(context: Context, command: FinishSignIn) -> SignedIn:
    """The browser is back: connect the account, and sign in who was not. Refused: see FinishSignIn."""
    remembered = await context.cache.pop(state_key(command.browser, command.state))
    if remembered is None:
        raise Refused(400, "invalid_state", INVALID_STATE)
    pending = PendingSignIn.model_validate_json(remembered)
    if command.error or not command.code:
        get_logger().info("sign_in_declined", denied=command.error == "access_denied")
        raise sign_in_refusal(command.error)
    grant, profile = await exchange_code(context, command.code, pending)

    async with context.db.acquire() as connection, connection.transaction():
        account = await link_account(connection, profile, pending)
        lasting = await store_grant(context, connection, account, grant, profile)
        secret = new_secret() if pending.user_id is None else None
        expires_at = await sessions.insert_session(connection, fingerprint(secret), account.user_id) if secret else None
    await context.relay_outbox()

    get_logger().info("signed_in", user=account.user_id, account=account.id, added=secret is None, lasting=lasting)
    consent_url = None
    if needs_consent(lasting, pending):
        with_consent = new_pending("consent", account.user_id, account.id)
        consent_url = await begin_authorization(context, command.browser, with_consent, login_hint=profile.address)
    return SignedIn(
        user_id=account.user_id,
        account_id=account.id,
        address=profile.address,
        session=secret,
        session_expires_at=expires_at,
        missing_scopes=tuple(scopes.missing(granted_scopes(grant.scopes))),
        authorize_url=consent_url,
    )
