"""What `sync` is asked: runs, meetings, why a message is (not) here."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from libs.common.events import Kind, Meeting, Reason
from libs.common.ids import AccountId, MeetingId, RunId, UserId
from libs.common.questions.shape import Question, Shape

RunState = Literal["queued", "running", "waiting", "completed", "failed"]


class Run(Shape):
    """One run of one kind on one account. `done` of `total` items; times are null until they are known."""

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
    new: int = 0
    updated: int = 0
    removed: int = 0
    skipped: dict[str, int] = {}
    code: str = ""
    error: str = ""


class Runs(Shape):
    items: tuple[Run, ...]
    next_cursor: str | None = None


class ListRuns(Question[Runs]):
    """The sync history of one account, newest first."""

    subject = "sync.runs"
    answered_by = "sync"
    asked_by = ("gateway",)
    reply = Runs

    user_id: UserId
    account_id: AccountId
    cursor: str | None = None
    limit: int = 50


class GetSyncStatus(Question[Runs]):
    """The latest run of each account and kind of a user."""

    subject = "sync.status"
    answered_by = "sync"
    asked_by = ("gateway",)
    reply = Runs

    user_id: UserId


class Meetings(Shape):
    items: tuple[Meeting, ...]
    next_cursor: str | None = None


class ListMeetings(Question[Meetings]):
    """Meetings of a user that start in [from, to), by start. Cancelled ones are not among them."""

    subject = "sync.meetings"
    answered_by = "sync"
    asked_by = ("prep", "gateway")
    reply = Meetings

    user_id: UserId
    start: datetime
    end: datetime
    account_id: AccountId | None = None
    cursor: str | None = None
    limit: int = 100


class GetMeeting(Question[Meeting]):
    """One meeting as it stands now. Refused: `not_found` (404), also when it was cancelled."""

    subject = "sync.meeting"
    answered_by = "sync"
    asked_by = ("prep", "gateway")
    reply = Meeting

    user_id: UserId
    meeting_id: MeetingId


class Why(Shape):
    """What happened to one message. `state`: recorded, filtered, set_aside, pending, gone, unknown."""

    account_id: AccountId
    gmail_id: str | None
    rfc_message_id: str | None
    state: Literal["recorded", "filtered", "set_aside", "pending", "gone", "unknown"]
    rule: str = ""
    explanation: str
    occurred_at: datetime | None = None


class ExplainMessage(Question[Why]):
    """Why is this email (not) here? `message_id` is a Gmail id or an RFC 5322 Message-ID."""

    subject = "sync.why"
    answered_by = "sync"
    asked_by = ("gateway",)
    reply = Why

    user_id: UserId
    account_id: AccountId
    message_id: str


class Audit(Shape):
    """The ledger of one account, counted: `by_state`, and `by_rule` for filtered and set-aside messages."""

    account_id: AccountId
    listed: int
    by_state: dict[str, int]
    by_rule: dict[str, int]
    complete: float = Field(description="share of listed messages that reached a final state, 0–1")


class AuditAccount(Question[Audit]):
    subject = "sync.audit"
    answered_by = "sync"
    asked_by = ("gateway",)
    reply = Audit

    user_id: UserId
    account_id: AccountId
