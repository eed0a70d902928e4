"""Who the guests of a meeting are."""

from datetime import datetime

from pydantic import Field

from libs.common.ids import ContactId, UserId
from libs.common.requests.contacts.relationships import Score
from libs.common.requests.contacts.timelines import Interaction
from libs.common.requests.request import FrozenModel, Query


class GuestInteraction(Interaction):
    """A line of a guest's timeline. `open`: nobody but its author has written in its thread since, and it was not dismissed.

    `to_me`: it was written to the user, not only for their information. `times`: of a recurring meeting this is the last one, of so many
    within three months.
    """

    open: bool = False
    to_me: bool = False
    times: int = 1


class FormerWork(FrozenModel):
    """What a card of Google Contacts called somebody's work until `changed_at`, when it was found to be another."""

    company: str
    title: str
    changed_at: datetime


class Colleague(FrozenModel):
    """Somebody of the same company whom the user knows."""

    contact_id: ContactId
    name: str
    last_contact_at: datetime


class GroupMeeting(FrozenModel):
    """A past meeting of the user with exactly these guests."""

    title: str
    starts_at: datetime


class Attendee(FrozenModel):
    """What is known about one guest. `contact_id` is null where there is no contact.

    `last`: what passed between them last, newest first: what was written comes before meetings, and a recurring meeting counts once.

    A contact may have been made by the invitation alone. `first_contact_at`: the first interaction that counts; `on_file`: a card of Google
    Contacts, or something that the user wrote, stands behind it. `not_recorded`: the user asked for that.
    `met_before`: a meeting with them lies in the past, the last one at `last_met_at`; `written_since_met`: so much was written to and fro
    since. `colleagues`: where there is no history with them, the people of their company with whom there is, the last contact first.
    """

    address: str
    contact_id: ContactId | None = None
    name: str = ""
    company: str = ""
    title: str = ""
    birthday: str = ""
    score: Score | None = None
    on_file: bool = False
    first_contact_at: datetime | None = None
    last_contact_at: datetime | None = None
    met_before: bool = False
    last_met_at: datetime | None = None
    written_since_met: int = 0
    former_work: FormerWork | None = None
    colleagues: tuple[Colleague, ...] = ()
    bios: dict[str, str] = {}
    last: tuple[GuestInteraction, ...] = ()
    me: bool = False
    not_recorded: bool = False


class Attendees(FrozenModel):
    """`met_together`: the last time that all of them, and nobody else, met with the user; only where there are two or more of them."""

    items: tuple[Attendee, ...]
    met_together: GroupMeeting | None = None


class GetAttendees(Query[Attendees]):
    """The people behind these addresses, in the same order, as of `now`; only interactions before it.

    At most `last` each, and 500 in all, each with the beginning of its text and a few of its people. With `last` 0 nothing that it takes
    the interactions to know: neither when they met, nor colleagues, nor former work.
    """

    subject = "contacts.attendees"
    served_by = "contacts"
    requested_by = ("prep",)
    reply = Attendees

    user_id: UserId
    addresses: tuple[str, ...]
    now: datetime
    last: int = Field(5, ge=0, le=20)
