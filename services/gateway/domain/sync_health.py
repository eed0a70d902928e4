"""The whole sync health in one line: what is wrong, else what is being read, else how fresh everything is. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from libs.common.requests import Run
from services.gateway.domain.accounts import AccountView
from services.gateway.domain.moments import relative_text
from services.gateway.domain.sync_lines import progress_text

Tone = Literal["calm", "busy", "bad"]
READING = {"mail": "reading your mail", "contacts": "reading your contacts", "calendar": "reading your calendar"}


class Health(NamedTuple):
    """One sentence, its tone, and where a click leads."""

    text: str
    tone: Tone
    link: str


def sync_health(accounts: Sequence[AccountView], now: datetime, zone: ZoneInfo) -> Health:
    """The worst that there is to report, in a line."""
    if not accounts:
        return Health("no account is connected", "bad", "/connect")
    for account in accounts:
        if account.status == "reauth_required":
            return Health("Google wants you to sign in again", "bad", account.reconnect or "/settings")
    runs = [run for account in accounts for run in account.syncs.values()]
    failed = next((run for run in runs if run.state == "failed"), None)
    if failed:
        return Health(f"{failed.kind} could not be read: see Settings", "bad", "/settings#accounts")
    running = [run for run in runs if run.state in ("running", "waiting") and run.total]
    if running:
        return Health(_reading(max(running, key=lambda run: run.total - run.done)), "busy", "/settings#accounts")
    finished = [run.finished_at for run in runs if run.finished_at]
    if not finished:
        return Health("the first sync begins", "busy", "/settings#accounts")
    return Health(f"synced {relative_text(max(finished), now, zone)}", "calm", "/settings#accounts")


def _reading(run: Run) -> str:
    return f"{READING[run.kind]}: {progress_text(run)}"
