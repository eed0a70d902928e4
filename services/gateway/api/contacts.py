"""Contacts, their timelines, duplicates and BCC addresses; and the door for connectors of other platforms."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from libs.common.events import Identity, ProfileReported
from libs.common.ids import ContactId
from libs.common.requests import (
    AddInteraction,
    Contact,
    ContactFields,
    ContactOrder,
    ContactPage,
    CreateContact,
    DeleteContact,
    Direction,
    DismissDuplicate,
    DuplicatePairs,
    Duplicates,
    FindDuplicates,
    GetContact,
    GetTimeline,
    Interaction,
    Label,
    ListDuplicates,
    ListMerges,
    ListTags,
    MergeContacts,
    Merged,
    MergeRecords,
    RotateBcc,
    SearchContacts,
    Tags,
    Timeline,
    UndoMerge,
    UpdateContact,
)
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.api.inputs import Cursor
from services.gateway.api.moment import Moment
from services.gateway.domain.moments import UTC_ZONE
from services.gateway.domain.relationship_texts import going_cold_text, relationship_line

TAG = "Contacts"
# As the contacts service has it; there it is refused with its own sentence.
LINK_OR_NOTHING = r"^([hH][tT][tT][pP][sS]?://[!-~]*)?$"
RESERVED = "^_*(g_*m_*a_*i_*l|e_*m_*a_*i_*l|c_*a_*l_*e_*n_*d_*a_*r)_*$"
TAKEN = {409: "Another contact has one of these addresses or identities: `contact_id` names it."}


class ContactsQuery(BaseModel):
    q: str = Field("", max_length=200, description="Words of a name, an email, a company or the notes.")
    sort: ContactOrder = Field("recent", description="The order where `q` is not given.")
    tag: str | None = Field(None, max_length=2000, description="With this tag.")
    relationship: Label | None = None
    archived: bool = Field(False, description="Those that are archived, instead of the others.")
    upcoming: bool = Field(False, description="With whom a meeting is ahead.")
    going_cold: bool = Field(False, description="Once Strong or Warm, and silent for much longer than usual.")
    cursor: Cursor = None
    limit: int = Field(50, ge=1, le=200)


@endpoint("GET", "/contacts", tag=TAG, scope="read")
async def list_contacts(call: Call, query: ContactsQuery) -> ContactPage:
    """Search and list contacts. Each filter that is given must fit."""
    return await call.request(
        SearchContacts(user_id=call.user_id, **query.model_dump(exclude={"q"}), q=query.q.strip())
    )


@endpoint("GET", "/tags", tag=TAG, scope="read")
async def list_tags(call: Call) -> Tags:
    """List the tags of your contacts, with how many have each."""
    return await call.request(ListTags(user_id=call.user_id))


# Each is left out, null or empty. With `anyOf` of what is given, generated clients have a union of models, or nothing at all.
NOTHING_GIVEN: JsonDict = {
    "properties": {
        "name": {"maxLength": 0},
        "company": {"maxLength": 0},
        "emails": {"maxItems": 0},
        "phones": {"maxItems": 0},
        "identities": {"maxItems": 0},
    }
}


class ContactBody(ContactFields):
    """What the user knows about a contact. What is left out stays as it is. `photo_url` and `urls` are links to the web."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    emails: tuple[Annotated[str, Field(json_schema_extra={"format": "email"})], ...] | None = Field(
        None, max_length=100
    )
    photo_url: str | None = Field(None, max_length=2000, json_schema_extra={"pattern": LINK_OR_NOTHING})
    urls: tuple[Annotated[str, Field(json_schema_extra={"pattern": LINK_OR_NOTHING})], ...] | None = Field(
        None, max_length=50
    )


class NewContact(ContactBody):
    """What the user knows about somebody: at least a name, an email, a phone, an identity or a company."""

    model_config = ConfigDict(json_schema_extra={"not": NOTHING_GIVEN})


@endpoint("POST", "/contacts", tag=TAG, scope="write", status=201, errors=TAKEN, creates=True)
async def create_contact(call: Call, body: NewContact) -> Contact:
    """Create a contact."""
    return await call.request(CreateContact(user_id=call.user_id, fields=body))


