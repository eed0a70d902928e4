"""The requests that `contacts` serves: people, timelines, duplicates, who the guests of a meeting are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from libs.common.events import Person
from libs.common.ids import AccountId, ContactId, InteractionId, UserId
from libs.common.requests.shape import Command, Done, Query, Shape

Label = Literal["Strong", "Warm", "Cold"]
BioPlatform = Literal["twitter", "linkedin", "telegram"]
Direction = Literal["inbound", "outbound", "participant", "mutual"]
ContactOrder = Literal["recent", "score", "name", "company", "added"]


class Score(Shape):
    """The relationship score and its parts; `total` is their sum, at most 10."""

    total: int
    label: Label
    reciprocity: int
    recency: int
    frequency: int
    breadth: int
    tenure: int


class ScoreNumbers(Shape):
    """What the parts of a score look at, counted: what they wrote, what you wrote, and meetings that both were at; `in_all` with notes.

    `in_year`: the last 365 days; `in_quarter` 90, `in_month` 30. A meeting is a sign from both.
    """

    they_wrote: int = 0
    you_wrote: int = 0
    meetings: int = 0
    they_wrote_in_year: int = 0
    you_wrote_in_year: int = 0
    meetings_in_year: int = 0
    in_month: int = 0
    in_quarter: int = 0
    in_all: int = 0
    platforms: tuple[str, ...] = ()
    last_from_them_at: datetime | None = None
    last_from_you_at: datetime | None = None


class MonthScore(Shape):
    """The score at the end of a month ("2026-03", UTC), or now."""

    month: str
    score: int


class GoingCold(Shape):
    """A relationship that `was` Strong or Warm at its last contact, silent for much longer than usual.

    `usual_days`: how many days used to lie between two days on which one of you wrote.
    """

    since: datetime
    usual_days: int
    was: Label


class Phone(Shape):
    """As it was written, and in E.164 where the country is known."""

    shown: str
    e164: str | None = None


class BccAddress(Shape):
    """Mail from me with this address in BCC is logged to the contact."""

    account_id: AccountId
    address: str


class ContactSummary(Shape):
    id: ContactId
    name: str
    emails: tuple[str, ...]
    company: str = ""
    title: str = ""
    photo_url: str = ""
    score: int = 0
    label: Label = "Cold"
    last_interaction_at: datetime | None = None
    next_meeting_at: datetime | None = None
    going_cold: GoingCold | None = None


class Contact(ContactSummary):
    phones: tuple[Phone, ...] = ()
    birthday: str = ""
    urls: tuple[str, ...] = ()
    notes: str = ""
    tags: tuple[str, ...] = ()
    bios: dict[str, str] = {}
    bcc_hash: str
    bcc_addresses: tuple[BccAddress, ...] = ()
    relationship: Score
    numbers: ScoreNumbers = ScoreNumbers()
    history: tuple[MonthScore, ...] = ()
    first_interaction_at: datetime | None = None
    interactions: int = 0
    imported: bool = False
    archived: bool = False
    created_at: datetime


class ContactPage(Shape):
    items: tuple[ContactSummary, ...]
    next_cursor: str | None = None


class SearchContacts(Query[ContactPage]):
    """Contacts by text, ranked; without text by `sort`. Each filter that is given must fit.

    `archived`: those that are, instead of the others. `upcoming`: a meeting with them is ahead.
    """

    subject = "contacts.search"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = ContactPage

    user_id: UserId
    q: str = ""
    sort: ContactOrder = "recent"
    tag: str | None = None
    relationship: Label | None = None
    archived: bool = False
    upcoming: bool = False
    going_cold: bool = False
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


class Tag(Shape):
    """A tag, and how many contacts have it; archived ones are not counted."""

    name: str
    contacts: int


class Tags(Shape):
    items: tuple[Tag, ...]


class ListTags(Query[Tags]):
    """The user's tags, those of most contacts first; at most 200."""

    subject = "contacts.tags"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Tags

    user_id: UserId


class GetContact(Query[Contact]):
    subject = "contacts.get"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Contact

    user_id: UserId
    contact_id: ContactId


class PhotoSource(Shape):
    """Where a contact's photo is; empty where none is known."""

    url: str = ""


class GetPhoto(Query[PhotoSource]):
    """Where the photo of a contact is: what a list of many needs of each."""

    subject = "contacts.photo"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = PhotoSource

    user_id: UserId
    contact_id: ContactId


