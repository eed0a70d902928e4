"""Which error each of Google's refusals becomes."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from libs.common.errors import Outage, Throttled
from libs.common.google import errors
from libs.common.google.errors import error_of

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def body(reason: str = "", status: str = "", info: str = "") -> bytes:
    details = [{"reason": info}] if info else []
    return orjson.dumps({"error": {"errors": [{"reason": reason}], "status": status, "details": details}})


@pytest.mark.parametrize(
    ("status", "response", "kind"),
    [
        (401, body("authError"), errors.Unauthorized),
        (403, body("rateLimitExceeded"), Throttled),
        (403, body("userRateLimitExceeded"), Throttled),
        (429, b"", Throttled),
        (403, body("dailyLimitExceeded"), errors.DailyLimit),
        (403, body("insufficientPermissions"), errors.MissingScope),
        (403, body("forbidden", info="ACCESS_TOKEN_SCOPE_INSUFFICIENT"), errors.MissingScope),
        (403, body("domainPolicy"), errors.Forbidden),
        (403, body("accessNotConfigured"), errors.Forbidden),
        (403, b"<html>", errors.Forbidden),
        (404, body("notFound"), errors.Gone),
        (410, body("fullSyncRequired"), errors.SyncTokenExpired),
        (400, body("push.webhookUrlNotHttps"), errors.Rejected),
        (401, body("push.webhookUrlUnauthorized"), errors.Rejected),
        (400, body("failedPrecondition", info="EXPIRED_SYNC_TOKEN"), errors.SyncTokenExpired),
        (400, body("failedPrecondition"), errors.NotReady),
        (400, body("invalidArgument"), errors.Rejected),
        (400, b'{"error": {"message": "Only one user push notification client allowed per developer"}}', errors.WatchConflict),
        (403, body("quotaExceeded"), Throttled), (403, body("", "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"), Throttled),
        (500, b"", Outage), (503, body("backendError"), Outage), (408, b"", Outage),
        (302, b"", errors.Rejected),
        (403, b'{"error": "text"}', errors.Forbidden), (403, b'["list"]', errors.Forbidden),
        (403, b'{"error": {"errors": 7, "details": [null], "status": []}}', errors.Forbidden),
    ],
)  # fmt: skip
def test_a_refusal_becomes_the_error_that_fits(status: int, response: bytes, kind: type[Exception]) -> None:
    error = error_of(status, {}, response, NOW)
    assert type(error) is kind
    assert str(error).endswith((".", "?"))


@pytest.mark.parametrize(
    ("written", "wait"),
    [
        ("7", timedelta(seconds=7)),
        ("-7", timedelta(0)),
        ("Wed, 04 Mar 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("999999999", timedelta(hours=6)),
        ("1e999", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms(written: str, wait: timedelta | None) -> None:
    error = error_of(429, {"Retry-After": written}, b"", NOW)
    assert isinstance(error, Throttled)
    assert error.retry_after == wait


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        ("2026-03-04T12:00Z", "2026-03-05T08:00Z"),
        ("2026-07-04T06:59Z", "2026-07-04T07:00Z"),
        ("2026-07-04T07:00Z", "2026-07-05T07:00Z"),
        ("2026-03-08T09:00Z", "2026-03-09T07:00Z"),  # the clocks go forward on that day
        ("2026-11-01T09:00Z", "2026-11-02T08:00Z"),  # and back on that one
    ],
)
def test_a_day_of_google_s_quota_begins_at_midnight_pacific(now: str, begins: str) -> None:
    moment, next_day = datetime.fromisoformat(now), datetime.fromisoformat(begins)
    assert errors.next_quota_day(moment) == next_day
    used_up = error_of(403, {}, body("dailyLimitExceeded"), moment)
    assert isinstance(used_up, errors.DailyLimit)
    assert (used_up.ends_at, used_up.retry_after) == (next_day, next_day - moment)
