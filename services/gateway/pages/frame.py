"""What the frame of every page shows: how its syncs are, and how much is unread. It is fetched while the page itself is made."""

import asyncio
from dataclasses import dataclass
from functools import cached_property

from libs.common.errors import Outage
from libs.common.requests import GetSyncStatus, ListAccounts, SyncStatus
from services.gateway.api.endpoint import Call
from services.gateway.domain.accounts import AccountView, account_view
from services.gateway.store.notifications import count_unread


@dataclass(frozen=True)
class Frame:
    """Each part is asked for once, when it is begun or needed first."""

    call: Call

    def begin(self) -> None:
        """Begin to fetch all of it."""
        _ = self.accounts, self.unread

    async def end(self) -> None:
        """Nothing that was begun goes on."""
        tasks = [task for name in ("accounts", "status", "unread") if (task := self.__dict__.get(name))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @cached_property
    def accounts(self) -> asyncio.Task[list[AccountView]]:
        """What is connected, or was until Google refused it. While `sync` is away: without progress."""
        return asyncio.create_task(self._list_accounts())

    @cached_property
    def status(self) -> asyncio.Task[SyncStatus]:
        return asyncio.create_task(self.call.request(GetSyncStatus(user_id=self.call.user_id)))

    @cached_property
    def unread(self) -> asyncio.Task[int]:
        return asyncio.create_task(count_unread(self.call.context.db, self.call.user_id))

    async def _list_accounts(self) -> list[AccountView]:
        status = self.status  # is fetched meanwhile
        accounts = await self.call.request(ListAccounts(user_id=self.call.user_id))
        try:
            runs = (await status).items
        except Outage:
            runs = ()
        return [account_view(account, runs) for account in accounts.items if account.status != "disconnected"]
