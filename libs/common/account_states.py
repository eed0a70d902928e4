"""How a copy of `auth`'s accounts and settings is compared with the original: an event that was lost on its way is made good.

A service that holds a copy has an `AccountCopy` of it; the comparison itself is the same for all. It is made at the start and once a
day, page by page.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, assert_never
from uuid import UUID

from libs.common.errors import Refused
from libs.common.events import AccountConnected, AccountDisconnected, AccountReauthRequired, UserDeleted
from libs.common.ids import AccountId, UserId
from libs.common.log import get_logger
from libs.common.requests import AccountState, GetSettings, ListAccountStates, UserPreferences

if TYPE_CHECKING:
    from libs.common.bus import Bus

EVERY_SECONDS = 24 * 3600.0
PAUSE_SECONDS = 5.0  # between two attempts, as long as `auth` is away

LastAccountEvent = AccountConnected | AccountReauthRequired | AccountDisconnected | UserDeleted
Finding = Literal["same", "uncounted", "missed", "rolled_back"]
"""What is wrong with an account as it is held.

missed: the event after which `auth` has it. uncounted: nothing but its sequence. rolled_back: `auth` has counted less than what was
received of it, so its database is that of a backup, or the state was read before the last event.
"""


class HeldSequence(Protocol):
    """An account as it is held, as of the event `sequence`; 0: that was not counted."""

    @property
    def sequence(self) -> int: ...


H = TypeVar("H", bound=HeldSequence)


class AccountCopy(Protocol[H]):
    """A service's copy of the accounts."""

    async def load(self, states: Sequence[AccountState]) -> tuple[Mapping[AccountId, H], set[UUID]]:
        """What is held of these accounts; and which of them, and of their users, were removed for good."""

    def finding(self, held: H | None, state: AccountState, removed: Collection[UUID]) -> Finding:
        """What is wrong with the account as it is held: `finding_of`, by what this service needs to know of it."""

    async def replace_sequence(self, account_id: AccountId, before: int, after: int) -> None:
        """The account is as of another event than it was thought to be; does nothing where a further one was applied meanwhile."""

    async def apply(self, event: LastAccountEvent) -> None:
        """Handle an event that was missed."""

    async def list_settings_versions(self, user_ids: Collection[UserId]) -> Mapping[UserId, int]:
        """Which settings are held of these users; of whom none are, they were never changed."""

    async def apply_settings(self, user_id: UserId, settings: UserPreferences) -> None:
        """Handle a change of settings that was missed."""


async def keep_comparing(bus: "Bus", copy: AccountCopy[H]) -> None:
    """Compare now, and then once a day. Runs until cancelled."""
    while True:
        while not await bus.run_guarded(lambda: compare_accounts(bus, copy), pause_seconds=PAUSE_SECONDS):
            continue
        await asyncio.sleep(EVERY_SECONDS)


async def compare_accounts(bus: "Bus", copy: AccountCopy[H]) -> None:
    """Every account, page by page. Outage: `auth` does not reply."""
    async for states in pages_of_states(bus):
        await compare_states(bus, copy, states)


async def compare_states(bus: "Bus", copy: AccountCopy[H], states: Sequence[AccountState]) -> None:
    """These accounts. Outage: `auth` does not reply."""
    held, removed = await copy.load(states)
    for state in states:
        account = held.get(state.id)
        if copy.finding(account, state, removed) == "rolled_back":
            state = await get_state(bus, state.id) or state  # it may have been read before the last event was published
        await _make_good(copy, account, state, copy.finding(account, state, removed))
    users = {state.user_id: state for state in states if not state.user_deleted and state.user_id not in removed}
    await _compare_settings(bus, copy, users)


async def _compare_settings(bus: "Bus", copy: AccountCopy[H], users: Mapping[UserId, AccountState]) -> None:
    """Of these users, each with one of their accounts."""
    versions = await copy.list_settings_versions(users)
    for user_id, state in users.items():
        if versions.get(user_id, 0) >= state.settings_version:
            continue
        try:
            settings = await bus.request(GetSettings(user_id=user_id))
        except Refused as refusal:
            if refusal.code != "not_found":
                raise
            continue  # the user is deleted by now
        get_logger().warning(
            "account_event_missed", account=str(state.id), user=str(user_id), status=state.status, found="settings"
        )
        await copy.apply_settings(user_id, settings)


async def _make_good(copy: AccountCopy[H], held: H | None, state: AccountState, found: Finding) -> None:
    match found:
        case "same":
            return
        case "missed":
            pass
        case "uncounted" | "rolled_back":
            assert held is not None, "both compare what is held"
            sequence = state.sequence if found == "uncounted" else state.sequence - 1
            await copy.replace_sequence(state.id, held.sequence, sequence)
            if found == "uncounted":
                return
        case _:
            assert_never(found)
    get_logger().warning(
        "account_event_missed", account=str(state.id), user=str(state.user_id), status=state.status, found=found
    )
    await copy.apply(last_event(state, datetime.now(UTC)))


def finding_of(
    state: AccountState, removed: Collection[UUID], sequence: int | None, *, is_needed: bool, is_same: bool
) -> Finding:
    """The finding about an account that is held as of `sequence`; None: not held. Pure.

    `is_needed`: whether it has to be held as `auth` has it. `is_same`: whether what is held of it is as `auth` has it.
    """
    if state.user_id in removed:
        return "same"
    if state.user_deleted:
        return "missed"
    if state.status == "purged":
        return "same" if state.id in removed else "missed"
    if state.id in removed:
        return "same"
    if sequence is None:
        return "missed" if is_needed else "same"
    if sequence > state.sequence:
        return "rolled_back"
    if sequence == state.sequence:
        return "same"
    return "uncounted" if is_same else "missed"


async def pages_of_states(bus: "Bus") -> AsyncIterator[tuple[AccountState, ...]]:
    """All accounts of all users as `auth` has them, the removed ones too. Outage: `auth` does not reply."""
    after: AccountId | None = None
    while True:
        page = await bus.request(ListAccountStates(after=after))
        yield page.items
        after = page.next_after
        if after is None:
            return


async def get_state(bus: "Bus", account_id: AccountId) -> AccountState | None:
    """How this account stands now. None: `auth` never had it. Outage: `auth` does not reply."""
    items = (await bus.request(ListAccountStates(account_id=account_id))).items
    return items[0] if items else None


def last_event(state: AccountState, now: datetime) -> LastAccountEvent:
    """The last event about an account, as it was published or as good as that. Pure."""
    user_id, account_id, sequence = state.user_id, state.id, state.sequence
    if state.user_deleted:
        return UserDeleted(user_id=user_id, account_ids=(account_id,))
    match state.status:
        case "active":
            return AccountConnected(
                user_id=user_id, account_id=account_id, address=state.address, scopes=state.scopes, again=True,
                sequence=sequence, at=now,
            )  # fmt: skip
        case "reauth_required":
            return AccountReauthRequired(
                user_id=user_id, account_id=account_id, address=state.address, reason=state.status_reason,
                sequence=sequence, at=now,
            )  # fmt: skip
        case "disconnected" | "purged":
            return AccountDisconnected(
                user_id=user_id, account_id=account_id, purge=state.status == "purged", sequence=sequence, at=now
            )
