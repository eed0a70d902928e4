"""Whether accounts and settings here are those of `auth`: an event that was lost on its way is made good, at the start and once a day."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from libs.common import account_states
from libs.common.account_states import Finding, LastAccountEvent
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
from services.sync.context import Context
from services.sync.domain.account_states import HeldAccount, finding
from services.sync.handlers.accounts import change_settings, connect, disconnect, forget_user, stop_until_reauthorized
from services.sync.store import accounts


@dataclass(frozen=True)
class SyncCopy:
    """The accounts as sync holds them."""

    context: Context

    async def load(self, states: Sequence[AccountState]) -> tuple[Mapping[AccountId, HeldAccount], set[UUID]]:
        async with self.context.db.acquire() as connection:
            held = await accounts.list_held(connection, [state.id for state in states])
            ids = {identifier for state in states for identifier in (state.id, state.user_id)}
            return held, await accounts.list_forgotten(connection, ids)

    def finding(self, held: HeldAccount | None, state: AccountState, removed: Collection[UUID]) -> Finding:
        return finding(held, state, removed)

    async def replace_sequence(self, account_id: AccountId, before: int, after: int) -> None:
        async with self.context.db.acquire() as connection:
            await accounts.replace_sequence(connection, account_id, before, after)

    async def apply(self, event: LastAccountEvent) -> None:
        match event:
            case AccountConnected():
                await connect(self.context, event)
            case AccountReauthRequired():
                await stop_until_reauthorized(self.context, event)
            case AccountDisconnected():
                await disconnect(self.context, event)
            case UserDeleted():
                await forget_user(self.context, event)
            case _:
                assert_never(event)

    async def list_settings_versions(self, user_ids: Collection[UserId]) -> Mapping[UserId, int]:
        async with self.context.db.acquire() as connection:
            return await accounts.list_settings_versions(connection, user_ids)

    async def apply_settings(self, user_id: UserId, settings: UserPreferences) -> None:
        async with self.context.db.acquire() as connection:
            before = Preferences(gmail=await accounts.get_preferences(connection, user_id))
        changed = SettingsChanged(user_id=user_id, version=settings.version, before=before, after=settings.preferences)
        await change_settings(self.context, changed)


async def keep_comparing(context: Context) -> None:
    """Compare now, and then once a day. Runs until cancelled."""
    await account_states.keep_comparing(context.bus, SyncCopy(context))


async def compare_accounts(context: Context) -> None:
    """Every account. Outage: `auth` does not reply."""
    await account_states.compare_accounts(context.bus, SyncCopy(context))


async def compare_account(context: Context, account_id: AccountId) -> None:
    """One account by itself. Outage: `auth` does not reply."""
    if state := await account_states.get_state(context.bus, account_id):
        await account_states.compare_states(context.bus, SyncCopy(context), [state])
