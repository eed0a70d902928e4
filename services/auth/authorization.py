"""The authorization code flow with Google: the URL that begins it, and the tokens for the code that ends it."""

from datetime import timedelta

from pydantic import ValidationError

from libs.common import scopes
from libs.common.errors import Refused
from libs.common.google.id_token import Untrusted
from libs.common.google.oauth import Grant, InvalidGrant, Misconfigured, PolicyRefused
from libs.common.ids import AccountId, UserId
from libs.common.log import get_logger
from services.auth.context import Context
from services.auth.credentials import fingerprint, new_secret, state_key
from services.auth.domain.policies import policy_refusal
from services.auth.domain.sign_in import GoogleProfile, PendingSignIn, Prompt
from services.auth.keyring import Undecryptable

STATE_LIFE = timedelta(minutes=10)


def new_sign_in() -> PendingSignIn:
    """Somebody signs in, with a fresh PKCE verifier and nonce."""
    return PendingSignIn(verifier=new_secret(), nonce=new_secret(), prompt="select_account")


def new_connection(prompt: Prompt, user_id: UserId, session: str, account_id: AccountId | None) -> PendingSignIn:
    """The session's user adds an account, or renews one."""
    return PendingSignIn(
        verifier=new_secret(),
        nonce=new_secret(),
        prompt=prompt,
        user_id=user_id,
        session_fingerprint=fingerprint(session).hex(),
        account_id=account_id,
    )


async def begin_authorization(context: Context, browser: str, pending: PendingSignIn, *, login_hint: str = "") -> str:
    """Remember the sign-in under a fresh state, for this browser alone; the URL that begins it.

    It is sealed: who can read or write Redis learns no verifier, and makes nobody add an account to another user.
    """
    state = new_secret()
    key = state_key(browser, state)
    await context.cache.put(key, context.keyring.seal(pending.model_dump_json(), key, "sign_in"), STATE_LIFE)
    return context.oauth.authorize_url(
        scopes=scopes.ALL,
        state=state,
        nonce=pending.nonce,
        verifier=pending.verifier,
        prompt=pending.prompt,
        login_hint=login_hint,
    )


async def take_pending(context: Context, browser: str, state: str) -> PendingSignIn | None:
    """The sign-in that was begun under this state in this browser, once; None where there is none."""
    key = state_key(browser, state)
    sealed = await context.cache.pop(key)
    if sealed is None:
        return None
    try:
        return PendingSignIn.model_validate_json(context.keyring.open(sealed, key, "sign_in"))
    except (Undecryptable, ValidationError) as error:
        get_logger().warning("sign_in_unreadable", error=type(error).__name__)
        return None


async def exchange_code(context: Context, code: str, pending: PendingSignIn) -> tuple[Grant, GoogleProfile]:
    """The tokens for the code, and who they belong to. Refused: `policy_refused` (403), `exchange_failed`, `misconfigured` (502)."""
    try:
        grant = await context.oauth.exchange(code, pending.verifier)
        if grant.id_token is None:
            raise Untrusted("There was none.")
        identity = await context.google_keys.verified(
            grant.id_token, client_id=context.oauth.client_id, nonce=pending.nonce, now=context.now()
        )
    except PolicyRefused as error:
        get_logger().info("sign_in_declined", denied=True, policy=error.policy)
        raise policy_refusal(error.policy) from error
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
    return grant, GoogleProfile(identity.sub, identity.address, identity.name, identity.address_verified)
