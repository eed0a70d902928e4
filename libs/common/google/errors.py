"""What Google's refusals mean: another token, another try, another listing, or a notification for the user.

Throttling and outages are the ones of libs.common.errors: come again later. Everything else here is final for the call.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from libs.common.errors import Outage, Throttled


class GoogleError(Exception):
    """Google's no. `code` is for programs; the text is a sentence for people."""

    code = "google_refused"


class Unauthorized(GoogleError):
    """The access token was refused, and so was the one that came in its place."""

    code = "unauthorized"


class ReauthRequired(GoogleError):
    """Only the user can make Google accept us again."""

    code = "reauth_required"


class MissingScope(GoogleError):
    """The user has not granted the permission that this call needs."""

    code = "missing_scope"


class AccountUnknown(GoogleError):
    """`auth` does not know the account any more: it was disconnected."""

    code = "disconnected"


class Forbidden(GoogleError):
    """Google, or the administrator of the user's domain, does not let us."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class NotReady(GoogleError):
    """400 `failedPrecondition`: often passing, at times for good (no mailbox behind the account)."""

    code = "not_ready"


class Rejected(GoogleError):
    """400: the request is wrong as it is."""

    code = "rejected"


class WatchConflict(Rejected):
    """400: another client of this project watches the mailbox. Stop that watch, then watch."""

    code = "watch_conflict"


class Gone(GoogleError):
    """404: not there any more."""

    code = "gone"


class HistoryExpired(GoogleError):
    """The history id is too old: list the mailbox again."""

    code = "history_expired"


class PageExpired(GoogleError):
    """The page token is not accepted any more: begin the listing again."""

    code = "page_expired"


@contextmanager
def expiring_page(api: str, page: str | None) -> Iterator[None]:
    """Raises PageExpired where Google rejects what is requested with a page token. `api`: whose page it is, in words."""
    try:
        yield
    except Rejected as error:
        if page is None:
            raise
        raise PageExpired(f"{api} does not know the page any more.") from error


class SyncTokenExpired(GoogleError):
    """The sync token is too old: list everything again."""

    code = "sync_token_expired"


class DailyLimit(Throttled):
    """The project has used up its quota of the day; the next day begins at `ends_at`."""

    def __init__(self, now: datetime, wait: timedelta) -> None:
        super().__init__(
            "Google's quota of the day is used up for this project. It goes on when the next day begins.", wait
        )
        self.ends_at = now + wait


_RATE_REASONS = frozenset(
    {"ratelimitexceeded", "userratelimitexceeded", "quotaexceeded", "rate_limit_exceeded", "concurrentlimitexceeded"}
)
_DAILY_REASONS = frozenset({"dailylimitexceeded", "dailylimitexceededunreg"})
_SCOPE_REASONS = frozenset({"insufficientpermissions", "access_token_scope_insufficient", "insufficientscopes"})
_EXPIRED_REASONS = frozenset({"expired_sync_token", "fullsyncrequired", "updatedmintoolongago"})
# Of events.watch, with 400 and with 401: they say nothing about the token.
_ENDPOINT_REASONS = frozenset(
    {"push.webhookurlnothttps", "push.webhookurlunauthorized", "push.webhookurlinvalid", "push.webhookurlrequired"}
)
_FORBIDDEN = {
    "domainpolicy": (
        "domain_policy",
        "The administrator of this Google Workspace domain does not allow it. Ask them to allow PingCRM.",
    ),
    "accessnotconfigured": (
        "api_disabled",
        "This Google API is not switched on in your Google Cloud project. Enable it in the API library, then sync again.",
    ),
    "service_disabled": (
        "api_disabled",
        "This Google API is not switched on in your Google Cloud project. Enable it in the API library, then sync again.",
    ),
    "forbidden": (
        "forbidden",
        "Google does not let this account read that. Check whether it is still shared with you.",
    ),
}
_PACIFIC = ZoneInfo("America/Los_Angeles")  # where the days of Google's quotas begin
_WATCHED = b"Only one user push notification client allowed"
_MAX_RETRY_AFTER = timedelta(hours=6)


def error_of(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Exception:
    """The exception for a response that is not 2xx."""
    reasons = frozenset(_reasons(body))
    if reasons & _ENDPOINT_REASONS:
        return Rejected(
            "Google does not notify this address: it has to be https, with a certificate that Google accepts."
        )
    if status == 401:
        return Unauthorized("Google refused the access token.")
    if status == 410 or reasons & _EXPIRED_REASONS:
        return SyncTokenExpired("Google asks for a full listing.")
    if reasons & _DAILY_REASONS:
        return DailyLimit(now, next_quota_day(now) - now)
    if status == 429 or (status == 403 and reasons & _RATE_REASONS):
        return Throttled("Google asked us to slow down.", _retry_after(headers, now))
    if status == 403:
        return _forbidden(reasons)
    if status == 404:
        return Gone("Google does not have it any more.")
    if status == 400 and reasons & {"failedprecondition", "failed_precondition"}:
        return NotReady("Google says that this account is not ready for it. Does it have a mailbox?")
    if status == 400 and _WATCHED in body:
        return WatchConflict("Gmail already tells another client of this Google Cloud project about this mailbox.")
    if status >= 500 or status == 408:
        return Outage(f"Google answered {status}.")
    return Rejected(f"Google does not accept the request ({status}).")


def next_quota_day(now: datetime) -> datetime:
    """Midnight Pacific, when a new day of Google's quotas begins."""
    tomorrow = now.astimezone(_PACIFIC).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), _PACIFIC).astimezone(UTC)


def _forbidden(reasons: frozenset[str]) -> Exception:
    if reasons & _SCOPE_REASONS:
        return MissingScope("Google says that this permission was not granted.")
    for reason, (code, detail) in _FORBIDDEN.items():
        if reason in reasons:
            return Forbidden(code, detail)
    return Forbidden("forbidden", "Google refused this account. Try to connect it again.")


def _reasons(body: bytes) -> Iterator[str]:
    """All reasons of an error body in lower case: `errors[].reason`, `details[].reason` and `status`."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return  # a proxy's page, not Google's JSON: the status alone has to do
    error: Any = parsed.get("error") if isinstance(parsed, dict) else None
    if not isinstance(error, dict):
        return
    for name in ("errors", "details"):
        listed = error.get(name)
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict) and isinstance(item.get("reason"), str):
                yield item["reason"].lower()
    if isinstance(error.get("status"), str):
        yield error["status"].lower()


def _retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Retry-After in seconds or as a date; None where it is absent or makes no sense."""
    written = headers.get("Retry-After", "").strip()
    if not written:
        return None
    try:
        wait = timedelta(seconds=float(written))
    except (ValueError, OverflowError):
        try:
            date = parsedate_to_datetime(written)
        except ValueError:
            return None
        wait = date.replace(tzinfo=date.tzinfo or UTC) - now
    return min(max(wait, timedelta(0)), _MAX_RETRY_AFTER)
