"""The first day in three steps: connect, watch the pages fill, the first brief. What is done follows from what is there. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from libs.common.requests import Counts
from services.gateway.domain.accounts import AccountView
from services.gateway.domain.count_texts import counted
from services.gateway.domain.sync_lines import progress_text

State = Literal["done", "now", "later"]
FIRST_DAYS = timedelta(days=7)


@dataclass(frozen=True)
class Step:
    """One of the three steps."""

    text: str
    state: State


def is_read(accounts: Sequence[AccountView]) -> bool:
    """Whether the mail of some account was read once to the end."""
    runs = [run for account in accounts if (run := account.syncs.get("mail"))]
    return any(run.state == "completed" or not run.first for run in runs)


def is_first_run(accounts: Sequence[AccountView], created_at: datetime, now: datetime, *, brief_sent: bool) -> bool:
    """Until the mail was read once and a brief was sent; who has no meetings is not led on for longer than a week."""
    if not is_read(accounts):
        return True
    return not brief_sent and now - created_at < FIRST_DAYS


def steps(accounts: Sequence[AccountView], counts: Counts | None, brief: str) -> list[Step]:
    """The steps with their counts. `brief`: when the first one comes."""
    read = is_read(accounts)
    return [
        Step("Connect your Google account", "done" if accounts else "now"),
        Step(_reading(accounts, counts), "done" if read else "now" if accounts else "later"),
        Step(brief, "now" if read else "later"),
    ]


def _reading(accounts: Sequence[AccountView], counts: Counts | None) -> str:
    found = ""
    if counts and counts.messages + counts.meetings + counts.contacts:
        here = (counted(counts.messages, "message"), counted(counts.meetings, "meeting"))
        found = f"{', '.join(here)} and {counted(counts.contacts, 'person', 'people')} are here"
    if is_read(accounts):
        return f"Your mail is read: {found}" if found else "Your mail is read"
    running = [run for account in accounts if (run := account.syncs.get("mail")) and run.total]
    read = f"Your mail is being read: {progress_text(running[0])}" if running else "Your mail is being read"
    return f"{read}. {found} so far" if found and accounts else read
