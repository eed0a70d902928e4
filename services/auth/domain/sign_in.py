"""Signing in: what is kept while the browser is at Google, when Google's consent page is needed, how a refusal is worded."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from libs.common import scopes
from libs.common.errors import Refused
from libs.common.ids import AccountId, UserId
from services.auth.domain.policies import policy_named, policy_refusal

Prompt = Literal["consent", "select_account"]

NO_LASTING_PERMISSION = (
    "Google confirmed who you are, but gave no lasting permission to read this account. Connect it once more and agree on"
    " Google's page."
)
INVALID_STATE = (
    "This sign-in is not known here: it took longer than 10 minutes, was finished before, or began in another browser."
    " Start again."
)


OTHER_SESSION = (
    "This account was to be added in a session that has ended, or by somebody who is not signed in here any more."
    " Sign in and start again."
)


@dataclass(frozen=True)
class GoogleProfile:
    """A Google account as its ID token names it. `sub` identifies it for ever; address and name may change.

    `address_verified`: Google vouches for the address; else somebody only claims it.
    """

    sub: str
    address: str
    name: str
    address_verified: bool


class PendingSignIn(BaseModel):
    """A sign-in under way, kept while the browser is at Google.

    `user_id`: who adds or renews an account (None: signing in), in the session with this fingerprint and in no other.
    `account_id`: the account to renew, and no other.
    """

    model_config = ConfigDict(frozen=True)

    verifier: str
    nonce: str
    prompt: Prompt
    user_id: UserId | None = None
    session_fingerprint: str = ""
    account_id: AccountId | None = None


def prompt_for_renewal(holds_refresh_token: bool, granted: frozenset[str]) -> Prompt:
    """Google's consent page again only where it is needed: for a new refresh token, or to request a permission again."""
    return "select_account" if holds_refresh_token and not scopes.missing(granted) else "consent"


def needs_consent(holds_refresh_token: bool, pending: PendingSignIn) -> bool:
    """Whether the browser goes to Google once more. Not twice: a consent without a refresh token won't improve."""
    return not holds_refresh_token and pending.prompt != "consent"


def granted_scopes(named: frozenset[str] | None) -> frozenset[str]:
    """What Google's token response grants; where it names no scopes, exactly those requested (RFC 6749, 5.1)."""
    return frozenset(scopes.ALL) if named is None else named


def sign_in_refusal(error: str) -> Refused:
    """The reply to an error that Google's page sent the browser back with. Only known codes are repeated: anybody can write a URL."""
    policy = policy_named(error)
    if policy is not None:
        return policy_refusal(policy)
    match error:
        case "access_denied":
            return Refused(403, "access_denied", "You did not give the permission at Google, so nothing was connected.")
        case "server_error" | "temporarily_unavailable":
            return Refused(502, "exchange_failed", "Google could not finish the sign-in. Try again in a few minutes.")
        case _:
            return Refused(502, "exchange_failed", "Google ended the sign-in with an error. Try again.")
