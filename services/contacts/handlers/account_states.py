"""Whether accounts and settings here are those of `auth`: an event that was lost on its way is made good, at the start and once a day."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from libs.common import account_states
from libs.common.account_states import Finding, LastAccountEvent
from libs.common.bus import Bus
from libs.common.events import (
    AccountConnected,
    AccountDisconnected,
    AccountReauthRequired,
    SettingsChanged,
    UserDeleted,
)
from libs.common.ids import AccountId, UserId
from libs.common.preferences import Preferences
from libs.common.requests import AccountState, UserPreferences
from services.contacts.context import Context
from services.contacts.domain.account_states import HeldAccount, finding
from services.contacts.handlers.accounts import connect_account, delete_user, disconnect_account
from services.contacts.handlers.settings import change_settings
from services.contacts.store import accounts, users


@dataclass(frozen=True)
class ContactsCopy:
    """The accounts as contacts hold them."""

    context: Context

    async def load(self, states: Sequence[AccountState]) -> tuple[Mapping[AccountId, HeldAccount], set[UUID]]:
        async with self.context.db.acquire() as connection:
            held = await accounts.list_held(connection, [state.id for state in states])
            ids = {identifier for state in states for identifier in (state.id, state.user_id)}
            return held, await users.list_purged(connection, ids)

    def finding(self, held: HeldAccount | None, state: AccountState, removed: Collection[UUID]) -> Finding:
        return finding(held, state, removed)

    async def replace_sequence(self, account_id: AccountId, before: int, after: int) -> None:
        async with self.context.db.acquire() as connection:
            await accounts.replace_sequence(connection, account_id, before, after)

    async def apply(self, event: LastAccountEvent) -> None:
        match event:
            case AccountConnected():
                await connect_account(self.context, event)
            case AccountReauthRequired():  # its permission has ended: what was imported stays, and its address is the user's
                await connect_account(self.context, event)
            case AccountDisconnected():
                await disconnect_account(self.context, event)
            case UserDeleted():
                await delete_user(self.context, event)
            case _:
                assert_never(event)

    async def list_settings_versions(self, user_ids: Collection[UserId]) -> Mapping[UserId, int]:
        async with self.context.db.acquire() as connection:
            return await users.list_settings_versions(connection, user_ids)

    async def apply_settings(self, user_id: UserId, settings: UserPreferences) -> None:
        unknown = Preferences()  # what follows here hangs on what is held, and not on what was before
        changed = SettingsChanged(user_id=user_id, version=settings.version, before=unknown, after=settings.preferences)
        await change_settings(self.context, changed)


async def keep_comparing(context: Context, bus: Bus) -> None:
    """Compare now, and then once a day. Runs until cancelled."""
    await account_states.keep_comparing(bus, ContactsCopy(context))


async def compare_accounts(context: Context, bus: Bus) -> None:
    """Every account. Outage: `auth` does not reply."""
    await account_states.compare_accounts(bus, ContactsCopy(context))
