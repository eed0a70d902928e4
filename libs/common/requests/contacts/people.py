"""Contacts: listed, searched, shown, edited; tags and photos."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from libs.common.ids import AccountId, ContactId, UserId
from libs.common.requests.contacts.relationships import GoingCold, Label, MonthScore, Score, ScoreNumbers
from libs.common.requests.request import Command, Done, FrozenModel, Query

BioPlatform = Literal["twitter", "linkedin", "telegram"]
ContactOrder = Literal["recent", "score", "name", "company", "added"]


class Phone(FrozenModel):
    """As it was written, and in E.164 where the country is known."""

    shown: str
    e164: str | None = None


class ContactIdentity(FrozenModel):
    """What identifies the person on another platform: as it is compared and as it is shown. `url`: their profile, where that is known.

    `emails` and `phones`: what a connector reported with it.
    """

    kind: str
    value: str
    shown: str
    url: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


class TypedIdentity(FrozenModel):
    """A handle, with or without `@`, or the address of a profile; `kind` (`telegram`, `linkedin`, …) may be left out where that says it."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field("", max_length=32, json_schema_extra={"not": {"enum": ["email", "bcc", "domain"]}})
    value: str = Field(min_length=1, max_length=500)


class BccAddress(FrozenModel):
    """Mail from me with this address in BCC is logged to the contact."""

    account_id: AccountId
    address: str


class ContactSummary(FrozenModel):
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
    identities: tuple[ContactIdentity, ...] = ()
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


class ContactPage(FrozenModel):
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


class Tag(FrozenModel):
    """A tag, and how many contacts have it; archived ones are not counted."""

    name: str
    contacts: int


class Tags(FrozenModel):
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


class PhotoSource(FrozenModel):
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


class ContactFields(FrozenModel):
    """What a user types about a contact. A field that is absent stays as it is; what is given stays the user's."""

    name: str | None = Field(None, max_length=500)
    emails: tuple[str, ...] | None = Field(None, max_length=100)
    phones: tuple[str, ...] | None = Field(None, max_length=100)
    identities: tuple[TypedIdentity, ...] | None = Field(None, max_length=100)
    company: str | None = Field(None, max_length=500)
    title: str | None = Field(None, max_length=500)
    photo_url: str | None = Field(None, max_length=2000)
    birthday: str | None = Field(None, max_length=10)
    urls: tuple[str, ...] | None = Field(None, max_length=50)
    notes: str | None = Field(None, max_length=50_000)
    tags: tuple[str, ...] | None = Field(None, max_length=100)
    bios: Annotated[Mapping[BioPlatform, Annotated[str, Field(max_length=2000)]], Field(title="Bios")] | None = None
    archived: bool | None = None


class CreateContact(Command[Contact]):
    """Refused: `address_taken` (409) with `contact_id` and `contact_name` of the other contact; `invalid_address` and
    `invalid_identity` (422).
    """

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


class RotateBcc(Command[Contact]):
    """A new BCC hash; the old one stops logging."""

    subject = "contacts.rotate_bcc"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Contact

    user_id: UserId
    contact_id: ContactId
