"""Cards of Google Contacts."""

from libs.common.events.event import Event
from libs.common.ids import AccountId, UserId


class PersonImported(Event):
    """One card of Google Contacts, as it is now. Phones and emails as they were written.

    `canonical_phones`: the phones in E.164, in the same order, as far as Google knows their country; empty where it does not.
    """

    subject = "person.imported"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    user_id: UserId
    account_id: AccountId
    resource_name: str
    revision: int
    name: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    canonical_phones: tuple[str, ...] = ()
    organization: str = ""
    title: str = ""
    photo_url: str = ""
    birthday: str = ""
    urls: tuple[str, ...] = ()
    former_names: tuple[str, ...] = ()

    def key(self) -> str:
        return f"{self.account_id}:{self.resource_name}:{self.revision}"


class PersonRemoved(Event):
    """A card is gone from Google Contacts."""

    subject = "person.removed"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    user_id: UserId
    account_id: AccountId
    resource_name: str
    revision: int

    def key(self) -> str:
        return f"{self.account_id}:{self.resource_name}:{self.revision}"
