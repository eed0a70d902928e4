"""The plain service that stands in for `sync`: runs, the audit, and one meeting of Alice's."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from libs.common import requests as q
from libs.common.errors import not_found
from libs.common.events import Guest, Meeting
from libs.common.ids import AccountId, MeetingId
from tests.support.gateway.two_users import Responders, TwoUsers
from tests.support.gateway.values import NOW


@dataclass
class SyncPart(TwoUsers):
    """`sync`: runs, the audit, and one meeting of Alice's."""

    runs: list[q.Run] = field(default_factory=list)
    time_zones: dict[AccountId, str] = field(default_factory=dict)
    audit: q.Audit | None = None
    calendars: q.Calendars = field(default_factory=lambda: q.Calendars(items=()))
    starts_at: datetime = NOW

    def sync_responders(self) -> Responders:
        return {
            q.GetSyncStatus: self.status,
            q.ListMeetings: self.list_meetings,
            q.GetMeeting: self.get_meeting,
            q.ListCalendars: self.list_calendars,
            q.ExplainMessage: self.explain,
            q.StartAudit: self.done,
            q.ListRuns: self.list_runs,
            q.AuditAccount: self.get_audit,
            q.RetryMessages: self.retry,
        }

    async def list_runs(self, query: q.ListRuns) -> q.Runs:
        own = [run for run in self.runs if run.account_id == query.account_id]
        return q.Runs(
            items=tuple(own[: query.limit]), next_cursor=None if query.cursor or len(own) <= query.limit else "older"
        )

    async def get_audit(self, query: q.AuditAccount) -> q.Audit:
        items = q.AuditedItems(summary="All 38 meetings were found where they belong.")
        nothing = q.Audit(account_id=query.account_id, summary="The first audit is under way.", listed=0, by_state={}, by_rule={},
                          complete=1, meetings=items, cards=items)  # fmt: skip
        return self.audit or nothing

    async def status(self, _: q.GetSyncStatus) -> q.SyncStatus:
        return q.SyncStatus(items=tuple(self.runs), time_zones=self.time_zones)

    @property
    def meeting(self) -> Meeting:
        """A meeting of Alice's, of 45 minutes from `starts_at`, whose title and link try to be code."""
        owner = self.alice
        return Meeting(
            meeting_id=MeetingId(UUID(int=owner.id.int ^ 1)), user_id=owner.id, account_id=self.account(owner).id,
            calendar_id="primary", event_id="e1", revision=1, title="<script>alert(1)</script>", starts_at=self.starts_at,
            ends_at=self.starts_at + timedelta(minutes=45), video_url="javascript:alert(2)",
            guests=(Guest(address="carol@example.com", name="Carol"), Guest(address=owner.address, me=True)),
        )  # fmt: skip

    async def get_meeting(self, query: q.GetMeeting) -> Meeting:
        if (query.user_id, query.meeting_id) != (self.alice.id, self.meeting.meeting_id):
            raise not_found("meeting")
        return self.meeting

    async def list_meetings(self, _: q.ListMeetings) -> q.Meetings:
        return q.Meetings(items=(self.meeting,))

    async def list_calendars(self, _: q.ListCalendars) -> q.Calendars:
        return self.calendars

    async def explain(self, query: q.ExplainMessage) -> q.Why:
        return q.Why(
            account_id=query.account_id,
            gmail_id=None,
            rfc_message_id=query.message_id,
            state="unknown",
            explanation="It is not known here.",
        )

    async def retry(self, command: q.RetryMessages) -> q.Retried:
        self.requests.append(command)
        return q.Retried(messages=1 if command.message_id else 3)
