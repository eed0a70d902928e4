"""The lines of an account's card on the home page: what each kind of sync is doing, in as few words as possible. Pure."""

from math import floor
from typing import Literal, NamedTuple

from libs.common.events import Kind
from libs.common.requests import Run
from services.gateway.domain.accounts import AccountView, permitted_kinds
from services.gateway.domain.notification_texts import KIND_NOUNS

Tone = Literal["calm", "busy", "bad", "off"]


class SyncLine(NamedTuple):
    """One kind of one account: what it is doing, or what it last did. `tone` is its style on the page."""

    kind: Kind
    noun: str
    tone: Tone
    text: str
    run: Run | None


def sync_line(account: AccountView, kind: Kind) -> SyncLine:
    run = account.syncs.get(kind)
    noun = KIND_NOUNS[kind]
    if kind not in permitted_kinds(account.scopes):
        return SyncLine(kind, noun, "off", "not permitted", None)
    if run is None:
        return SyncLine(kind, noun, "off", "not synced yet", None)
    if run.state == "completed":
        return SyncLine(kind, noun, "calm", result_text(run), run)
    if run.state == "failed":
        return SyncLine(kind, noun, "bad", run.error or "failed", run)
    if run.state == "waiting":
        return SyncLine(kind, noun, "busy", run.error or "waiting to go on", run)
    return SyncLine(kind, noun, "busy", progress_text(run), run)


def result_text(run: Run) -> str:
    """What a finished run has added, changed and removed."""
    counts = ((run.new, "new"), (run.updated, "updated"), (run.removed, "removed"))
    return ", ".join(f"{count:,} {word}" for count, word in counts if count) or "up to date"


def progress_text(run: Run) -> str:
    """The words beside the bar."""
    if not run.total:
        return "starting"
    left = ""
    if run.eta_seconds is not None:
        seconds = max(1, _half_up(run.eta_seconds))
        left = (
            f", about {seconds} s left"
            if run.eta_seconds < 90
            else f", about {_half_up(run.eta_seconds / 60)} min left"
        )
    return f"{run.done:,} of {run.total:,}{left}"


def _half_up(number: float) -> int:
    """The nearest whole number; a half goes up."""
    return floor(number + 0.5)
