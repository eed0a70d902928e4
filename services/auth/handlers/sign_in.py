"""Signing in with Google: the way there (`begin`) and back (`finish`)."""

from dataclasses import dataclass
from datetime import timedelta

from libs.common import outbox, scopes
from libs.common.db import Connection
from libs.common.errors import Refused, not_found
from libs.common.events import AccountConnected
from libs.common.google.id_token import Identity, Untrusted
from libs.common.google.oauth import Grant, InvalidGrant, Misconfigured
from libs.common.ids import AccountId, UserId, new_id
from libs.common.log import get_logger
from libs.common.requests import Authorization, BeginSignIn, FinishSignIn, SignedIn
from services.auth import domain
from services.auth.credentials import fingerprint, new_secret, state_key
from services.auth.dependencies import Auth
from services.auth.domain import Pending
from services.auth.store import accounts, sessions, users

STATE_LIFE = timedelta(minutes=10)


async def begin_sign_in(auth: Auth, command: BeginSignIn) -> Authorization:
    """Sign in, add an account, or renew one. Refused: `not_configured` (500), `not_found` (404)."""
    if not auth.oauth.configured:
        raise Refused(
            500,
            "not_configured",
            "Google is not set up here: set PINGCRM_GOOGLE_CLIENT_ID and PINGCRM_GOOGLE_CLIENT_SECRET.",
        )
    if command.account_id is None:
        pending = _pending("select_account", command.user_id, None)
        return Authorization(authorize_url=await _departure(auth, command.browser, pending, ""))
    if command.user_id is None:
        raise not_found("account")
    async with auth.db.acquire() as db, db.transaction():
        stored = await accounts.get_stored(db, command.user_id, command.account_id)
    if stored is None:
        raise not_found("account")
    prompt = domain.prompt_for_renewal(stored.refresh_token is not None, stored.account.scopes)
    pending = _pending(prompt, command.user_id, command.account_id)
    return Authorization(authorize_url=await _departure(auth, command.browser, pending, stored.account.address))


async def finish_sign_in(auth: Auth, command: FinishSignIn) -> SignedIn:
    """The browser is back: connect the account, and sign in who was not. Refused: see FinishSignIn."""
    taken = await auth.cache.pop(state_key(command.browser, command.state))
    if taken is None:
        raise Refused(400, "invalid_state", domain.INVALID_STATE)
    pending = Pending.model_validate_json(taken)
    if command.error or not command.code:
        get_logger().info("sign_in_declined", denied=command.error == "access_denied")
        raise domain.sign_in_refusal(command.error)
    grant, identity = await _exchanged(auth, command.code, pending)

    async with auth.db.acquire() as db, db.transaction():
        account = await _claimed(db, identity, pending)
        lasting = await _connected(auth, db, account, grant, identity)
        secret = new_secret() if pending.user_id is None else None
        expires_at = await sessions.insert_session(db, fingerprint(secret), account.user_id) if secret else None
    await auth.tell()

    get_logger().info("signed_in", user=account.user_id, account=account.id, added=secret is None, lasting=lasting)
    again = _pending("consent", account.user_id, account.id)
    return SignedIn(
        user_id=account.user_id,
        account_id=account.id,
        address=identity.address,
        session=secret,
        session_expires_at=expires_at,
        missing_scopes=tuple(scopes.missing(domain.granted_scopes(grant.scopes))),
        authorize_url=await _departure(auth, command.browser, again, identity.address)
        if domain.needs_consent(lasting, pending)
        else None,
    )


def _pending(prompt: domain.Prompt, user_id: UserId | None, account_id: AccountId | None) -> Pending:
    return Pending(verifier=new_secret(), nonce=new_secret(), prompt=prompt, user_id=user_id, account_id=account_id)


async def _departure(auth: Auth, browser: str, pending: Pending, login_hint: str) -> str:
    """Remember the sign-in under a fresh state, for this browser alone; the URL that begins it."""
    state = new_secret()
    await auth.cache.put(state_key(browser, state), pending.model_dump_json(), STATE_LIFE)
    return auth.oauth.authorize_url(
        scopes=scopes.ALL,
        state=state,
        nonce=pending.nonce,
        verifier=pending.verifier,
        prompt=pending.prompt,
        login_hint=login_hint,
    )


