"""The history of an account's syncs: what ran, why, and what came of it, a line each. Pure."""

from datetime import datetime
from typing import Literal, NamedTuple, assert_never
from zoneinfo import ZoneInfo

from libs.common.events import Reason
from libs.common.requests import Run
from services.gateway.domain.moments import until_text
from services.gateway.domain.notifications import KIND_NOUNS
from services.gateway.domain.sync_lines import progress_text, result_text

Tone = Literal["calm", "busy", "bad"]
REASONS: dict[Reason, str] = {
    "connected": "as the account was connected",
    "schedule": "on schedule",
    "user": "you asked for it",
    "push": "Gmail announced something new",
    "poll": "something new was found",
    "settings": "after a change of settings",
    "repair": "to fetch what was missing",
}


class RunLine(NamedTuple):
    """`at`: when it ended, or began while it has not."""

    noun: str
    reason: str
    result: str
    tone: Tone
    at: datetime


def run_line(run: Run, now: datetime, zone: ZoneInfo) -> RunLine:
    noun = KIND_NOUNS[run.kind] + (", first sync" if run.first else "")
    result, tone = _result(run, now, zone)
    return RunLine(noun, REASONS[run.reason], result, tone, run.finished_at or run.started_at)


def _result(run: Run, now: datetime, zone: ZoneInfo) -> tuple[str, Tone]:
    match run.state:
        case "queued":
            return "waits for its turn", "busy"
        case "running":
            return progress_text(run), "busy"
        case "waiting":
            until = f", goes on at {until_text(run.resumes_at, now, zone)}" if run.resumes_at else ""
            return f"paused{until}", "busy"
        case "completed":
            set_aside = run.skipped.get("set_aside", 0)
            aside = (
                f"; {set_aside:,} could not be read and {'was' if set_aside == 1 else 'were'} set aside"
                if set_aside
                else ""
            )
            return ("nothing had changed" if result_text(run) == "up to date" else result_text(run)) + aside, "calm"
        case "failed":
            return run.error or "failed", "bad"
        case _:
            assert_never(run.state)
