"""The lines of an account's card: what each kind of sync is doing, in as few words as possible. Pure."""

from datetime import datetime
from math import floor
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from libs.common.events import Kind
from libs.common.requests import Run
from services.gateway.domain.accounts import AccountView, permitted_kinds
from services.gateway.domain.moments import UTC_ZONE, until_text
from services.gateway.domain.notifications import KIND_NOUNS

Tone = Literal["calm", "busy", "bad", "off"]
DAILY_QUOTA = "daily_quota"  # the code of a run that waits for the next day of Gmail's quota


class SyncLine(NamedTuple):
    """One kind of one account: what it is doing, or what it last did. `tone` is its style on the page.

    `at`: when it was last looked for news, of a line that is calm.
    """

    kind: Kind
    noun: str
    tone: Tone
    text: str
    run: Run | None
    at: datetime | None = None


def sync_line(account: AccountView, kind: Kind, now: datetime | None = None, zone: ZoneInfo = UTC_ZONE) -> SyncLine:
    """`now` and `zone` are the reader's; without them a wait has no end in it."""
    run = account.syncs.get(kind)
    noun = KIND_NOUNS[kind]
    if kind not in permitted_kinds(account.scopes):
        return SyncLine(kind, noun, "off", "not permitted", None)
    if run is None:
        return SyncLine(kind, noun, "off", "not synced yet", None)
    if has_failed(run):
        is_shown = account.status == "reauth_required" and run.error == account.status_reason
        return SyncLine(kind, noun, "bad", "stopped" if is_shown else run.error or "failed", run)
    if run.state in ("completed", "failed"):
        return SyncLine(kind, noun, "calm", _last_text(run), run, checked_at(run))
    if run.state == "waiting":
        return SyncLine(kind, noun, "busy", _waiting_text(run, now, zone), run)
    return SyncLine(kind, noun, "busy", progress_text(run), run)


def has_failed(run: Run) -> bool:
    """Whether the last that is known of a kind is a failure: a later look that went well ends it."""
    return run.state == "failed" and not _was_checked_later(run)


def _was_checked_later(run: Run) -> bool:
    return bool(run.checked_at and run.finished_at and run.checked_at > run.finished_at)


def checked_at(run: Run) -> datetime | None:
    """When it was last looked for news and all of it was read: by this run, or by a later look that found nothing."""
    ended = run.finished_at if run.state == "completed" else None
    return max(filter(None, (ended, run.checked_at)), default=None)


def _last_text(run: Run) -> str:
    """Nothing new where a later look found nothing."""
    return "up to date" if _was_checked_later(run) else result_text(run)


def _waiting_text(run: Run, now: datetime | None, zone: ZoneInfo) -> str:
    """The sentence of the run; of the day's quota, in the reader's clock."""
    until = until_text(run.resumes_at, now, zone) if run.resumes_at and now else ""
    if run.code == DAILY_QUOTA and until:
        return f"waiting until {until}: Gmail's quota of the day is used up"
    return (run.error or "waiting to go on") + (f" Goes on at {until}." if run.error and until else "")


def result_text(run: Run) -> str:
    """What a finished run has added, changed and removed."""
    counts = ((run.new, "new"), (run.updated, "updated"), (run.removed, "removed"))
    return ", ".join(f"{count:,} {word}" for count, word in counts if count) or "up to date"


def progress_text(run: Run) -> str:
    """The words beside the bar."""
    if not run.total:
        return "starting"
    left = eta_text(run.eta_seconds)
    return count_text(run) + (f", {left} left" if left else "") + (f"; {run.note}" if run.note else "")


def count_text(run: Run) -> str:
    """ "1,204 of 12,345"."""
    return f"{run.done:,} of {run.total:,}"


def eta_text(eta_seconds: float | None) -> str:
    """ "about 40 s", "about 18 min", "about 3 h"; empty where it is not known."""
    if eta_seconds is None:
        return ""
    seconds = max(1, _half_up(eta_seconds))
    if eta_seconds < 90:
        return f"about {seconds} s"
    minutes = _half_up(eta_seconds / 60)
    return f"about {minutes} min" if minutes < 100 else f"about {_half_up(minutes / 60)} h"


def _half_up(number: float) -> int:
    """The nearest whole number; a half goes up."""
    return floor(number + 0.5)
