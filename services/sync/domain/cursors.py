"""How far each thing is read: the shapes of `cursors.token`."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

CALENDAR_FULL_EVERY = timedelta(hours=25)  # the daily full listing has its own schedule; this is for when it was missed


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing of the mailbox under way. Ledger rows that it meets get its generation.

    since_s: epoch seconds from where on is listed, 0 = everything. until_s: up to where, 0 = now. page: where it goes on, None at the
    beginning. listed: messages so far. history_id: that of the mailbox when it began. sweep: what it does not meet is gone.
    """

    since_s: int
    history_id: int
    page: str | None = None
    listed: int = 0
    sweep: bool = False
    until_s: int = 0


@dataclass(frozen=True, slots=True)
class MailCursor:
    """history_id: history is read from here. lookback_days: how far back the mailbox was listed (0 = all of it).

    checked_at: when a look at the mailbox last found nothing; written with the end of that run, and kept here.
    """

    history_id: int
    lookback_days: int
    generation: int = 1
    listing: Listing | None = None
    checked_at: str | None = None

    def to_json(self) -> dict[str, Any]:
        token = asdict(self)
        return token if self.checked_at else {name: token[name] for name in token if name != "checked_at"}

    @classmethod
    def from_json(cls, token: dict[str, Any]) -> "MailCursor":
        listing = token["listing"]
        return cls(**{**token, "listing": Listing(**listing) if listing else None})

    def reaches(self, lookback_days: int) -> bool:
        """Whether a lookback lies within what was listed."""
        return self.lookback_days == 0 or (lookback_days != 0 and lookback_days <= self.lookback_days)


@dataclass(frozen=True, slots=True)
class SyncCursor:
    """Where a People or Calendar sync goes on; no token: with a full listing, whose generation is one more."""

    sync_token: str | None
    generation: int
    full_at: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, token: dict[str, Any]) -> "SyncCursor":
        return cls(**token)

    def is_stale(self, now: datetime) -> bool:
        """Whether the last full listing is too long ago for a window that moves with time."""
        return not self.full_at or now - datetime.fromisoformat(self.full_at) > CALENDAR_FULL_EVERY


NEVER = SyncCursor(None, 0)
