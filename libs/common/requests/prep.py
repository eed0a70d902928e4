"""The requests that `prep` serves: briefs and what became of them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from libs.common.ids import AccountId, ContactId, MeetingId, UserId
from libs.common.requests.contacts.relationships import Label
from libs.common.requests.request import Command, FrozenModel, Query

PrepState = Literal["sent", "skipped", "failed", "sending"]


class TalkingPoint(FrozenModel):
    """One point, and what it rests on (labels of interactions or bios shown in the brief)."""

    text: str
    evidence: tuple[str, ...]


class Brief(FrozenModel):
    """A rendered brief. `ai` is false where no model wrote the talking points; `note` then says why."""

    meeting_id: MeetingId
    subject: str
    html: str
    text: str
    points: tuple[TalkingPoint, ...]
    ai: bool
    note: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


class PreviewPrep(Query[Brief]):
    """The brief as it would be sent now; nothing is sent."""

    subject = "prep.preview"
    served_by = "prep"
    requested_by = ("gateway",)
    reply = Brief

    user_id: UserId
    meeting_id: MeetingId


class Prep(FrozenModel):
    """What became of a meeting's brief. `reason` says why it was skipped or failed; `gmail_id` is that of the mail, where it was sent."""

    meeting_id: MeetingId
    account_id: AccountId
    starts_at: datetime
    state: PrepState
    reason: str = ""
    gmail_id: str = ""
    at: datetime
    ai: bool | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


class Preps(FrozenModel):
    items: tuple[Prep, ...]


class SendPrep(Command[Prep]):
    """Send the brief now, whether one was sent before or not. Refused: `missing_scope`, `reauth_required`, `no_guests`, `guests_hidden`…"""

    subject = "prep.send"
    served_by = "prep"
    requested_by = ("gateway",)
    reply = Prep

    user_id: UserId
    meeting_id: MeetingId


class BriefTokens(FrozenModel):
    """Of the requested tokens those under which a brief of this account was sent, or is being sent."""

    tokens: frozenset[str]


class FindBriefTokens(Query[BriefTokens]):
    """Which of these tokens are those of this account's briefs. A mail that carries another one is no brief, whatever its header says."""

    subject = "prep.brief_tokens"
    served_by = "prep"
    requested_by = ("sync",)
    reply = BriefTokens

    user_id: UserId
    account_id: AccountId
    tokens: tuple[str, ...]


class GetPreps(Query[Preps]):
    """The latest state per meeting."""

    subject = "prep.states"
    served_by = "prep"
    requested_by = ("gateway",)
    reply = Preps

    user_id: UserId
    meeting_ids: tuple[MeetingId, ...]


class DryRunLine(FrozenModel):
    meeting_id: MeetingId
    title: str
    starts_at: datetime
    would_send: bool
    reason: str = ""


class DryRun(FrozenModel):
    items: tuple[DryRunLine, ...]


class DryRunPreps(Query[DryRun]):
    """Which of the last `days` days' meetings would have been briefed, and why not the others."""

    subject = "prep.dry_run"
    served_by = "prep"
    requested_by = ("gateway",)
    reply = DryRun

    user_id: UserId
    days: int = Field(30, ge=1, le=90)


class MeetingGuest(FrozenModel):
    """A guest as they are known now. `label` is null where they are no contact; `known`: there is a history with them
    (docs/rules.md, "Who is known before a meeting"); `met_before`: a meeting with them lies in the past.
    """

    address: str
    name: str
    contact_id: ContactId | None = None
    label: Label | None = None
    score: int = 0
    known: bool = False
    met_before: bool = False


class MeetingForecast(FrozenModel):
    """What is going to become of a meeting's brief, as things stand, and who its people are. `reason` is that of a skipped brief.

    `brief_at`: when the brief comes by the installation's schedule, where it does; it may be over.
    """

    meeting_id: MeetingId
    would_send: bool
    reason: str = ""
    brief_at: datetime | None = None
    guests: tuple[MeetingGuest, ...] = ()


class Forecasts(FrozenModel):
    """`lead_minutes`: how long before a meeting the installation sends its brief."""

    items: tuple[MeetingForecast, ...]
    lead_minutes: int | None = None


class ForecastPreps(Query[Forecasts]):
    """The same rules as for a brief that is due, for the user's meetings that start in [start, end)."""

    subject = "prep.forecast"
    served_by = "prep"
    requested_by = ("gateway",)
    reply = Forecasts

    user_id: UserId
    start: datetime
    end: datetime


class ModelCall(FrozenModel):
    """What left for the model's server at `called_at`, and what became of it: `answered`, or why not; empty while it is on its way.

    `guests`, `interactions` and `bios` are how many of each were in the `characters` that left.
    """

    meeting_id: MeetingId
    called_at: datetime
    host: str
    model: str
    characters: int
    guests: int
    interactions: int
    bios: int
    outcome: str
    input_tokens: int
    output_tokens: int
    cost_usd: float


class ModelCalls(FrozenModel):
    """`spent_usd` of `budget_usd` are gone today (UTC), what is on its way included. `host` is empty where there is no key."""

    items: tuple[ModelCall, ...]
    host: str
    model: str
    spent_usd: float
    budget_usd: float


class ListModelCalls(Query[ModelCalls]):
    """What left for the model's server in the last 30 days, newest first; at most 200 calls."""

    subject = "prep.model_calls"
    served_by = "prep"
    requested_by = ("gateway",)
    reply = ModelCalls

    user_id: UserId
