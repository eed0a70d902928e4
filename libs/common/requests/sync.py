"""The requests that `sync` serves: runs, meetings, why a message is (not) here."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from libs.common.events import Kind, Meeting, Reason
from libs.common.ids import AccountId, MeetingId, RunId, UserId
from libs.common.requests.contacts.timelines import ContactRef
from libs.common.requests.request import Command, Done, FrozenModel, Query

RunState = Literal["queued", "running", "waiting", "completed", "failed"]


class Run(FrozenModel):
    """One run of one kind on one account. `done` of `total` items; times are null until they are known.

    `estimated_units`: what it is expected to cost of Gmail's quota in all, 0 until that is known. `note`: why it is not faster.
    `resumes_at`: when a waiting run goes on. `checked_at`: of the latest run, when it was last looked for news of this kind, found or not.
    """

    id: RunId
    account_id: AccountId
    kind: Kind
    reason: Reason
    state: RunState
    first: bool
    started_at: datetime
    finished_at: datetime | None = None
    done: int = 0
    total: int = 0
    eta_seconds: float | None = None
    estimated_units: int = 0
    note: str = ""
    new: int = 0
    updated: int = 0
    removed: int = 0
    skipped: dict[str, int] = {}
    code: str = ""
    error: str = ""
    resumes_at: datetime | None = None
    checked_at: datetime | None = None


class Runs(FrozenModel):
    items: tuple[Run, ...]
    next_cursor: str | None = None


class SyncStatus(FrozenModel):
    """The latest run of each account and kind; and the zones of the accounts' primary calendars, as far as they are known."""

    items: tuple[Run, ...]
    time_zones: dict[AccountId, str] = {}


class ListRuns(Query[Runs]):
    """The sync history of one account, newest first."""

    subject = "sync.runs"
    served_by = "sync"
    requested_by = ("gateway",)
    reply = Runs

    user_id: UserId
    account_id: AccountId
    cursor: str | None = None
    limit: int = 50


class GetSyncStatus(Query[SyncStatus]):
    """How the syncs of a user's accounts stand."""

    subject = "sync.status"
    served_by = "sync"
    requested_by = ("gateway",)
    reply = SyncStatus

    user_id: UserId


class Meetings(FrozenModel):
    items: tuple[Meeting, ...]
    next_cursor: str | None = None


class ListMeetings(Query[Meetings]):
    """Meetings of a user that start in [from, to), by start. Cancelled ones are not among them."""

    subject = "sync.meetings"
    served_by = "sync"
    requested_by = ("prep", "gateway")
    reply = Meetings

    user_id: UserId
    start: datetime
    end: datetime
    account_id: AccountId | None = None
    cursor: str | None = None
    limit: int = 100


class GetMeeting(Query[Meeting]):
    """One meeting as it stands now. Refused: `not_found` (404), also when it was cancelled."""

    subject = "sync.meeting"
    served_by = "sync"
    requested_by = ("prep", "gateway")
    reply = Meeting

    user_id: UserId
    meeting_id: MeetingId


class AccountCalendar(FrozenModel):
    """A calendar that an account has beside its primary one, as its owner calls it."""

    account_id: AccountId
    calendar_id: str
    title: str


class Calendars(FrozenModel):
    """`unavailable`: the accounts of which Google did not list the calendars just now, or may not."""

    items: tuple[AccountCalendar, ...]
    unavailable: tuple[AccountId, ...] = ()


class ListCalendars(Query[Calendars]):
    """The calendars that could be ticked: those of all accounts of a user, as Google lists them at this moment."""

    subject = "sync.calendars"
    served_by = "sync"
    requested_by = ("gateway",)
    reply = Calendars

    user_id: UserId


class NotifyCalendar(Command[Done]):
    """Google notified through a channel that a calendar has changed. Refused: `not_found` (404), also where the token is another one."""

    subject = "sync.notify_calendar"
    served_by = "sync"
    requested_by = ("gateway",)
    reply = Done

    channel_id: UUID
    channel_token: str


