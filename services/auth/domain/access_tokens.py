"""Access tokens: which is still worth handing out, why none is, and why Google no longer accepts a refresh token."""

from datetime import datetime, timedelta

from libs.common import scopes
from libs.common.errors import Refused, not_found
from libs.common.requests import AccountStatus

# An access token is handed out only while it lasts at least this long: long enough for any single request to Google.
MIN_TOKEN_LIFE = timedelta(minutes=2)

# Google ends refresh tokens of External apps in the publishing status Testing after this time.
TESTING_LIMIT = timedelta(days=7)
TESTING_MARGIN = timedelta(hours=12)

KEY_LOST = (
    "The key with which PingCRM had encrypted the permission is lost, so that it can't be used any more."
    " Reconnect the account to go on."
)


def token_refusal(status: AccountStatus, reason: str, granted: frozenset[str], scope: str) -> Refused | None:
    """Why no access token is handed out for this scope; None where it may be."""
    if status == "disconnected":
        return not_found("account")
    if status == "reauth_required":
        return Refused(409, "reauth_required", reason)
    if scope not in granted:
        feature = scopes.FEATURES.get(scope, "this")
        return Refused(403, "missing_scope", f"The permission for {feature} was not given to PingCRM.", scope=scope)
    return None


def outlasts_a_request(expires_at: datetime | None, now: datetime) -> bool:
    """Whether an access token with this end is still worth handing out."""
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
