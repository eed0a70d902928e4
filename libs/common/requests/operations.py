"""How the installation is: requests that say nothing of any user. The gateway sends them for operators, whom it has asked `auth` about.

Each service takes its own measurements, for `/metrics` and for these requests alike (libs/common/measuring.py). `contacts`, which may
delete dead letters, is who reads and replays them (topology.py); a letter is handled again by the service that gave it up.
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Base64Bytes, Field

from libs.common.ids import Service
from libs.common.requests.request import Command, Done, FrozenModel, Query

LETTERS_SHOWN = 50


class Sample(FrozenModel):
    """One number with its name and labels, as Prometheus has them. Neither names a user, an account, or anything that others wrote."""

    name: str
    labels: Mapping[str, str] = Field(default_factory=dict)
    value: float


class Measurements(FrozenModel):
    """What a service has measured of itself just now, or moments ago."""

    items: tuple[Sample, ...]


class MeasureAuth(Query[Measurements]):
    subject = "auth.measure"
    served_by = "auth"
    requested_by = ("gateway",)
    reply = Measurements


class MeasureSync(Query[Measurements]):
    subject = "sync.measure"
    served_by = "sync"
    requested_by = ("gateway",)
    reply = Measurements


class MeasureContacts(Query[Measurements]):
    subject = "contacts.measure"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Measurements


class MeasurePrep(Query[Measurements]):
    subject = "prep.measure"
    served_by = "prep"
    requested_by = ("gateway",)
    reply = Measurements


class LetterSummary(FrozenModel):
    """A dead letter without its payload and without whom it is about. `consumer` gave it up; `subject` is its event's.

    `at` and `attempts` are None where the service that wrote it put no time and no number there. `is_replayable`: it can be handled again
    from here; the others are for `pingcrm dead`, which publishes them to everybody.
    """

    number: int
    at: datetime | None
    consumer: str
    subject: str
    attempts: int | None
    reason: str
    trace: str
    is_replayable: bool


class Letters(FrozenModel):
    items: tuple[LetterSummary, ...]


class ListDeadLetters(Query[Letters]):
    """The oldest dead letters of all services."""

    subject = "contacts.dead_letters"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Letters

    limit: int = Field(LETTERS_SHOWN, ge=1, le=LETTERS_SHOWN)


class ReplayDeadLetter(Command[Done]):
    """Have the service that gave a letter up handle it again; then it is gone.

    Refused: `not_found` (404), `not_replayable` (409), `failed_again` (422) with the reason; the letter stays.
    """

    subject = "contacts.replay_dead_letter"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Done

    number: int = Field(ge=1)


class HandleAgain(Command[Done]):
    """A dead letter of the service that serves this: its handler is called once more. Refused: `not_replayable`, `failed_again`."""

    requested_by = ("contacts",)
    reply = Done

    event_subject: str
    payload: Base64Bytes = Field(repr=False)


class HandleAgainInSync(HandleAgain):
    subject = "sync.handle_again"
    served_by = "sync"


class HandleAgainInPrep(HandleAgain):
    subject = "prep.handle_again"
    served_by = "prep"


class HandleAgainInGateway(HandleAgain):
    subject = "gateway.handle_again"
    served_by = "gateway"


HANDLE_AGAIN: Mapping[Service, type[HandleAgain]] = {
    "sync": HandleAgainInSync,
    "prep": HandleAgainInPrep,
    "gateway": HandleAgainInGateway,
}
