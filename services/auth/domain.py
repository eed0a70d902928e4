"""The decisions of signing in, keeping tokens fresh and giving an account up. Pure."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from libs.common import scopes as google
from libs.common.errors import Refused, not_found
from libs.common.ids import AccountId, UserId
from libs.common.requests import AccountStatus

# An access token is given only while it lasts at least this long: long enough for any one request to Google.
MIN_TOKEN_LIFE = timedelta(minutes=2)

# Google ends refresh tokens of External apps in the publishing status Testing after this time.
TESTING_LIMIT = timedelta(days=7)
TESTING_MARGIN = timedelta(hours=12)

API_TOKEN_NAME_LENGTH = 100
API_TOKENS_PER_USER = 50

Prompt = Literal["consent", "select_account"]

NO_LASTING_PERMISSION = (
    "Google confirmed who you are, but gave no lasting permission to read this account. Connect it once more and agree on"
    " Google's page."
)


class Pending(BaseModel):
    """A sign-in under way, kept while the browser is at Google.

    `user_id`: who adds or renews an account (None: signing in). `account_id`: the account to renew, and no other.
    """

    model_config = ConfigDict(frozen=True)

    verifier: str
    nonce: str
    prompt: Prompt
    user_id: UserId | None = None
    account_id: AccountId | None = None


def prompt_for_renewal(holds_refresh_token: bool, granted: frozenset[str]) -> Prompt:
    """Google's consent page again only where it is needed: for a new refresh token, or to ask for a permission again."""
    return "select_account" if holds_refresh_token and not google.missing(granted) else "consent"


def needs_consent(holds_refresh_token: bool, pending: Pending) -> bool:
    """Whether the browser goes to Google once more. Not twice: a consent without a refresh token won't improve."""
    return not holds_refresh_token and pending.prompt != "consent"


def granted_scopes(answered: frozenset[str] | None) -> frozenset[str]:
    """What the token answer grants; where it does not say, exactly what was asked (RFC 6749, 5.1)."""
    return frozenset(google.ALL) if answered is None else answered


def refusal(status: AccountStatus, reason: str, granted: frozenset[str], scope: str) -> Refused | None:
    """Why no access token is given for this scope; None where it may be."""
    if status == "disconnected":
        return not_found("account")
    if status == "reauth_required":
        return Refused(409, "reauth_required", reason)
    if scope not in granted:
        feature = google.FEATURES.get(scope, "this")
        return Refused(403, "missing_scope", f"The permission for {feature} was not given to PingCRM.", scope=scope)
    return None


def outlasts_a_request(expires_at: datetime | None, now: datetime) -> bool:
    """Whether an access token with this end is still worth giving."""
    return expires_at is not None and expires_at - now > MIN_TOKEN_LIFE


def reauth_reason(obtained_at: datetime, alive_at: datetime, now: datetime) -> str:
    """Why Google no longer accepts a refresh token, in plain words.

    The token died between `alive_at`, when it last worked, and `now`. Where its seventh day falls in between, it was Google's limit
    for apps in Testing; before or after that it can't have been.
    """
    limit = obtained_at + TESTING_LIMIT
    if alive_at - TESTING_MARGIN <= limit <= now + TESTING_MARGIN:
        return (
            "Google ended the permission after 7 days, as it does for apps whose publishing status is “Testing”."
            " Reconnect the account; to stop this, publish the app in the Google Cloud console."
        )
    return (
        "Google no longer accepts the permission: it was revoked, the account's password was changed, or it was unused for six months."
        " Reconnect the account to go on."
    )


def sign_in_refusal(error: str) -> Refused:
    """The answer to an error that Google's page sent the browser back with. Only known codes are repeated: anybody can write a URL."""
    match error:
        case "access_denied":
            return Refused(403, "access_denied", "You did not give the permission at Google, so nothing was connected.")
        case "admin_policy_enforced" | "org_internal":
            return Refused(403, "access_denied", "The administrator of this Google account does not allow PingCRM.")
        case "server_error" | "temporarily_unavailable":
            return Refused(502, "exchange_failed", "Google could not finish the sign-in. Try again in a few minutes.")
        case _:
            return Refused(502, "exchange_failed", "Google ended the sign-in with an error. Try again.")


INVALID_STATE = (
    "This sign-in is not known here: it took longer than 10 minutes, was finished before, or began in another browser."
    " Start again."
)


def api_token_name(name: str) -> str:
    """The name as it is stored. Refused: `invalid_name` (422)."""
    trimmed = " ".join(name.split())
    if not trimmed or len(trimmed) > API_TOKEN_NAME_LENGTH or not trimmed.isprintable():
        raise Refused(
            422, "invalid_name", f"Give the token a name of 1 to {API_TOKEN_NAME_LENGTH} printable characters."
        )
    return trimmed
