"""The plain service that stands in for `prep`: what became of that meeting's brief."""

from dataclasses import dataclass

from libs.common import requests as q
from libs.common.errors import Refused
from tests.support.gateway.sync_part import SyncPart
from tests.support.gateway.two_users import Responders
from tests.support.gateway.values import NOW


@dataclass
class PrepPart(SyncPart):
    """`prep`: what became of that meeting's brief."""

    guests: tuple[q.MeetingGuest, ...] = ()
    dry_run_lines: tuple[q.DryRunLine, ...] = ()
    brief_refused: Refused | None = None
    model_calls: tuple[q.ModelCall, ...] = ()
    model_host: str = "api.anthropic.com"

    def prep_responders(self) -> Responders:
        return {
            q.GetPreps: self.preps,
            q.ForecastPreps: self.forecast,
            q.PreviewPrep: self.preview,
            q.DryRunPreps: self.dry_run,
            q.ListModelCalls: self.list_model_calls,
        }

    async def preps(self, query: q.GetPreps) -> q.Preps:
        skipped = q.Prep(
            meeting_id=self.meeting.meeting_id, account_id=self.meeting.account_id, starts_at=NOW, state="skipped",
            reason="nobody is a known contact", at=NOW,
        )  # fmt: skip
        return q.Preps(items=(skipped,) if skipped.meeting_id in query.meeting_ids else ())

    async def forecast(self, query: q.ForecastPreps) -> q.Forecasts:
        self.requests.append(query)
        meeting = q.MeetingForecast(
            meeting_id=self.meeting.meeting_id, would_send=not self.guests, reason="nobody_known", guests=self.guests
        )
        return q.Forecasts(items=(meeting,) if query.user_id == self.alice.id else (), lead_minutes=45)

    async def preview(self, query: q.PreviewPrep) -> q.Brief:
        self.requests.append(query)
        if self.brief_refused:
            raise self.brief_refused
        html = "<html><style>@media (prefers-color-scheme: dark) { body { color: #fff } }</style><body>The brief</body></html>"
        return q.Brief(
            meeting_id=query.meeting_id, subject="Meeting prep", html=html, text="The brief <b>", points=(), ai=False
        )

    async def dry_run(self, query: q.DryRunPreps) -> q.DryRun:
        self.requests.append(query)
        return q.DryRun(items=self.dry_run_lines)

    async def list_model_calls(self, query: q.ListModelCalls) -> q.ModelCalls:
        self.requests.append(query)
        return q.ModelCalls(
            items=self.model_calls, host=self.model_host, model="claude-haiku-4-5", spent_usd=0.0123, budget_usd=0.5
        )
