"""Timelines: what passed between the user and a contact, what is added by hand, and what waits on the user."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from libs.common.events import Person
from libs.common.ids import AccountId, ContactId, InteractionId, UserId
from libs.common.requests.request import Command, Done, FrozenModel, Query

Direction = Literal["inbound", "outbound", "participant", "mutual"]


class Interaction(FrozenModel):
    """One line of a timeline, from the contact's point of view. `people` are the first of `people_total`."""

    id: InteractionId
    platform: str
    kind: str
    direction: Direction
    occurred_at: datetime
    title: str
    text: str
    thread: str | None = None
    account_ids: tuple[AccountId, ...] = ()
    people: tuple[Person, ...] = ()
    people_total: int = 0
    automated: str = ""
    bcc_logged: bool = False
    ends_at: datetime | None = None


class TimelineItem(Interaction):
    """Where threads are folded: `thread_messages` of its thread are on the timeline and fit; `older`: the first of them behind this one,
    where they were asked for.
    """

    thread_messages: int = 1
    older: tuple[Interaction, ...] = ()


class Timeline(FrozenModel):
    items: tuple[TimelineItem, ...]
    next_cursor: str | None = None


class GetTimeline(Query[Timeline]):
    """A contact's interactions, newest first. `group` folds the messages of a thread into its newest that fits, whatever page it is on;
    with `older` the first ten of the others come along. `thread`: of this thread alone.

    `when`: those that have begun, or those still ahead. `down_to`: the cursor of an earlier page; what comes before it, once more.
    """

    subject = "contacts.timeline"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Timeline

    user_id: UserId
    contact_id: ContactId
    platform: str | None = None
    direction: Direction | None = None
    q: str = ""
    group: bool = False
    older: bool = False
    when: Literal["always", "past", "ahead"] = "always"
    thread: str | None = None
    cursor: str | None = None
    down_to: str | None = None
    limit: int = Field(50, ge=1, le=200)


class AddInteraction(Command[Interaction]):
    """A note, or an interaction of another platform, written by hand or by a connector through the API."""

    subject = "contacts.add_interaction"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Interaction

    user_id: UserId
    contact_id: ContactId
    platform: str = Field("note", pattern=r"^[a-z][a-z0-9_]{1,31}$")
    kind: str = Field("note", max_length=32)
    direction: Literal["inbound", "outbound", "mutual"] = "mutual"
    occurred_at: datetime | None = None
    title: str = Field("", max_length=500)
    text: str = Field("", max_length=10_000)
    ref: str | None = Field(None, max_length=500)
    thread: str = Field("", max_length=500)


class WaitingMail(FrozenModel):
    """Mail of a contact that the user has not answered. `topic`: its subject without "Re:". `asked`: it holds a question."""

    interaction_id: InteractionId
    contact_id: ContactId
    name: str
    topic: str
    text: str
    asked: bool
    occurred_at: datetime


class Waiting(FrozenModel):
    items: tuple[WaitingMail, ...]


class ListWaiting(Query[Waiting]):
    """What waits on the user, newest first: at most five, each of another contact."""

    subject = "contacts.waiting"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Waiting

    user_id: UserId


class DismissWaiting(Command[Done]):
    """This message needs no answer. Refused: `not_found` (404)."""

    subject = "contacts.dismiss_waiting"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Done

    user_id: UserId
    interaction_id: InteractionId


class RestoreWaiting(Command[Done]):
    """This message was dismissed by mistake. Refused: `not_found` (404)."""

    subject = "contacts.restore_waiting"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Done

    user_id: UserId
    interaction_id: InteractionId


class ContactRef(FrozenModel):
    id: ContactId
    name: str


class ContactRefs(FrozenModel):
    """`left_out_by`: the address or domain that the user asked not to record, where that is why nothing is kept of the message."""

    items: tuple[ContactRef, ...]
    left_out_by: str = ""


class TimelineOwner(ContactRef):
    archived: bool = False


class FoundMail(FrozenModel):
    """A message wherever it is: on the timelines of `owners`, the first of `owners_total`. `sender`: their address."""

    interaction_id: InteractionId
    occurred_at: datetime
    title: str
    text: str
    sender: str = ""
    automated: str = ""
    owners: tuple[TimelineOwner, ...] = ()
    owners_total: int = 0


class FoundMails(FrozenModel):
    items: tuple[FoundMail, ...]


class FindMail(Query[FoundMails]):
    """The newest mail of the user with these words in its subject or text, whoever is on it, on anybody's timeline or nobody's."""

    subject = "contacts.find_mail"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = FoundMails

    user_id: UserId
    q: str = Field("", max_length=500)
    limit: int = Field(10, ge=1, le=50)


class GetContactsOfMessage(Query[ContactRefs]):
    """Whose timelines show this message; at most 20."""

    subject = "contacts.of_message"
    served_by = "contacts"
    requested_by = ("sync",)
    reply = ContactRefs

    user_id: UserId
    account_id: AccountId
    gmail_id: str
