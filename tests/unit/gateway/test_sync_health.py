"""The worst that there is to report about syncing, in a line."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from libs.common.ids import AccountId, RunId, new_id
from libs.common.requests import Run
from services.gateway.domain.accounts import AccountView
from services.gateway.domain.sync_health import sync_health

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Stockholm")


def run(kind: str, state: str, **fields: Any) -> Run:
    return Run(
        id=RunId(new_id()), account_id=AccountId(new_id()), kind=kind, reason="connected", state=state, first=True,
        started_at=NOW, **fields,
    )  # fmt: skip


def account(*runs: Run, status: str = "active") -> AccountView:
    return AccountView(
        id=AccountId(new_id()), address="maya@example.com", name="", status=status, status_reason="", scopes=[], missing=[],
        reconnect="/connect?account_id=1" if status != "active" else None, connected_at=NOW,
        syncs={found.kind: found for found in runs},
    )  # fmt: skip


HOUR = timedelta(hours=1)
FRESH = run("mail", "completed", finished_at=NOW - timedelta(minutes=2))
HOURS_OLD = run("mail", "completed", finished_at=NOW - 3 * HOUR, new=7)
POLLED = HOURS_OLD.model_copy(update={"checked_at": NOW - timedelta(minutes=1)})
FAILED = run("calendar", "failed", error="x", finished_at=NOW - HOUR)
FAILED_MAIL = run("mail", "failed", error="x", finished_at=NOW - HOUR)
READING = run("mail", "running", done=1204, total=12345, eta_seconds=1080)
BEGUN = run("contacts", "running", done=3, total=40)
QUOTA = run("mail", "waiting", code="daily_quota", error="Waiting until 28 Nov 08:00 UTC.", resumes_at=NOW + 20 * HOUR)
PAUSED = run("calendar", "waiting", code="waiting", error="Google does not answer.", resumes_at=NOW + HOUR)
QUEUED = run("mail", "queued")
READS = "reading your mail: 1,204 of 12,345, about 18 min"


@pytest.mark.parametrize(
    ("accounts", "text", "tone"),
    [
        ([], "no account is connected", "bad"),
        ([account()], "the first sync begins", "busy"),
        ([account(QUEUED)], "the first sync begins", "busy"),
        ([account(FRESH)], "synced 2 min ago", "calm"),
        ([account(run("mail", "completed", finished_at=NOW))], "synced just now", "calm"),
        ([account(HOURS_OLD)], "synced 3 hours ago", "calm"),
        ([account(POLLED)], "synced 1 min ago", "calm"),
        ([account(READING)], READS, "busy"),
        ([account(BEGUN)], "reading your contacts: 3 of 40", "busy"),
        ([account(FRESH), account(READING)], READS, "busy"),
        ([account(READING, BEGUN, PAUSED)], READS, "busy"),
        ([account(QUOTA)], "waiting for Gmail's quota until tomorrow 09:00", "busy"),
        ([account(QUOTA, PAUSED)], "waiting for Gmail's quota until tomorrow 09:00", "busy"),
        ([account(FRESH, PAUSED)], "paused, goes on at 14:00", "busy"),
        ([account(READING, FAILED)], "your calendar could not be read", "bad"),
        ([account(FAILED_MAIL)], "your mail could not be read", "bad"),
        ([account(FAILED_MAIL.model_copy(update={"checked_at": NOW - HOUR / 2}))], "synced 30 min ago", "calm"),
        ([account(FAILED_MAIL.model_copy(update={"checked_at": NOW - 2 * HOUR}))], "your mail could not be read", "bad"),
        ([account(FAILED), account(status="reauth_required")], "Google wants you to sign in again", "bad"),
    ],
)  # fmt: skip
def test_the_worst_comes_first(accounts: list[AccountView], text: str, tone: str) -> None:
    health = sync_health(accounts, NOW, ZONE)
    assert (health.text, health.tone) == (text, tone)


def test_a_click_leads_to_what_helps() -> None:
    assert sync_health([account(status="reauth_required")], NOW, ZONE).link == "/connect?account_id=1"
    assert sync_health([], NOW, ZONE).link == "/connect"
