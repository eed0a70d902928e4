"""The authorization code flow with Google: the URL that begins it, and the tokens for the code that ends it."""

from datetime import timedelta

from libs.common import scopes
from libs.common.errors import Refused
from libs.common.google.id_token import Untrusted
from libs.common.google.oauth import Grant, InvalidGrant, Misconfigured
from libs.common.ids import AccountId, UserId
from libs.common.log import get_logger
from services.auth.context import Context
from services.auth.credentials import new_secret, state_key
from services.auth.domain.sign_in import GoogleProfile, PendingSignIn, Prompt

STATE_LIFE = timedelta(minutes=10)


def new_pending(prompt: Prompt, user_id: UserId | None, account_id: AccountId | None) -> PendingSignIn:
    """A sign-in with a fresh PKCE verifier and nonce."""
    return PendingSignIn(
        verifier=new_secret(), nonce=new_secret(), prompt=prompt, user_id=user_id, account_id=account_id
    )


async def begin_authorization(context: Context, browser: str, pending: PendingSignIn, *, login_hint: str = "") -> str:
    """Remember the sign-in under a fresh state, for this browser alone; the URL that begins it."""
    state = new_secret()
    await context.cache.put(state_key(browser, state), pending.model_dump_json(), STATE_LIFE)
    return context.oauth.authorize_url(
        scopes=scopes.ALL,
        state=state,
        nonce=pending.nonce,
        verifier=pending.verifier,
        prompt=pending.prompt,
        login_hint=login_hint,
    )


async def exchange_code(context: Context, code: str, pending: PendingSignIn) -> tuple[Grant, GoogleProfile]:
    """The tokens for the code, and who they belong to. Refused: `exchange_failed`, `misconfigured` (502)."""
    try:
        grant = await context.oauth.exchange(code, pending.verifier)
        if grant.id_token is None:
            raise Untrusted("There was none.")
        identity = await context.google_keys.verified(
            grant.id_token, client_id=context.oauth.client_id, nonce=pending.nonce, now=context.now()
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
    return grant, GoogleProfile(sub=identity.sub, address=identity.address, name=identity.name)
