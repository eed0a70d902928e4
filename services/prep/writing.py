"""A brief, written: talking points from Claude or from the facts, rendered as HTML and text. Nothing is sent here."""

from dataclasses import dataclass
from datetime import datetime

from libs.common.claude import Claude, NoAnswer, Why
from libs.common.log import get_logger
from libs.common.model_prices import Usage
from libs.common.requests import Brief, TalkingPoint
from services.prep.domain.dossier import Dossier
from services.prep.domain.prompt import SYSTEM, WrittenPoints, given, prompt
from services.prep.domain.talking_points.points import FEWEST, fact_points, filled, grounded
from services.prep.domain.view import view
from services.prep.model_calls import RecordedClaude
from services.prep.rendering import render

NOT_AI = "These points were not written by AI: they follow from the facts below."
PARTLY_AI = "Some of these points were not written by AI: they follow from the facts below."
BY_AI = "Written by AI from what is shown below; behind each point stands what it rests on."


@dataclass(frozen=True)
class TalkingPoints:
    """The talking points of one brief; `fallback` is why no model wrote them."""

    points: tuple[TalkingPoint, ...]
    note: str
    ai: bool
    usage: Usage
    fallback: Why | str = ""


async def write_talking_points(claude: Claude | RecordedClaude, dossier: Dossier, now: datetime) -> TalkingPoints:
    """Three to five points, within Claude's time limit, whatever happens there."""
    facts = fact_points(dossier, now)
    shown = given(dossier)
    if not shown.labels:
        return TalkingPoints(facts, NOT_AI, ai=False, usage=Usage(), fallback="nothing_known")
    try:
        written = await claude.write(system=SYSTEM, prompt=prompt(shown, now), shape=WrittenPoints)
    except NoAnswer as error:
        return TalkingPoints(facts, NOT_AI, ai=False, usage=error.usage, fallback=error.why)
    offered = [TalkingPoint(text=point.text, evidence=tuple(point.evidence)) for point in written.answer.points]
    kept = grounded(offered, shown.labels)
    if not kept:
        return TalkingPoints(facts, NOT_AI, ai=False, usage=written.usage, fallback="ungrounded")
    note = BY_AI if len(kept) >= FEWEST else PARTLY_AI
    return TalkingPoints(filled(kept, facts), note, ai=True, usage=written.usage)


async def write_brief(
    claude: Claude | RecordedClaude, dossier: Dossier, base_url: str, token: str, now: datetime
) -> Brief:
    """The brief as it is sent at `now`; `token` is its own, for its reference."""
    written = await write_talking_points(claude, dossier, now)
    meeting, usage = dossier.meeting, written.usage
    shown = view(dossier, written.points, written.note, now, base_url=base_url, token=token)
    html, text = render(shown)
    get_logger().info(
        "brief_written",
        meeting=str(meeting.meeting_id),
        user=str(meeting.user_id),
        account=str(meeting.account_id),
        ai=written.ai,
        fallback=written.fallback,
        points=len(written.points),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=round(usage.cost_usd, 6),
    )
    return Brief(
        meeting_id=meeting.meeting_id,
        subject=shown.subject,
        html=html,
        text=text,
        points=written.points,
        ai=written.ai,
        note=written.note,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=usage.cost_usd,
    )
