"""Whom the user asked not to record."""

from datetime import datetime
from uuid import UUID

from libs.common.ids import ContactId, UserId
from libs.common.requests.request import Command, Done, FrozenModel, Query


class Exclusion(FrozenModel):
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


class Exclusions(FrozenModel):
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
