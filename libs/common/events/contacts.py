"""Contacts: that some changed, and whether a BCC address was used by its user."""

from libs.common.events.event import Event, address_digest
from libs.common.ids import AccountId, ContactId, UserId


class ContactChanged(Event):
    """Contacts whose details or timeline changed, coalesced per batch (at most 500 ids an event)."""

    subject = "contact.changed"
    published_by = ("contacts",)
    consumed_by = ("gateway",)

    user_id: UserId
    contact_ids: tuple[ContactId, ...]


class BccUnclaimed(Event):
    """A mail carries a contact's BCC hash and comes from an address that is not known as the user's: is it them?

    Said once per user and address. `address` is canonical, `name` the one that the mail shows with it.
    """

    subject = "bcc.unclaimed"
    published_by = ("contacts",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    address: str
    name: str = ""
    contact_id: ContactId

    def key(self) -> str:
        return f"{self.user_id}:{address_digest(self.address)}"
