"""Runs of `sync`: that one is wanted, how far it is, how it ended."""

from typing import Literal, get_args

from libs.common.events.event import Event
from libs.common.ids import AccountId, RunId, UserId

Kind = Literal["mail", "contacts", "calendar"]
Reason = Literal["connected", "schedule", "user", "push", "poll", "settings", "repair"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class SyncRequested(Event):
    """Somebody wants this account's mail, contacts or calendar brought up to date."""

    subject = "sync.requested"
    published_by = ("sync", "gateway")
    consumed_by = ("sync",)

    user_id: UserId
    account_id: AccountId
    kind: Kind
    reason: Reason


class SyncProgressed(Event):
    """How far a run is: `done` of `total` items (total may still grow), `eta_seconds` where it can be told."""

    subject = "sync.progressed"
    published_by = ("sync",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    run_id: RunId
    kind: Kind
    done: int
    total: int
    eta_seconds: float | None = None
    note: str = ""


class SyncCompleted(Event):
    """A run ended well: how many items were new, updated, removed; `skipped` counts by reason."""

    subject = "sync.completed"
    published_by = ("sync",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    address: str
    run_id: RunId
    kind: Kind
    reason: Reason
    new: int
    updated: int
    removed: int
    skipped: dict[str, int] = {}
    seconds: float
    first: bool = False

    def key(self) -> str:
        return f"{self.run_id}:completed"


class SyncFailed(Event):
    """A run ended with an error. What it had done is kept; it goes on from there. `error` is a sentence for the user."""

    subject = "sync.failed"
    published_by = ("sync",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    address: str
    run_id: RunId
    kind: Kind
    reason: Reason
    code: str
    error: str
    new: int
    updated: int
    removed: int
    seconds: float

    def key(self) -> str:
        return f"{self.run_id}:failed"
