"""Two contacts that may be one person, and merges."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from libs.common.ids import ContactId, UserId
from libs.common.requests.contacts.people import Contact, ContactSummary
from libs.common.requests.request import Command, Done, FrozenModel, Query


class Duplicate(FrozenModel):
    """A contact that may be the same person; `confidence` is from 0 to 1."""

    contact: ContactSummary
    evidence: tuple[str, ...]
    confidence: float


class Duplicates(FrozenModel):
    items: tuple[Duplicate, ...]


class FindDuplicates(Query[Duplicates]):
    """Who may be the same person as this contact, the surest first; found in the background after each change."""

    subject = "contacts.duplicates"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Duplicates

    user_id: UserId
    contact_id: ContactId


class DuplicatePair(FrozenModel):
    """Two contacts that may be one person; `other` would go into `contact`, with whom more passed."""

    contact: ContactSummary
    other: ContactSummary
    evidence: tuple[str, ...]
    confidence: float


class DuplicatePairs(FrozenModel):
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


class Merged(FrozenModel):
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


class UnlinkIdentity(Command[Contact]):
    """An identity that is somebody else's: it becomes a contact of its own, with all that came under it. Replied is that contact.

    Where nothing but a merge linked it, that merge is undone. Merging the two takes it back. Refused: `not_found`, `only_identity` (409).
    """

    subject = "contacts.unlink_identity"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Contact

    user_id: UserId
    contact_id: ContactId
    kind: str
    value: str


class MergeRecord(FrozenModel):
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


class MergeRecords(FrozenModel):
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
