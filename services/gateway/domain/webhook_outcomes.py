"""What became of webhook calls, in words for people: what went wrong, what to do about it, what happens next. Pure."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Literal, NamedTuple
from uuid import UUID

from services.gateway.domain.webhook_delivery import retry_delay

About = Literal["notification", "contacts", "test"]
CallSubject = tuple[About, UUID | None]
"""What a call is about; of notifications with the id."""

PRIVATE_ADDRESS = "private address"


class CallOutcome(NamedTuple):
    """What became of a call. `failure`: a short name of what went wrong, empty where the receiver took it (2xx)."""

    failure: str
    milliseconds: int


class WebhookCall(NamedTuple):
    """A call that was made, as it is kept for people. `notification_id` and `title`: of its notification, where it is about one."""

    called_at: datetime
    about: About
    notification_id: UUID | None
    title: str
    attempt: int
    failure: str
    milliseconds: int


class CallLine(NamedTuple):
    """A call as the page shows it. `next_at`: when it is tried again; `given_up`: it is not, although it failed."""

    call: WebhookCall
    name: str
    explained: "Explanation"
    next_at: datetime | None
    given_up: bool


class Explanation(NamedTuple):
    """What went wrong, as the end of a sentence, and what to do about it, as a sentence; both empty where nothing did."""

    what: str
    advice: str


_NAMES: dict[About, str] = {"notification": "A notification", "contacts": "Contacts changed", "test": "Test"}


def call_lines(calls: Sequence[WebhookCall]) -> list[CallLine]:
    """The calls, newest first, each in words. Of several tries of one call only the last one says what comes next."""
    seen: set[CallSubject] = set()
    lines = []
    for call in calls:
        subject = call.about, call.notification_id
        last = bool(call.failure) and call.about != "test" and subject not in seen
        delay = retry_delay(call.attempt) if last else None
        seen.add(subject)
        name = call.title or _NAMES[call.about]
        next_at = call.called_at + delay if delay else None
        lines.append(CallLine(call, name, explanation(call.failure), next_at, last and delay is None))
    return lines


def explanation(failure: str) -> Explanation:
    """In words, of the name that is kept."""
    status = failure.removeprefix("status ")
    if status != failure and status.isdecimal():
        return _of_status(int(status))
    return _FAILURES.get(failure, _BROKEN_OFF) if failure else Explanation("", "")


def _of_status(status: int) -> Explanation:
    what = f"the receiver answered {status}"
    if 300 <= status < 400:
        return Explanation(
            f"{what}: it leads elsewhere, and that is not followed", "Enter the URL that it leads to, with its slashes."
        )
    if status in (401, 403):
        return Explanation(
            f"{what}: it does not let calls in", "Give the receiver the secret that signs now, or make a new one here."
        )
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return Explanation(f"{what}: nothing is at this URL", "Check the path of the URL.")
    if status >= 500:
        return Explanation(f"{what}: it is in trouble itself", "Look at the receiver's own log.")
    return Explanation(what, "Look at the receiver's own log: it takes a call by answering 200 to 299.")


_BROKEN_OFF = Explanation("the connection broke off", "Look at the receiver's own log.")
_UNREACHABLE = Explanation(
    "nothing answers at this address", "Check that the receiver runs, its port, and its firewall."
)
_BAD_CERTIFICATE = Explanation(
    "its certificate is not valid", "Renew it, and send the whole chain; a self-signed one is not taken."
)
_TOO_SLOW = Explanation("it did not answer within 10 seconds", "Answer first, with 204, and work afterwards.")
_NOT_ALLOWED = "Choose a public host, or have whoever runs this PingCRM name its network in PINGCRM_WEBHOOK_ALLOW."
_FAILURES = {
    PRIVATE_ADDRESS: Explanation("its host is not on the public internet", _NOT_ALLOWED),
    "ClientConnectorDNSError": Explanation(
        "its name can't be found, or is not on the public internet", f"Check the name. {_NOT_ALLOWED}"
    ),
    "ClientConnectorCertificateError": _BAD_CERTIFICATE,
    "ClientConnectorSSLError": _BAD_CERTIFICATE,
    "ClientConnectorError": _UNREACHABLE,
    "ConnectionRefusedError": _UNREACHABLE,
    "TimeoutError": _TOO_SLOW,
    "ServerTimeoutError": _TOO_SLOW,
    "SocketTimeoutError": _TOO_SLOW,
    "ConnectionTimeoutError": _TOO_SLOW,
}
