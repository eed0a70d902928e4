"""Who the guests of a meeting are."""

from datetime import datetime

from pydantic import Field

from libs.common.ids import ContactId, UserId
from libs.common.requests.contacts.relationships import Score
from libs.common.requests.contacts.timelines import Interaction
from libs.common.requests.shape import Query, Shape


class Attendee(Shape):
    """What is known about one guest. `contact_id` is null where there is no contact; `last` are the newest interactions.

    A contact may have been made by the invitation alone. `first_contact_at`: the first interaction that counts; `on_file`: a card of Google
    Contacts, or something that the user wrote, stands behind it. `not_recorded`: the user asked for that.
    `met_before`: a meeting with them lies in the past.
    """

    address: str
    contact_id: ContactId | None = None
    name: str = ""
    company: str = ""
    title: str = ""
    score: Score | None = None
    on_file: bool = False
    first_contact_at: datetime | None = None
    last_contact_at: datetime | None = None
    met_before: bool = False
    bios: dict[str, str] = {}
    last: tuple[Interaction, ...] = ()
    me: bool = False
    not_recorded: bool = False


class Attendees(Shape):
    items: tuple[Attendee, ...]


class GetAttendees(Query[Attendees]):
    """The people behind these addresses, in the same order, as of `now`; only interactions before it.

    At most `last` each, and 500 in all, each with the beginning of its text and a few of its people.
    """

    subject = "contacts.attendees"
    served_by = "contacts"
    requested_by = ("prep",)
    reply = Attendees

    user_id: UserId
    addresses: tuple[str, ...]
    now: datetime
    last: int = Field(5, ge=0, le=20)
