"""Briefs: how the attempt at one ended."""

from datetime import datetime

from libs.common.events.event import Event
from libs.common.ids import AccountId, MeetingId, UserId


class PrepSent(Event):
    """A brief arrived in Gmail. `ai` is false where the talking points were derived from the facts alone."""

    subject = "prep.sent"
    published_by = ("prep",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    meeting_id: MeetingId
    title: str
    starts_at: datetime
    ai: bool
    cost_usd: float = 0.0

    def key(self) -> str:
        return f"{self.meeting_id}:{self.starts_at.isoformat()}:sent"


class PrepSkipped(Event):
    """A meeting gets no brief, and why: for a browser that shows the meeting. It is no reason to notify anybody."""

    subject = "prep.skipped"
    published_by = ("prep",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    meeting_id: MeetingId
    starts_at: datetime
    reason: str

    def key(self) -> str:
        return f"{self.meeting_id}:{self.starts_at.isoformat()}:{self.reason}"


class PrepFailed(Event):
    """A brief could not be sent in time. `error` is a sentence for the user.

    `code` names what stands in the way of every brief of the account (`api_disabled`, `domain_policy`, …); empty where it is only this one.
    """

    subject = "prep.failed"
    published_by = ("prep",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    meeting_id: MeetingId
    title: str
    starts_at: datetime
    error: str
    code: str = ""

    def key(self) -> str:
        return f"{self.meeting_id}:{self.starts_at.isoformat()}:failed"
