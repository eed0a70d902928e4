"""Whether the accounts here are those of `auth`: an event that was lost on its way is made good, at the start and once a day."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import assert_never
from uuid import UUID

from libs.common.account_states import get_state, last_event, pages_of_states
from libs.common.bus import Bus
from libs.common.events import AccountConnected, AccountDisconnected, AccountReauthRequired, UserDeleted
from libs.common.log import get_logger
from libs.common.requests import AccountState
from services.contacts.context import Context
from services.contacts.domain.account_states import HeldAccount, finding
from services.contacts.handlers.accounts import connect_account, delete_user, disconnect_account
from services.contacts.store import accounts, users

EVERY_SECONDS = 24 * 3600.0
PAUSE_SECONDS = 5.0  # between two attempts, as long as `auth` is away


async def keep_comparing(context: Context, bus: Bus) -> None:
    """Compare now, and then once a day. Runs until cancelled."""
    while True:
        while not await bus.run_guarded(lambda: compare_accounts(context, bus), pause_seconds=PAUSE_SECONDS):
            continue
        await asyncio.sleep(EVERY_SECONDS)


async def compare_accounts(context: Context, bus: Bus) -> None:
    """Every account, page by page. Outage: `auth` does not reply."""
    async for states in pages_of_states(bus):
        await _compare(context, bus, states)


async def _compare(context: Context, bus: Bus, states: Sequence[AccountState]) -> None:
    async with context.db.acquire() as connection:
        held = await accounts.list_held(connection, [state.id for state in states])
        ids = {identifier for state in states for identifier in (state.id, state.user_id)}
        purged = await users.list_purged(connection, ids)
    for state in states:
        account = held.get(state.id)
        if (
            finding(account, state, purged) == "rolled_back"
        ):  # unless the state was read before the last event was published
            state = await get_state(bus, state.id) or state
        await _make_good(context, account, state, purged)


async def _make_good(context: Context, held: HeldAccount | None, state: AccountState, purged: set[UUID]) -> None:
    match found := finding(held, state, purged):
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
            await connect_account(context, event)
        case AccountReauthRequired():  # its permission has ended: what was imported stays, and its address is the user's
            await connect_account(context, event)
        case AccountDisconnected():
            await disconnect_account(context, event)
        case UserDeleted():
            await delete_user(context, event)
        case _:
            assert_never(event)
