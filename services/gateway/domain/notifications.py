"""Notifications: what is stored and shown, and what is about to be stored. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field

from libs.common.events import KINDS, Kind
from libs.common.ids import AccountId, RunId, UserId

Level = Literal["info", "warning", "error"]
Answer = Literal["accepted", "dismissed"]
THIS_IS_ME = "This is me"
KIND_NOUNS: dict[Kind, str] = {"mail": "Mail", "contacts": "Google Contacts", "calendar": "Calendar"}


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
    revision: int = Field(description="1 as it is made, and one more each time that it has grown.", examples=[1])


class ItemCounts(NamedTuple):
    """How many items a run has added, changed and removed."""

    new: int
    updated: int
    removed: int

    def __str__(self) -> str:
        return f"{self.new:,} new, {self.updated:,} updated, {self.removed:,} removed"

    def briefly(self) -> str:
        """Only what there is: "3 new, 1 removed"."""
        words = zip(self, ("new", "updated", "removed"), strict=True)
        return ", ".join(f"{count:,} {word}" for count, word in words if count) or "nothing had changed"


Counted = Mapping[str, Sequence[int]]
"""What each run brought, under the run's name: [new, updated, removed]."""


class RequestGroup(NamedTuple):
    """Runs that were requested together share a notification: those of one `name` that were requested at about one moment."""

    name: str
    requested_at: datetime
    kind: Kind


@dataclass(frozen=True)
class NewNotification:
    """A notification that is about to be stored. `link` is a path on this server; `account_id` is None where it is about no account.

    Of several with the same `event_key`, or of one `group`, the first is stored. Where they have `counts`, those of the later ones are
    added to it, once for each `run_id`. `offer` is an address that one click adds to the user's own ones.
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
    group: RequestGroup | None = None

    @property
    def counted(self) -> Counted:
        """What it adds. By run: one whose event is delivered twice counts once."""
        if not self.counts:
            return {}
        return {f"{self.group.kind} {self.run_id}" if self.group else str(self.run_id): list(self.counts)}

    def body_with(self, counted: Counted) -> str:
        """The body with the numbers of all runs together: in sum, or of runs that were requested together kind by kind."""
        if self.group:
            return by_kind(counted)
        return self.body.replace(str(self.counts), str(_total(counted.values())))


def by_kind(counted: Counted) -> str:
    """ "Mail: 12,345 new. Calendar: nothing had changed." """
    of_kinds = {kind: [counts for run, counts in counted.items() if run.startswith(f"{kind} ")] for kind in KINDS}
    return " ".join(f"{KIND_NOUNS[kind]}: {_total(counts).briefly()}." for kind, counts in of_kinds.items() if counts)


def _total(counts: Iterable[Sequence[int]]) -> ItemCounts:
    return ItemCounts(*map(sum, zip(*counts, strict=True)))
