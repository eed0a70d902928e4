"""Google accounts, users and their settings: what `auth` publishes, and the addresses that `sync` finds of an account."""

from datetime import datetime

from libs.common.events.event import Event
from libs.common.ids import AccountId, UserId
from libs.common.preferences import Preferences


class AccountEvent(Event):
    """What happened to one account. Of two such events the one with the higher `sequence`, counted by `auth`, is the later one.

    `at` orders only events of versions that did not count: their sequence is 0.
    """

    user_id: UserId
    account_id: AccountId
    sequence: int = 0
    at: datetime

    def key(self) -> str:
        return f"{self.account_id}:{self.sequence or self.at.isoformat()}"


class AccountConnected(AccountEvent):
    """A Google account was connected, or its permissions were renewed (`again`)."""

    subject = "account.connected"
    published_by = ("auth",)
    consumed_by = ("sync", "contacts", "gateway")

    address: str
    scopes: frozenset[str]
    again: bool


class AccountReauthRequired(AccountEvent):
    """Google no longer accepts the account's refresh token. `reason` is a sentence for the user."""

    subject = "account.reauth_required"
    published_by = ("auth",)
    consumed_by = ("sync", "gateway")

    address: str
    reason: str


class AccountIdentified(Event):
    """All addresses under which an account sends and receives, as Gmail knew them `at` that moment: the highest `revision` wins.

    `sync` counts them. Those of versions that did not count have revision 0, and `at` orders them.
    """

    subject = "account.identified"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    user_id: UserId
    account_id: AccountId
    addresses: tuple[str, ...]
    revision: int = 0
    at: datetime

    def key(self) -> str:
        return f"{self.account_id}:{self.revision or self.at.isoformat()}"


class AccountDisconnected(AccountEvent):
    """The user disconnected the account. With `purge`, what was imported from it goes too, for good: its id never comes back."""

    subject = "account.disconnected"
    published_by = ("auth",)
    consumed_by = ("sync", "contacts", "prep", "gateway")
    outlives_purge = True

    purge: bool


class UserDeleted(Event):
    """Everything of this user goes, everywhere."""

    subject = "user.deleted"
    published_by = ("auth",)
    consumed_by = ("sync", "contacts", "prep", "gateway")
    outlives_purge = True

    user_id: UserId
    account_ids: tuple[AccountId, ...]

    def key(self) -> str:
        return str(self.user_id)


class SettingsChanged(Event):
    """The user's settings, as they were and as they are. `version` grows with each change."""

    subject = "settings.changed"
    published_by = ("auth",)
    consumed_by = ("sync", "contacts")

    user_id: UserId
    version: int
    before: Preferences
    after: Preferences

    def key(self) -> str:
        return f"{self.user_id}:{self.version}"