class ContactInWords(Contact):
    """A contact; `relationship_text` and `going_cold_text` put the numbers of the relationship in words, with days as in UTC."""

    relationship_text: str
    going_cold_text: str


@endpoint("GET", "/contacts/{contact_id}", tag=TAG, scope="read")
async def show_contact(call: Call, contact_id: ContactId) -> ContactInWords:
    """Show a contact.

    With the relationship score in its parts, the numbers behind them, its history by month, and the addresses that log mail to it when
    they are in BCC.
    """
    contact = await call.request(GetContact(user_id=call.user_id, contact_id=contact_id))
    now = datetime.now(UTC)
    return ContactInWords(
        **dict(contact),
        relationship_text=relationship_line(contact, now, UTC_ZONE),
        going_cold_text=going_cold_text(contact, now, UTC_ZONE),
    )


@endpoint("PATCH", "/contacts/{contact_id}", tag=TAG, scope="write", errors=TAKEN)
async def update_contact(call: Call, contact_id: ContactId, body: ContactBody) -> Contact:
    """Change a contact.

    What is given stays the user's: no import overwrites it. Lists replace the list that was there.
    """
    return await call.request(UpdateContact(user_id=call.user_id, contact_id=contact_id, fields=body))


@endpoint("DELETE", "/contacts/{contact_id}", tag=TAG, scope="write", status=204)
async def delete_contact(call: Call, contact_id: ContactId) -> None:
    """Delete a contact. Mail does not bring it back."""
    await call.request(DeleteContact(user_id=call.user_id, contact_id=contact_id))


class TimelineQuery(BaseModel):
    platform: str | None = Field(None, max_length=32, examples=["email"])
    direction: Direction | None = None
    q: str = Field("", max_length=200, description="Words of the title or the text.")
    group: bool = Field(False, description="Fold the messages of a thread into its newest that fits.")
    cursor: Cursor = None
    limit: int = Field(50, ge=1, le=200)


@endpoint("GET", "/contacts/{contact_id}/interactions", tag=TAG, scope="read")
async def list_interactions(call: Call, contact_id: ContactId, query: TimelineQuery) -> Timeline:
    """Show a contact's timeline, newest first."""
    return await call.request(
        GetTimeline(
            user_id=call.user_id,
            contact_id=contact_id,
            platform=query.platform,
            direction=query.direction,
            q=query.q.strip(),
            group=query.group,
            cursor=query.cursor,
            limit=query.limit,
        )
    )


class NewInteraction(BaseModel):
    """A note, or what happened on another platform. `ref` is its id there: the same `ref` again changes nothing."""

    model_config = ConfigDict(extra="forbid")

    platform: str = Field(
        "note",
        pattern=r"^[a-z][a-z0-9_]{1,31}$",
        description="None of Google's: mail and meetings come from there alone.",
        json_schema_extra={"not": {"pattern": RESERVED}},
    )
    kind: str = Field("note", min_length=1, max_length=32)
    direction: Literal["inbound", "outbound", "mutual"] = "mutual"
    occurred_at: Moment | None = Field(None, description="Left out: now.")
    title: str = Field("", max_length=500)
    text: str = Field("", max_length=10_000)
    ref: str | None = Field(None, max_length=500)
    thread: str = Field("", max_length=500)


@endpoint("POST", "/contacts/{contact_id}/interactions", tag=TAG, scope="write", status=201, creates=True)
async def add_interaction(call: Call, contact_id: ContactId, body: NewInteraction) -> Interaction:
    """Add a note, or an interaction of another platform."""
    return await call.request(AddInteraction(user_id=call.user_id, contact_id=contact_id, **body.model_dump()))


@endpoint("GET", "/contacts/{contact_id}/duplicates", tag=TAG, scope="read")
async def list_duplicates(call: Call, contact_id: ContactId) -> Duplicates:
    """Suggest contacts that may be the same person, with the evidence."""
    return await call.request(FindDuplicates(user_id=call.user_id, contact_id=contact_id))


