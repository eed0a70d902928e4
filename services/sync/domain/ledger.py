"""What the ledger knows of Gmail messages, and what is written into it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

MessageState = Literal["pending", "recorded", "filtered", "set_aside", "gone"]
FinalState = Literal["recorded", "filtered", "set_aside", "gone"]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One message as the ledger has it. `position` is ascending in the order in which pending messages are read."""

    gmail_id: str
    rfc_message_id: str | None
    state: MessageState
    rule: str
    reason: str
    occurred_at: datetime | None
    position: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a fetched message. `revision`: that of the newest event about it, as before where none was published."""

    gmail_id: str
    state: FinalState
    revision: int
    rule: str = ""
    reason: str = ""
    rfc_message_id: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PutOff:
    """A pending message for which Gmail answers with an error: it is tried again after the delay. `reason` is a sentence."""

    gmail_id: str
    delay: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class Removal:
    """A message that is not to be seen any more, as of `revision`. `rule`: the label that hides it; empty: deleted."""

    gmail_id: str
    revision: int
    rule: str = ""

    @property
    def reason(self) -> str:
        return self.rule or "deleted"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A message of the ledger that may not be as it is written there. `revision`: that of the newest event about it, anywhere."""

    gmail_id: str
    revision: int
