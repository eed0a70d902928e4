"""What a failure means for the caller: retry later, give up, or notify the user. Edges translate into these."""

from datetime import timedelta


class Outage(Exception):
    """Something that we need is away (database, bus, Redis, Google). Try again later; this is no failure of the work."""


class Throttled(Outage):
    """The other side demands a pause. `retry_after` is how long, where it is known."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QuotaFull(Throttled):
    """By our own count the other side's quota has no room for a call before `room_in` is over; then it has, unless others come first."""

    def __init__(self, message: str, room_in: timedelta) -> None:
        super().__init__(message, room_in)
        self.room_in = room_in


class Unprocessable(Exception):
    """This piece of work can never succeed as it is: to the dead letters, with this reason."""


class PayloadTooLarge(Unprocessable):
    """An event is larger than the bus carries, and would be so again at each retry: publish less of it."""

    def __init__(self, subject: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"{subject} has {size_bytes:,} bytes; the bus carries at most {limit_bytes:,}.")
        self.subject = subject
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class Refused(Exception):
    """A request was refused. `status` is HTTP's; `code` is for programs, `detail` a sentence for people."""

    def __init__(self, status: int, code: str, detail: str, **extra: object) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = extra


def not_found(what: str) -> Refused:
    """The refusal for what does not exist and for what belongs to another user alike."""
    return Refused(404, "not_found", f"There is no such {what}.")
