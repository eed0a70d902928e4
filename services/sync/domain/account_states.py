"""What a comparison of an account with `auth`'s finds, by what sync needs to know of it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from libs.common.account_states import Finding, finding_of
from libs.common.requests import AccountState

AccountStatus = Literal["active", "reauth_required", "disconnected"]


@dataclass(frozen=True, slots=True)
class HeldAccount:
    """An account as it is held here, as of the event `sequence`; 0: that was not counted."""

    state: AccountStatus
    address: str
    scopes: frozenset[str]
    sequence: int


def finding(held: HeldAccount | None, state: AccountState, forgotten: Collection[UUID]) -> Finding:
    """What is wrong with the account as it is held. One that nothing can be read of has not to be there."""
    is_active = state.status == "active"
    if held is None:
        return finding_of(state, forgotten, None, is_needed=is_active, is_same=False)
    is_as_active = not is_active or (held.address, held.scopes) == (state.address, state.scopes)
    is_same = held.state == state.status and is_as_active
    return finding_of(state, forgotten, held.sequence, is_needed=is_active, is_same=is_same)
