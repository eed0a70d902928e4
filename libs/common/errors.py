"""What a failure asks of the caller: come again later, give up, or tell the user. Edges translate into these."""

from datetime import timedelta


class Outage(Exception):
    """Something that we need is away (database, bus, Redis, Google). Try again later; this is no strike against the work."""


class Throttled(Outage):
    """We were told to slow down. `retry_after` is the wait that was asked for."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unprocessable(Exception):
    """This piece of work can never succeed as it is: to the dead letters, with this reason."""


class Refused(Exception):
    """A question was answered with a no. `status` is HTTP's; `code` is for programs, `detail` a sentence for people."""

    def __init__(self, status: int, code: str, detail: str, **extra: object) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = extra


def not_found(what: str) -> Refused:
    """The answer for what does not exist and for what belongs to another user alike."""
    return Refused(404, "not_found", f"There is no such {what}.")