async def _exchanged(auth: Auth, code: str, pending: Pending) -> tuple[Grant, Identity]:
    """The tokens for the code, and who they belong to. Refused: `exchange_failed`, `misconfigured` (502)."""
    try:
        grant = await auth.oauth.exchange(code, pending.verifier)
        if grant.id_token is None:
            raise Untrusted("There was none.")
        identity = await auth.google_keys.verified(
            grant.id_token, client_id=auth.oauth.client_id, nonce=pending.nonce, now=auth.now()
        )
    except InvalidGrant as error:
        get_logger().warning("code_refused", error=str(error))
        raise Refused(502, "exchange_failed", "Google did not accept this sign-in any more. Start again.") from error
    except Misconfigured as error:
        get_logger().error("oauth_misconfigured", error=str(error))
        raise Refused(502, "misconfigured", str(error)) from error
    except Untrusted as error:
        get_logger().warning("id_token_refused", reason=str(error))
        raise Refused(
            502, "exchange_failed", f"Google's proof of who you are was not accepted. {error} Start again."
        ) from error
    return grant, identity


@dataclass(frozen=True)
class _Account:
    id: AccountId
    user_id: UserId


async def _claimed(db: Connection, identity: Identity, pending: Pending) -> _Account:
    """Whose account this is from now on; the rows of the user and the account are there and locked afterwards.

    Refused: `account_taken`, `other_account` (409), `unauthenticated` (401). Then the fresh tokens are dropped and not
    revoked: revoking would end the other user's grant too, Google has one per account and client.
    """
    await users.lock_sub(db, identity.sub)
    owner = await users.get_owner(db, identity.sub)
    if pending.user_id is not None:
        user_id = pending.user_id
        if not await users.lock_user(db, user_id):
            raise Refused(401, "unauthenticated", "You are no longer signed in. Sign in again.")
        if owner is not None and owner.held and owner.user_id != user_id:
            raise Refused(
                409,
                "account_taken",
                f"{identity.address} is connected to another user here. Disconnect it there first, or sign in with it.",
            )
        account_id = await users.get_own_account(db, user_id, identity.sub)
        if pending.account_id is not None and account_id != pending.account_id:
            raise Refused(
                409,
                "other_account",
                f"You chose {identity.address} at Google, which is not the account that was to be renewed. Start again.",
            )
    elif owner is not None and await users.lock_user(db, owner.user_id):
        user_id, account_id = owner.user_id, owner.account_id
    else:
        user_id, account_id = UserId(new_id()), None
        await users.insert_user(db, user_id, identity.sub, identity.name, identity.address)
        get_logger().info("user_created", user=user_id)
    await users.update_profile(db, user_id, identity.sub, identity.name, identity.address)
    if account_id is None:
        account_id = AccountId(new_id())
        await accounts.insert_account(
            db, account_id, user_id, identity.sub, identity.address, identity.name, domain.NO_LASTING_PERMISSION
        )
    return _Account(account_id, user_id)


async def _connected(auth: Auth, db: Connection, account: _Account, grant: Grant, identity: Identity) -> bool:
    """Store what the sign-in brought, and owe the bus the news if there is any. Whether a refresh token is held now."""
    before = await accounts.get_stored(db, account.user_id, account.id)
    assert before is not None, "_claimed made it, or found it"
    granted = accounts.Granted(
        address=identity.address,
        name=identity.name,
        scopes=domain.granted_scopes(grant.scopes),
        access_token=auth.keyring.seal(grant.access_token, account.id, "access"),
        access_expires_at=auth.now() + grant.lifetime,
        refresh_token=auth.keyring.seal(grant.refresh_token, account.id, "refresh") if grant.refresh_token else None,
    )
    await accounts.store_grant(db, account.id, granted, domain.NO_LASTING_PERMISSION)
    lasting = granted.refresh_token is not None or before.refresh_token is not None
    known = (before.account.address, before.account.scopes) == (granted.address, granted.scopes)
    if lasting and (granted.refresh_token is not None or not known):
        await outbox.add(
            db,
            AccountConnected(
                user_id=account.user_id,
                account_id=account.id,
                address=granted.address,
                scopes=granted.scopes,
                again=before.connected_before,
                at=auth.now(),
            ),
        )
    return lasting
