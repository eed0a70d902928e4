"""What a comparison of an account with `auth`'s finds: an event that was missed, or nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from libs.common.requests import AccountState

Finding = Literal["same", "uncounted", "missed", "rolled_back"]


@dataclass(frozen=True)
class HeldAccount:
    """An account as it is held here, as of the event `sequence`; 0: that was not counted."""

    connected: bool
    address: str
    sequence: int


def finding(held: HeldAccount | None, state: AccountState, purged: Collection[UUID]) -> Finding:
    """What is wrong with the account as it is held. A permission that has ended is nothing to contacts: the account stays connected.

    missed: the event after which `auth` has it. uncounted: nothing but its sequence. rolled_back: `auth` has counted less than what
    was received of it, so its database is that of a backup, or the state was read before the last event.
    """
    if state.user_id in purged:
        return "same"
    if state.user_deleted:
        return "missed"
    if state.status == "purged":
        return "same" if state.id in purged else "missed"
    if state.id in purged:
        return "same"
    is_connected = state.status != "disconnected"
    if held is None:
        return "missed" if is_connected else "same"
    if held.sequence > state.sequence:
        return "rolled_back"
    if held.sequence == state.sequence:
        return "same"
    is_at_address = not is_connected or held.address == state.address.strip().lower()
    return "uncounted" if held.connected == is_connected and is_at_address else "missed"
