"""What sync's handlers work with, and how they reach Google."""

from dataclasses import dataclass

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.db import Pool
from libs.common.errors import not_found
from libs.common.google.api import Google, GoogleAccount
from libs.common.google.tokens import KeptTokens
from libs.common.ids import AccountId, UserId
from services.sync.runs.queue import RunQueue
from services.sync.store import accounts
from services.sync.store.accounts import Account


@dataclass(frozen=True)
class Context:
    """Everything that a handler needs, made in `__main__`."""

    settings: Settings
    db: Pool
    bus: Bus
    queue: RunQueue

    async def get_account(self, user_id: UserId, account_id: AccountId) -> Account:
        """Refused: `not_found` (404), also where the account is another user's."""
        async with self.db.acquire() as connection:
            account = await accounts.get_account(connection, account_id)
        if account is None or account.user_id != user_id:
            raise not_found("account")
        return account


@dataclass(frozen=True)
class GoogleAccounts:
    """Google as each account sees it, with the access tokens that `auth` hands out for it."""

    google: Google
    tokens: KeptTokens

    def open(self, account_id: AccountId) -> GoogleAccount:
        """The line of one piece of work: what it costs is counted for itself."""
        return self.google.account(self.tokens.of(account_id), account_id)
