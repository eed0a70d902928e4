"""What a comparison of an account with `auth`'s finds: an event that was missed, or nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from libs.common.requests import AccountState

AccountStatus = Literal["active", "reauth_required", "disconnected"]
Finding = Literal["same", "uncounted", "missed", "rolled_back"]


@dataclass(frozen=True, slots=True)
class HeldAccount:
    """An account as it is held here, as of the event `sequence`; 0: that was not counted."""

    state: AccountStatus
    address: str
    scopes: frozenset[str]
    sequence: int


def finding(held: HeldAccount | None, state: AccountState, forgotten: Collection[UUID]) -> Finding:
    """What is wrong with the account as it is held.

    missed: the event after which `auth` has it. uncounted: nothing but its sequence. rolled_back: `auth` has counted less than what
    was received of it, so its database is that of a backup, or the state was read before the last event.
    """
    if state.user_id in forgotten:
        return "same"
    if state.user_deleted:
        return "missed"
    if state.status == "purged":
        return "same" if state.id in forgotten else "missed"
    if state.id in forgotten:
        return "same"
    if held is None:
        return "missed" if state.status == "active" else "same"
    if held.sequence > state.sequence:
        return "rolled_back"
    if held.sequence == state.sequence:
        return "same"
    is_as_active = state.status != "active" or (held.address, held.scopes) == (state.address, state.scopes)
    return "uncounted" if held.state == state.status and is_as_active else "missed"
