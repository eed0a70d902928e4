"""The whole sync health in one line: what is wrong, else what is being read, else how fresh everything is. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from libs.common.events import Kind
from libs.common.requests import Run
from services.gateway.domain.accounts import AccountView
from services.gateway.domain.moments import relative_text, until_text
from services.gateway.domain.sync_lines import DAILY_QUOTA, checked_at, count_text, eta_text, has_failed

Tone = Literal["calm", "busy", "bad"]
YOURS: dict[Kind, str] = {"mail": "your mail", "contacts": "your contacts", "calendar": "your calendar"}
ACCOUNTS = "/settings#accounts"


class Health(NamedTuple):
    """One sentence, its tone, and where a click leads."""

    text: str
    tone: Tone
    link: str


def sync_health(accounts: Sequence[AccountView], now: datetime, zone: ZoneInfo) -> Health:
    """The worst that there is to report, in a line.

    no account               no account is connected
    reauth_required          Google wants you to sign in again
    a kind that failed       your calendar could not be read
    being read               reading your mail: 1,204 of 12,345, about 18 min
    put off by the quota     waiting for Gmail's quota until 09:00
    put off by an outage     paused, goes on at 14:20
    nothing ended yet        the first sync begins
    at rest                  synced 2 min ago
    """
    if not accounts:
        return Health("no account is connected", "bad", "/connect")
    for account in accounts:
        if account.status == "reauth_required":
            return Health("Google wants you to sign in again", "bad", account.reconnect or ACCOUNTS)
    runs = [run for account in accounts for run in account.syncs.values()]
    if failed := next(filter(has_failed, runs), None):
        return Health(f"{YOURS[failed.kind]} could not be read", "bad", ACCOUNTS)
    running = [run for run in runs if run.state == "running" and run.total]
    if running:
        return Health(_reading(max(running, key=lambda run: run.total - run.done)), "busy", ACCOUNTS)
    waiting = sorted((run for run in runs if run.state == "waiting"), key=lambda run: run.code != DAILY_QUOTA)
    if waiting:
        return Health(_waiting(waiting[0], now, zone), "busy", ACCOUNTS)
    checks = [moment for run in runs if (moment := checked_at(run))]
    if not checks:
        return Health("the first sync begins", "busy", ACCOUNTS)
    return Health(f"synced {_ago(max(checks), now, zone)}", "calm", ACCOUNTS)


def _reading(run: Run) -> str:
    left = eta_text(run.eta_seconds)
    return f"reading {YOURS[run.kind]}: {count_text(run)}" + (f", {left}" if left else "")


def _waiting(run: Run, now: datetime, zone: ZoneInfo) -> str:
    if run.code == DAILY_QUOTA:
        until = f" until {until_text(run.resumes_at, now, zone)}" if run.resumes_at else ""
        return f"waiting for Gmail's quota{until}"
    return f"paused, goes on at {until_text(run.resumes_at, now, zone)}" if run.resumes_at else "paused"


def _ago(then: datetime, now: datetime, zone: ZoneInfo) -> str:
    text = relative_text(then, now, zone)
    return "just now" if text == "now" else text