class ContactFields(Shape):
    """What a user types about a contact. A field that is absent stays as it is; what is given stays the user's."""

    name: str | None = Field(None, max_length=500)
    emails: tuple[str, ...] | None = Field(None, max_length=100)
    phones: tuple[str, ...] | None = Field(None, max_length=100)
    company: str | None = Field(None, max_length=500)
    title: str | None = Field(None, max_length=500)
    photo_url: str | None = Field(None, max_length=2000)
    birthday: str | None = Field(None, max_length=10)
    urls: tuple[str, ...] | None = Field(None, max_length=50)
    notes: str | None = Field(None, max_length=50_000)
    tags: tuple[str, ...] | None = Field(None, max_length=100)
    bios: Mapping[BioPlatform, Annotated[str, Field(max_length=2000)]] | None = None
    archived: bool | None = None


class CreateContact(Command[Contact]):
    """Refused: `address_taken` (409) with `contact_id` and `contact_name` of the other contact; `invalid_address` (422)."""

    subject = "contacts.create"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Contact

    user_id: UserId
    fields: ContactFields


class UpdateContact(Command[Contact]):
    """Refused: as CreateContact."""

    subject = "contacts.update"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Contact

    user_id: UserId
    contact_id: ContactId
    fields: ContactFields


class DeleteContact(Command[Done]):
    """The contact goes; its addresses stay marked, so that mail does not create it again."""

    subject = "contacts.delete"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Done

    user_id: UserId
    contact_id: ContactId


class Interaction(Shape):
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


class Timeline(Shape):
    items: tuple[Interaction, ...]
    next_cursor: str | None = None


class GetTimeline(Query[Timeline]):
    """A contact's interactions, newest first. `group` folds the messages of a thread into its newest.

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


class WaitingMail(Shape):
    """Mail of a contact that the user has not answered. `topic`: its subject without "Re:". `asked`: it holds a question."""

    interaction_id: InteractionId
    contact_id: ContactId
    name: str
    topic: str
    text: str
    asked: bool
    occurred_at: datetime


class Waiting(Shape):
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


class Duplicate(Shape):
    """A contact that may be the same person; `confidence` is from 0 to 1."""

    contact: ContactSummary
    evidence: tuple[str, ...]
    confidence: float


class Duplicates(Shape):
    items: tuple[Duplicate, ...]


class FindDuplicates(Query[Duplicates]):
    """Who may be the same person as this contact, the surest first; found in the background after each change."""

    subject = "contacts.duplicates"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Duplicates

    user_id: UserId
    contact_id: ContactId


class DuplicatePair(Shape):
    """Two contacts that may be one person; `other` would go into `contact`, with whom more passed."""

    contact: ContactSummary
    other: ContactSummary
    evidence: tuple[str, ...]
    confidence: float


class DuplicatePairs(Shape):
    """`total`: how many there are in all, counted no further than 1,000."""

    items: tuple[DuplicatePair, ...]
    total: int
    next_cursor: str | None = None


class ListDuplicates(Query[DuplicatePairs]):
    """All pairs that the user may want to decide about, the surest first."""

    subject = "contacts.list_duplicates"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = DuplicatePairs

    user_id: UserId
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


class DismissDuplicate(Command[Done]):
    """These two are not the same person: never suggested again, whatever either is merged with. Refused: `same_contact`."""

    subject = "contacts.dismiss_duplicate"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Done

    user_id: UserId
    contact_id: ContactId
    other_id: ContactId


class Merged(Shape):
    merge_id: UUID
    contact: Contact


class MergeContacts(Command[Merged]):
    subject = "contacts.merge"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Merged

    user_id: UserId
    contact_id: ContactId
    other_id: ContactId


class MergeRecord(Shape):
    """A merge that stands: `other` went into the contact. `consequences`: sentences about what its undoing would do now.

    `blocked_by`: the merge that has to be undone before this one.
    """

    id: UUID
    merged_at: datetime
    other_id: ContactId
    other_name: str
    other_emails: tuple[str, ...]
    consequences: tuple[str, ...]
    blocked_by: UUID | None = None


class MergeRecords(Shape):
    items: tuple[MergeRecord, ...]


class ListMerges(Query[MergeRecords]):
    """Who was merged into a contact, the last first; of merges of merges all that stand."""

    subject = "contacts.merges"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = MergeRecords

    user_id: UserId
    contact_id: ContactId


class UndoMerge(Command[Contact]):
    """Both contacts as they were, with what is theirs since then. Refused: `merged_again` (409) with `merge_id` of that merge."""

    subject = "contacts.undo_merge"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Contact

    user_id: UserId
    merge_id: UUID


class RotateBcc(Command[Contact]):
    """A new BCC hash; the old one stops logging."""

    subject = "contacts.rotate_bcc"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Contact

    user_id: UserId
    contact_id: ContactId


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


class Counts(Shape):
    """How much there is: `messages` and `meetings` are interactions, `imported` are linked Google cards."""

    contacts: int
    messages: int
    meetings: int
    imported: int
    other: int


class CountContacts(Query[Counts]):
    subject = "contacts.counts"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Counts

    user_id: UserId


class ExportPage(Shape):
    """Rows of the archive, as plain JSON objects."""

    items: tuple[dict[str, Any], ...]
    next_cursor: str | None = None


class ExportContacts(Query[ExportPage]):
    """Everything in `contacts` about a user, page by page: contacts first, interactions after."""

    subject = "contacts.export"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = ExportPage

    user_id: UserId
    what: Literal["contacts", "interactions"]
    cursor: str | None = None
    limit: int = Field(200, ge=1, le=500)


class PublishedMessage(Shape):
    """What the newest event about one message states: it is there as of `revision`, or it was `removed`."""

    gmail_id: str = Field(max_length=500)
    revision: int
    removed: bool = False


class HeldMessage(Shape):
    """How a message is held that is not held as published. `revision`: that of the newest event that arrived, 0 for none."""

    gmail_id: str
    revision: int


class Comparison(Shape):
    """The `differing` messages. They are lost where none is `waiting`: events on their way here that were not handled yet.

    `left_out`: of how many nothing is kept, because the user asked not to record who is on them.
    """

    differing: tuple[HeldMessage, ...]
    waiting: int
    left_out: int = 0


class CompareMessages(Query[Comparison]):
    """Which of these messages are not held as they were published? None of an account or user that was purged."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    subject = "contacts.compare"
    served_by = "contacts"
    requested_by = ("sync",)
    reply = Comparison

    user_id: UserId
    account_id: AccountId
    published: tuple[PublishedMessage, ...] = Field(alias="told", max_length=500)


