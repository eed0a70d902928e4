"""Mail: that a mailbox has changed, and what became of each message."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from libs.common.events.event import Event, address_digest
from libs.common.ids import AccountId, UserId

Role = Literal["from", "to", "cc", "bcc", "bcc_log", "attendee", "organizer", "other"]


class MailboxNotified(Event):
    """Gmail notified through Pub/Sub that a mailbox has changed up to `history_id`. A hint: late, twice, out of order, or never.

    `address` is the mailbox's, canonical; it may be nobody's here. `notified_at`: when Google published it.
    """

    subject = "mailbox.notified"
    published_by = ("gateway", "sync")
    consumed_by = ("sync",)
    is_hint = True

    address: str
    history_id: int
    notified_at: datetime

    def key(self) -> str:
        return f"{address_digest(self.address)}:{self.history_id}"


class Person(BaseModel):
    """Somebody on a message or meeting: the address as it was written, the name shown with it, the role."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    role: Role
    address: str
    name: str = ""


class MessageIngested(Event):
    """One eligible Gmail message. `revision` grows with each thing that happens to it: a later one wins over an earlier.

    `people` follows docs/rules.md (author first, role `from`). `automated` names the rule that fits, or is empty. `bcc_tags` are the
    `+tags` of own addresses seen in Delivered-To, X-Gm-Original-To, Bcc, To and Cc. `dated` is what the Date header comes to
    (docs/rules.md), empty in events of versions that did not look at it. `dmarc` is the verdict in Authentication-Results,
    `sent` says that Gmail has it among what this account sent. What fails DMARC and was not sent may not be its author's; where the
    author is the user, it is forged.
    """

    subject = "message.ingested"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    user_id: UserId
    account_id: AccountId
    gmail_id: str
    thread_id: str
    revision: int
    rfc_message_id: str | None
    dated: str = ""
    occurred_at: datetime
    people: tuple[Person, ...]
    title: str
    snippet: str
    automated: str = ""
    via: bool = False
    bcc_tags: tuple[str, ...] = ()
    dmarc: Literal["pass", "fail", "unknown"] = "unknown"
    sent: bool = False

    def key(self) -> str:
        return f"{self.account_id}:{self.gmail_id}:{self.revision}"


class MessageRemoved(Event):
    """A message left the mailbox (`deleted`), or went where it does not count (`trash`, `spam`, …)."""

    subject = "message.removed"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    user_id: UserId
    account_id: AccountId
    gmail_id: str
    revision: int
    reason: str

    def key(self) -> str:
        return f"{self.account_id}:{self.gmail_id}:{self.revision}"
