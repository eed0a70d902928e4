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
ZONE = ZoneInfo("UTC")


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


FRESH = run("mail", "completed", finished_at=NOW - timedelta(minutes=2))
FAILED = run("calendar", "failed", error="x")
READING = run("mail", "running", done=1204, total=12345, eta_seconds=1080)


@pytest.mark.parametrize(
    ("accounts", "text", "tone"),
    [
        ([], "no account is connected", "bad"),
        ([account()], "the first sync begins", "busy"),
        ([account(FRESH)], "synced 2 min ago", "calm"),
        ([account(READING)], "reading your mail: 1,204 of 12,345, about 18 min left", "busy"),
        ([account(FRESH), account(READING)], "reading your mail: 1,204 of 12,345, about 18 min left", "busy"),
        ([account(READING, FAILED)], "calendar could not be read: see Settings", "bad"),
        ([account(FAILED), account(status="reauth_required")], "Google wants you to sign in again", "bad"),
    ],
)
def test_the_worst_comes_first(accounts: list[AccountView], text: str, tone: str) -> None:
    health = sync_health(accounts, NOW, ZONE)
    assert (health.text, health.tone) == (text, tone)


def test_a_click_leads_to_what_helps() -> None:
    assert sync_health([account(status="reauth_required")], NOW, ZONE).link == "/connect?account_id=1"
    assert sync_health([], NOW, ZONE).link == "/connect"
