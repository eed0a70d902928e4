"""What a comparison of an account with `auth`'s finds, by what contacts need to know of it."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from libs.common.account_states import Finding, finding_of
from libs.common.requests import AccountState


@dataclass(frozen=True)
class HeldAccount:
    """An account as it is held here, as of the event `sequence`; 0: that was not counted."""

    connected: bool
    address: str
    sequence: int


def finding(held: HeldAccount | None, state: AccountState, purged: Collection[UUID]) -> Finding:
    """What is wrong with the account as it is held. A permission that has ended is nothing to contacts: the account stays connected."""
    is_connected = state.status != "disconnected"
    if held is None:
        return finding_of(state, purged, None, is_needed=is_connected, is_same=False)
    is_at_address = not is_connected or held.address == state.address.strip().lower()
    is_same = held.connected == is_connected and is_at_address
    return finding_of(state, purged, held.sequence, is_needed=is_connected, is_same=is_same)
