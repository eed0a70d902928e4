"""Errors in the words and shapes of Google's APIs."""

from dataclasses import dataclass, field
from typing import Any

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    410: "GONE",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
}


@dataclass
class GoogleError(Exception):
    """A response other than 2xx. `reason` is the old-style one of `errors[]`, `info` the ErrorInfo reason of `details[]`."""

    status: int
    reason: str
    message: str
    domain: str = "global"
    location: tuple[str, str] | None = None
    code: str | None = None
    info: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        item = {"message": self.message, "domain": self.domain, "reason": self.reason}
        if self.location:
            item["locationType"], item["location"] = self.location
        error: dict[str, Any] = {
            "code": self.status,
            "message": self.message,
            "errors": [item],
            "status": self.code or _STATUS.get(self.status, "UNKNOWN"),
        }
        if self.info:
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            error["details"] = [{"@type": kind, "reason": self.info, "domain": "googleapis.com"}]
        return {"error": error}


def not_found(message: str = "Requested entity was not found.") -> GoogleError:
    return GoogleError(404, "notFound", message)


def invalid(message: str, parameter: str | None = None) -> GoogleError:
    """400 for an argument that can't be used."""
    return GoogleError(400, "invalidArgument", message, location=("parameter", parameter) if parameter else None)


def failed_precondition(message: str = "Precondition check failed.") -> GoogleError:
    return GoogleError(400, "failedPrecondition", message, code="FAILED_PRECONDITION")


def unauthenticated() -> GoogleError:
    return GoogleError(
        401,
        "authError",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"
        " authentication credential.",
        location=("header", "Authorization"),
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'},
    )


def insufficient_scope() -> GoogleError:
    return GoogleError(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        info="ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="insufficient_scope"'},
    )


def rate_limited(reason: str, status: int = 403, retry_after: int | None = None) -> GoogleError:
    """`reason`: `userRateLimitExceeded` or `rateLimitExceeded`. `retry_after`: seconds."""
    whose = "user" if reason.startswith("user") else "project"
    return GoogleError(
        status,
        reason,
        f"Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per {whose}' of service"
        " 'gmail.googleapis.com'.",
        domain="usageLimits",
        code="RESOURCE_EXHAUSTED",
        info="RATE_LIMIT_EXCEEDED",
        headers={} if retry_after is None else {"Retry-After": str(retry_after)},
    )


def too_many_at_once() -> GoogleError:
    return GoogleError(
        429, "rateLimitExceeded", "Too many concurrent requests for user", "usageLimits", code="RESOURCE_EXHAUSTED"
    )


def daily_limit() -> GoogleError:
    return GoogleError(403, "dailyLimitExceeded", "Daily Limit Exceeded", "usageLimits")


def backend_error(status: int = 503) -> GoogleError:
    return GoogleError(status, "backendError", "The service is currently unavailable.")