class DuplicatesQuery(BaseModel):
    cursor: Cursor = None
    limit: int = Field(50, ge=1, le=200)


@endpoint("GET", "/duplicates", tag=TAG, scope="read")
async def list_all_duplicates(call: Call, query: DuplicatesQuery) -> DuplicatePairs:
    """List all pairs of contacts that may be one person, the surest first.

    They are found in the background, after imports and changes.
    """
    return await call.request(ListDuplicates(user_id=call.user_id, cursor=query.cursor, limit=query.limit))


@endpoint(
    "POST",
    "/contacts/{contact_id}/duplicates/{other_id}/dismiss",
    tag=TAG,
    scope="write",
    status=204,
    errors={409: "They are one contact already."},
)
async def dismiss_duplicate(call: Call, contact_id: ContactId, other_id: ContactId) -> None:
    """State that two contacts are not the same person.

    They are never suggested again, whatever either is merged with, and no import makes them one.
    """
    await call.request(DismissDuplicate(user_id=call.user_id, contact_id=contact_id, other_id=other_id))


class Merge(BaseModel):
    model_config = ConfigDict(extra="forbid")

    other_id: ContactId = Field(description="The contact that goes into this one.")


@endpoint(
    "POST",
    "/contacts/{contact_id}/merge",
    tag=TAG,
    scope="write",
    errors={409: "They are one contact already."},
    creates=True,
)
async def merge_contacts(call: Call, contact_id: ContactId, body: Merge) -> Merged:
    """Merge another contact into this one. `merge_id` undoes it."""
    return await call.request(MergeContacts(user_id=call.user_id, contact_id=contact_id, other_id=body.other_id))


@endpoint("GET", "/contacts/{contact_id}/merges", tag=TAG, scope="read")
async def list_merges(call: Call, contact_id: ContactId) -> MergeRecords:
    """List who was merged into a contact, the last first, and what undoing that would do now."""
    return await call.request(ListMerges(user_id=call.user_id, contact_id=contact_id))


@endpoint(
    "POST",
    "/merges/{merge_id}/undo",
    tag=TAG,
    scope="write",
    errors={409: "The contact was merged once more since then: `merge_id` names the merge to undo first."},
)
async def undo_merge(call: Call, merge_id: UUID) -> Contact:
    """Undo a merge, at any time: both contacts as they were, each with what came for it since."""
    return await call.request(UndoMerge(user_id=call.user_id, merge_id=merge_id))


@endpoint("POST", "/contacts/{contact_id}/bcc/rotate", tag=TAG, scope="write")
async def rotate_bcc(call: Call, contact_id: ContactId) -> Contact:
    """Give a contact a new BCC address. The old one stops logging."""
    return await call.request(RotateBcc(user_id=call.user_id, contact_id=contact_id))


class Profile(BaseModel):
    """A bio on another platform, and what identifies the person: an email, a phone, a handle.

    The `emails` and `phones` that the platform shows besides link nobody: whom they speak for is suggested as a duplicate.
    """

    model_config = ConfigDict(extra="forbid")

    platform: Literal["twitter", "linkedin", "telegram"]
    identity: Identity
    bio: str = Field(max_length=10_000)


class Accepted(BaseModel):
    status: Literal["accepted"] = "accepted"


@endpoint("POST", "/profiles", tag=TAG, scope="write", status=202)
async def report_profile(call: Call, body: Profile) -> Accepted:
    """Report somebody's bio on another platform."""
    await call.context.bus.publish(
        ProfileReported(
            user_id=call.user_id, platform=body.platform, identity=body.identity, bio=body.bio, at=datetime.now(UTC)
        )
    )
    return Accepted()


ENDPOINTS = (
    list_contacts,
    list_tags,
    create_contact,
    show_contact,
    update_contact,
    delete_contact,
    list_interactions,
    add_interaction,
    list_duplicates,
    list_all_duplicates,
    dismiss_duplicate,
    merge_contacts,
    list_merges,
    undo_merge,
    rotate_bcc,
    report_profile,
)