class PublishedItem(Shape):
    """What the newest event about a meeting or card states. `id`: `calendar id/event id`, or the card's resource name."""

    id: str = Field(max_length=2_500)
    revision: int
    removed: bool = False


class HeldItem(Shape):
    """How an item is held that is not held as published. `revision`: that of the newest event that arrived, 0 for none."""

    id: str
    revision: int


class ItemComparison(Shape):
    """The `differing` items. They are lost where none is `waiting`: events on their way here that were not handled yet."""

    differing: tuple[HeldItem, ...]
    waiting: int


class CompareMeetings(Query[ItemComparison]):
    """Which of these meetings are not held as they were published? None of an account or user that was purged."""

    subject = "contacts.compare_meetings"
    served_by = "contacts"
    requested_by = ("sync",)
    reply = ItemComparison

    user_id: UserId
    account_id: AccountId
    published: tuple[PublishedItem, ...] = Field(max_length=250)


class CompareCards(Query[ItemComparison]):
    """Which of these cards of Google Contacts are not held as they were published? None of an account or user that was purged."""

    subject = "contacts.compare_cards"
    served_by = "contacts"
    requested_by = ("sync",)
    reply = ItemComparison

    user_id: UserId
    account_id: AccountId
    published: tuple[PublishedItem, ...] = Field(max_length=250)


class ContactRef(Shape):
    id: ContactId
    name: str


class ContactRefs(Shape):
    """`left_out_by`: the address or domain that the user asked not to record, where that is why nothing is kept of the message."""

    items: tuple[ContactRef, ...]
    left_out_by: str = ""


class GetContactsOfMessage(Query[ContactRefs]):
    """Whose timelines show this message; at most 20."""

    subject = "contacts.of_message"
    served_by = "contacts"
    requested_by = ("sync",)
    reply = ContactRefs

    user_id: UserId
    account_id: AccountId
    gmail_id: str


class Exclusion(Shape):
    """Somebody, or everybody under a mail domain, whom the user asked not to record.

    `kind`: domain, email, phone, or that of a handle. `removing`: what was recorded before is still being removed. `left_out`: how many
    messages, meetings and cards were left out, or kept without them.
    """

    id: UUID
    kind: str
    value: str
    added_at: datetime
    removing: bool
    left_out: int = 0


class Exclusions(Shape):
    items: tuple[Exclusion, ...]


class ListExclusions(Query[Exclusions]):
    """Newest first."""

    subject = "contacts.exclusions"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Exclusions

    user_id: UserId


class AddExclusion(Command[Exclusion]):
    """From now on nothing of an address or domain is recorded, and what was recorded goes.

    Refused: `invalid_address`, `public_domain`, `own_address` (422), `too_many` (409).
    """

    subject = "contacts.exclude"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Exclusion

    user_id: UserId
    value: str


class ExcludeContact(Command[Exclusions]):
    """The same for everything that identifies a contact, which goes at once.

    Refused: `not_found`, `nothing_to_recognise` (422), `too_many` (409).
    """

    subject = "contacts.exclude_contact"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Exclusions

    user_id: UserId
    contact_id: ContactId


class RemoveExclusion(Command[Done]):
    """New things are recorded again; what Google still has comes back with the next audits. Refused: `not_found`."""

    subject = "contacts.remove_exclusion"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Done

    user_id: UserId
    exclusion_id: UUID