class Why(FrozenModel):
    """What happened to one message, in `state` and in a sentence."""

    account_id: AccountId
    gmail_id: str | None
    rfc_message_id: str | None
    state: Literal["recorded", "filtered", "set_aside", "pending", "gone", "unknown"] = Field(
        description="pending: not reached yet; unknown: not in this mailbox, or Gmail could not be asked."
    )
    rule: str = Field("", description="Of filtered messages: which rule keeps it out.")
    explanation: str
    occurred_at: datetime | None = None
    copies: int = Field(
        1, description="How many messages of this mailbox carry the Message-ID; the answer is about one."
    )
    ahead: int | None = Field(None, description="Of pending messages: how many are read before it.")
    eta_seconds: float | None = Field(
        None, description="Of pending messages: when it is read, where a run is under way."
    )
    asked_gmail: bool = Field(False, description="It was not known here, and Gmail was asked just now.")
    contacts: tuple[ContactRef, ...] = Field(
        (), description="Of recorded messages: whose timelines show it, at most 100 of `contacts_total`."
    )
    contacts_total: int = 0


class ExplainMessage(Query[Why]):
    """Why is this email (not) here? `message_id` is a Gmail id or an RFC 5322 Message-ID. May ask Gmail: up to 8 s."""

    subject = "sync.why"
    served_by = "sync"
    requested_by = ("gateway",)
    reply = Why

    user_id: UserId
    account_id: AccountId
    message_id: str


class Retried(FrozenModel):
    """How many messages that were set aside are looked at again."""

    messages: int


class RetryMessages(Command[Retried]):
    """Look again at the messages that were set aside: the one, or without `message_id` all of the account.

    Refused: `not_found` (404), `not_set_aside` (409): there is nothing to try again.
    """

    subject = "sync.retry"
    served_by = "sync"
    requested_by = ("gateway",)
    reply = Retried

    user_id: UserId
    account_id: AccountId
    message_id: str | None = None


class AuditResult(FrozenModel):
    """What one comparison of the mailbox with what is recorded found, and healed.

    `listed` messages of Gmail's list are `recorded`, `filtered` (by rule), `set_aside` or still `pending`; what is left of them was
    deleted while the audit ran. `unhealed`: known to be missing, and it could not be helped.
    """

    began_at: datetime
    finished_at: datetime
    listed: int
    recorded: int
    filtered: dict[str, int]
    set_aside: int
    pending: int
    healed_added: int
    healed_removed: int
    unhealed: int
    complete: float = Field(description="Share of the listed messages that are accounted for, 0–1.")
    requests: int
    units: int


class AuditedItems(FrozenModel):
    """Are all meetings, or all cards, where they belong? One sentence, and the numbers of the last comparison.

    `healed`: had been lost on their way to the timelines, and were published again. `unhealed`: so often that it is given up.
    """

    summary: str = Field(examples=["All 38 meetings were found where they belong."])
    finished_at: datetime | None = Field(None, description="null: none has ended yet.")
    under_way: bool = Field(False, description="A comparison waits for its turn.")
    compared: int = 0
    healed: int = 0
    unhealed: int = 0


class Audit(FrozenModel):
    """Is everything here? One sentence, the last audit, and the ledger as it is now; and the same of meetings and cards.

    The ledger: `by_state`, and `by_rule` for filtered and set-aside messages.
    """

    account_id: AccountId
    summary: str = Field("", examples=["All 12,345 messages that Gmail lists are accounted for."])
    last: AuditResult | None = Field(None, description="null: none has ended yet.")
    under_way: bool = Field(False, description="An audit runs, or waits for its turn.")
    listed: int
    by_state: dict[str, int]
    by_rule: dict[str, int]
    complete: float = Field(description="share of listed messages that reached a final state, 0–1")
    meetings: AuditedItems
    cards: AuditedItems = Field(description="Those of Google Contacts.")


class AuditAccount(Query[Audit]):
    subject = "sync.audit"
    served_by = "sync"
    requested_by = ("gateway",)
    reply = Audit

    user_id: UserId
    account_id: AccountId


class StartAudit(Command[Done]):
    """Compare the mailbox with what is recorded, as soon as a run can."""

    subject = "sync.start_audit"
    served_by = "sync"
    requested_by = ("gateway",)
    reply = Done

    user_id: UserId
    account_id: AccountId
