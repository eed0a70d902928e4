"""Signing in with Google: the way there (`begin_sign_in`) and back (`finish_sign_in`)."""

from dataclasses import dataclass
from datetime import datetime

from libs.common import scopes
from libs.common.errors import Refused, not_found
from libs.common.fault_points import reached
from libs.common.google.oauth import Grant
from libs.common.log import get_logger
from libs.common.requests import Authorization, BeginSignIn, FinishSignIn, GetSignInSetup, SignedIn, SignInSetup
from services.auth.account_linking import LinkedAccount, link_account, store_grant
from services.auth.authorization import (
    begin_authorization,
    exchange_code,
    new_connection,
    new_sign_in,
    take_pending,
)
from services.auth.context import Context
from services.auth.credentials import fingerprint, new_secret
from services.auth.domain.sign_in import (
    INVALID_STATE,
    OTHER_SESSION,
    GoogleProfile,
    PendingSignIn,
    granted_scopes,
    needs_consent,
    prompt_for_renewal,
    sign_in_refusal,
)
from services.auth.domain.sign_up import NotAdmitted
from services.auth.revocation import revoke_unused
from services.auth.store import accounts, sessions


@dataclass(frozen=True)
class Connected:
    """What became of a sign-in. `session` is a new one, where the user had none; `lasting`: a refresh token is held."""

    account: LinkedAccount
    lasting: bool
    session: str | None
    session_expires_at: datetime | None


async def get_setup(context: Context, _: GetSignInSetup) -> SignInSetup:
    return SignInSetup(missing=context.oauth.missing_settings)


async def begin_sign_in(context: Context, command: BeginSignIn) -> Authorization:
    """Sign in, add an account, or renew one. Refused: see BeginSignIn."""
    if not context.oauth.configured:
        raise Refused(
            500,
            "not_configured",
            "Google is not set up here: set PINGCRM_GOOGLE_CLIENT_ID and PINGCRM_GOOGLE_CLIENT_SECRET.",
        )
    if command.session is not None:
        return await _begin_connection(context, command, command.session)
    if command.account_id is not None:
        raise not_found("account")
    return Authorization(authorize_url=await begin_authorization(context, command.browser, new_sign_in()))


async def _begin_connection(context: Context, command: BeginSignIn, session: str) -> Authorization:
    async with context.db.acquire() as connection, connection.transaction():
        user = await sessions.get_user_of_session(connection, fingerprint(session))
        if user is None:
            raise Refused(401, "unauthenticated", "You are not signed in any more. Sign in again.")
        if command.account_id is None:
            stored = None
        elif (stored := await accounts.get_account_for_update(connection, user.id, command.account_id)) is None:
            raise not_found("account")
    if stored is None:
        pending, login_hint = new_connection("select_account", user.id, session, None), ""
    else:
        prompt = prompt_for_renewal(stored.refresh_token is not None, stored.account.scopes)
        pending, login_hint = new_connection(prompt, user.id, session, stored.account.id), stored.account.address
    url = await begin_authorization(context, command.browser, pending, login_hint=login_hint)
    return Authorization(authorize_url=url)


async def finish_sign_in(context: Context, command: FinishSignIn) -> SignedIn:
    """The browser is back: connect the account, and sign in who was not. Refused: see FinishSignIn."""
    pending = await take_pending(context, command.browser, command.state)
    if pending is None:
        raise Refused(400, "invalid_state", INVALID_STATE)
    await _require_session_of(context, pending, command.session)
    if command.error or not command.code:
        get_logger().info("sign_in_declined", denied=command.error == "access_denied")
        raise sign_in_refusal(command.error)
    grant, profile = await exchange_code(context, command.code, pending)
    await reached("auth.code.exchanged")
    try:
        connected = await _connect(context, pending, grant, profile)
    except NotAdmitted:
        revoked = await revoke_unused(context, grant)
        get_logger().info("sign_up_refused", revoked=revoked)
        raise context.sign_up.refusal(revoked=revoked) from None
    await context.relay_outbox()

    account = connected.account
    added = connected.session is None
    get_logger().info("signed_in", user=account.user_id, account=account.id, added=added, lasting=connected.lasting)
    consent_url = None
    if needs_consent(connected.lasting, pending):
        session = connected.session or command.session
        assert session is not None, "who was signed in has a session, and who was not has a new one"
        with_consent = new_connection("consent", account.user_id, session, account.id)
        consent_url = await begin_authorization(context, command.browser, with_consent, login_hint=profile.address)
    return SignedIn(
        user_id=account.user_id,
        account_id=account.id,
        address=profile.address,
        session=connected.session,
        session_expires_at=connected.session_expires_at,
        missing_scopes=tuple(scopes.missing(granted_scopes(grant.scopes))),
        authorize_url=consent_url,
    )


async def _require_session_of(context: Context, pending: PendingSignIn, session: str | None) -> None:
    """What was begun in a session is finished in it, while it lasts. Refused: `invalid_state` (400)."""
    if pending.user_id is None:
        return
    if session is not None and fingerprint(session).hex() == pending.session_fingerprint:
        async with context.db.acquire() as connection:
            user = await sessions.get_user_of_session(connection, fingerprint(session))
        if user is not None and user.id == pending.user_id:
            return
    raise Refused(400, "invalid_state", OTHER_SESSION)


async def _connect(context: Context, pending: PendingSignIn, grant: Grant, profile: GoogleProfile) -> Connected:
    """Everything that a sign-in stores, or nothing. NotAdmitted: this person may not become a user. Refused: see link_account."""
    secret = new_secret() if pending.user_id is None else None
    async with context.db.acquire() as connection, connection.transaction():
        account = await link_account(connection, context.sign_up, profile, pending)
        lasting = await store_grant(context, connection, account, grant, profile)
        expires_at = await sessions.insert_session(connection, fingerprint(secret), account.user_id) if secret else None
    return Connected(account, lasting, secret, expires_at)
