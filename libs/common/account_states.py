"""How a copy of `auth`'s accounts is compared with the original, in pages, and which event it has missed where it differs."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING

from libs.common.events import AccountConnected, AccountDisconnected, AccountReauthRequired, UserDeleted
from libs.common.ids import AccountId
from libs.common.requests import AccountState, ListAccountStates

if TYPE_CHECKING:
    from libs.common.bus import Bus

LastAccountEvent = AccountConnected | AccountReauthRequired | AccountDisconnected | UserDeleted


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
