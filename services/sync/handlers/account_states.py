"""Whether the accounts here are those of `auth`: an event that was lost on its way is made good, at the start and once a day."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import assert_never
from uuid import UUID

from libs.common.account_states import get_state, last_event, pages_of_states
from libs.common.events import AccountConnected, AccountDisconnected, AccountReauthRequired, UserDeleted
from libs.common.ids import AccountId
from libs.common.log import get_logger
from libs.common.requests import AccountState
from services.sync.context import Context
from services.sync.domain.account_states import HeldAccount, finding
from services.sync.handlers.accounts import connect, disconnect, forget_user, stop_until_reauthorized
from services.sync.store import accounts

EVERY_SECONDS = 24 * 3600.0
PAUSE_SECONDS = 5.0  # between two attempts, as long as `auth` is away


async def keep_comparing(context: Context) -> None:
    """Compare now, and then once a day. Runs until cancelled."""
    while True:
        while not await context.bus.run_guarded(lambda: compare_accounts(context), pause_seconds=PAUSE_SECONDS):
            continue
        await asyncio.sleep(EVERY_SECONDS)


async def compare_accounts(context: Context) -> None:
    """Every account, page by page. Outage: `auth` does not reply."""
    async for states in pages_of_states(context.bus):
        await _compare(context, states)


async def compare_account(context: Context, account_id: AccountId) -> None:
    """One account by itself. Outage: `auth` does not reply."""
    if state := await get_state(context.bus, account_id):
        await _compare(context, [state])


async def _compare(context: Context, states: Sequence[AccountState]) -> None:
    async with context.db.acquire() as connection:
        held = await accounts.list_held(connection, [state.id for state in states])
        ids = {identifier for state in states for identifier in (state.id, state.user_id)}
        forgotten = await accounts.list_forgotten(connection, ids)
    for state in states:
        await _make_good(context, held.get(state.id), state, forgotten)


async def _make_good(context: Context, held: HeldAccount | None, state: AccountState, forgotten: set[UUID]) -> None:
    if (
        finding(held, state, forgotten) == "rolled_back"
    ):  # unless the state was read before the last event was published
        state = await get_state(context.bus, state.id) or state
    match found := finding(held, state, forgotten):
        case "same":
            return
        case "missed":
            pass
        case "uncounted" | "rolled_back":
            assert held is not None, "both compare what is held"
            sequence = state.sequence if found == "uncounted" else state.sequence - 1
            async with context.db.acquire() as connection:
                await accounts.replace_sequence(connection, state.id, held.sequence, sequence)
            if found == "uncounted":
                return
        case _:
            assert_never(found)
    get_logger().warning(
        "account_event_missed", account=str(state.id), user=str(state.user_id), status=state.status, found=found
    )
    match event := last_event(state, datetime.now(UTC)):
        case AccountConnected():
            await connect(context, event)
        case AccountReauthRequired():
            await stop_until_reauthorized(context, event)
        case AccountDisconnected():
            await disconnect(context, event)
        case UserDeleted():
            await forget_user(context, event)
        case _:
            assert_never(event)
