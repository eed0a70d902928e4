"""An account as it is shown, and what of it can be synced."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.errors import Refused
from libs.common.ids import AccountId, RunId, UserId, new_id
from libs.common.requests import Account, Run
from libs.common.scopes import ALL, CALENDAR_READ, CONTACTS_READ, GMAIL_READ
from services.gateway.domain.accounts import account_view, syncable_kinds
from services.gateway.domain.sync_lines import progress_text, result_text, sync_line

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
USER = UserId(UUID(int=1))
ACCOUNT = AccountId(UUID(int=2))


def account(**changes: Any) -> Account:
    fields: dict[str, Any] = {
        "id": ACCOUNT, "user_id": USER, "address": "a@example.com", "status": "active", "scopes": frozenset(ALL),
        "connected_at": NOW,
    }  # fmt: skip
    return Account.model_validate({**fields, **changes})


def run(**changes: Any) -> Run:
    fields: dict[str, Any] = {
        "id": RunId(new_id()), "account_id": ACCOUNT, "kind": "mail", "reason": "user", "state": "completed",
        "first": False, "started_at": NOW,
    }  # fmt: skip
    return Run.model_validate({**fields, **changes})


@pytest.mark.parametrize(
    ("scopes", "wanted", "expected"),
    [
        (set(ALL), None, ["mail", "contacts", "calendar"]),
        (set(ALL), {"calendar", "mail"}, ["mail", "calendar"]),
        ({GMAIL_READ}, None, ["mail"]),
        ({CALENDAR_READ, CONTACTS_READ}, {"contacts"}, ["contacts"]),
        ({GMAIL_READ}, {"mail", "contacts"}, "missing_scope"),
        (set(), None, "missing_scope"),
    ],
)
def test_what_is_permitted_can_be_synced(scopes: set[str], wanted: Any, expected: list[str] | str) -> None:
    granted = account(scopes=frozenset(scopes))
    if isinstance(expected, list):
        assert syncable_kinds(granted, wanted) == expected
        return
    with pytest.raises(Refused) as refused:
        syncable_kinds(granted, wanted)
    assert (refused.value.code, refused.value.status) == (expected, 409)


@pytest.mark.parametrize("status", ["reauth_required", "disconnected"])
def test_an_account_that_google_refuses_can_not_be_synced(status: str) -> None:
    with pytest.raises(Refused) as refused:
        syncable_kinds(account(status=status), None)
    assert refused.value.code == status


def test_a_card_shows_the_newest_run_of_each_kind_and_of_no_other_account() -> None:
    older, newer = run(started_at=NOW - timedelta(hours=6)), run(new=3)
    stranger = run(account_id=AccountId(UUID(int=9)), kind="contacts")
    for runs in ([older, newer, stranger], [newer, older, stranger]):
        assert account_view(account(), runs).syncs == {"mail": newer}


def test_a_card_offers_to_reconnect_only_where_that_helps() -> None:
    assert account_view(account(), ()).reconnect is None
    link = f"/connect?account_id={ACCOUNT}"
    assert account_view(account(scopes=frozenset({GMAIL_READ})), ()).reconnect == link
    dead = account_view(account(status="reauth_required", scopes=frozenset()), ())
    assert (dead.reconnect, dead.missing) == (link, [])


@pytest.mark.parametrize(
    ("state", "fields", "tone", "text"),
    [
        ("completed", {"new": 1204, "removed": 1}, "calm", "1,204 new, 1 removed"),
        ("completed", {}, "calm", "up to date"),
        ("running", {"done": 5, "total": 1000}, "busy", "5 of 1,000"),
        ("queued", {}, "busy", "starting"),
        ("waiting", {"error": "Google asks us to slow down."}, "busy", "Google asks us to slow down."),
        ("failed", {"error": "Google does not answer."}, "bad", "Google does not answer."),
    ],
)
def test_a_line_shows_what_a_kind_is_doing(state: str, fields: dict[str, Any], tone: str, text: str) -> None:
    line = sync_line(account_view(account(), [run(state=state, **fields)]), "mail")
    assert (line.tone, line.text) == (tone, text)


def test_a_kind_without_its_permission_is_off() -> None:
    assert sync_line(account_view(account(scopes=frozenset()), ()), "mail").text == "not permitted"
    assert result_text(run(updated=2)) == "2 updated"
    assert progress_text(run(done=1, total=9, eta_seconds=600)) == "1 of 9, about 10 min left"
    assert progress_text(run(done=1, total=9, eta_seconds=0.2)) == "1 of 9, about 1 s left"


def test_why_google_refuses_an_account_stands_on_its_card_once() -> None:
    reason = "Google no longer accepts the permission."
    dead = account(status="reauth_required", status_reason=reason)
    for view, error, text in (
        (dead, reason, "stopped"),
        (dead, "Another reason.", "Another reason."),
        (account(), reason, reason),
    ):
        line = sync_line(account_view(view, [run(state="failed", finished_at=NOW, error=error)]), "mail")
        assert (line.tone, line.text) == ("bad", text)
