"""Notifications: what is stored and shown, and what is about to be stored. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field

from libs.common.ids import AccountId, RunId, UserId

Level = Literal["info", "warning", "error"]
Answer = Literal["accepted", "dismissed"]
THIS_IS_ME = "This is me"


class Action(BaseModel):
    """Something that a notification offers: `POST …/accept` adds `address` to the user's own ones, `POST …/dismiss` refuses.

    `answer` is null while the offer is open.
    """

    label: str = Field(examples=[THIS_IS_ME])
    address: str
    answer: Answer | None


class Notification(BaseModel):
    """What a user was notified of. `link` is a path on this server; `read_at` is null while it is unread."""

    id: UUID
    kind: str
    level: Level
    title: str
    body: str
    link: str
    account_id: AccountId | None
    created_at: datetime
    read_at: datetime | None
    action: Action | None = Field(description="What one click does about it; null where there is nothing to decide.")


class ItemCounts(NamedTuple):
    """How many items a run has added, changed and removed."""

    new: int
    updated: int
    removed: int

    def __str__(self) -> str:
        return f"{self.new:,} new, {self.updated:,} updated, {self.removed:,} removed"


@dataclass(frozen=True)
class NewNotification:
    """A notification that is about to be stored. `link` is a path on this server; `account_id` is None where it is about no account.

    Of several with the same `event_key` the first is stored. Where they have `counts`, those of the later ones are added to it, once
    for each `run_id`. `offer` is an address that one click adds to the user's own ones.
    """

    user_id: UserId
    account_id: AccountId | None
    kind: str
    level: Level
    title: str
    body: str
    link: str
    event_key: str
    offer: str | None = None
    counts: ItemCounts | None = None
    run_id: RunId | None = None

    def body_with(self, total: ItemCounts) -> str:
        """The body with other numbers in place of its own."""
        return self.body.replace(str(self.counts), str(total))
