"""The small pure rules: origins, what can be synced, account cards, webhook hosts and signatures, merged settings, dropped events."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from libs.common.config import Settings
from libs.common.errors import Refused
from libs.common.ids import AccountId, RunId, UserId, new_id
from libs.common.preferences import Preferences
from libs.common.requests import Account, Run
from libs.common.scopes import ALL, CALENDAR_READ, CONTACTS_READ, GMAIL_READ
from services.gateway.accounts import view_of
from services.gateway.api.accounts import kinds_to_sync
from services.gateway.api.settings import merged
from services.gateway.live import QUEUE_LENGTH, RESYNC, STREAMS_PER_USER, Hub, LiveEvent
from services.gateway.pages.home import line_of, progress, result
from services.gateway.session import origin_of
from services.gateway.webhook import is_public, private_addresses_allowed, refused_host, secret_of, signature

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
    ("one", "other", "same"),
    [
        ("https://crm.example.com", "https://crm.example.com:443", True),
        ("https://CRM.example.com", "https://crm.example.com/path", True),
        ("http://127.0.0.1:8025", "http://127.0.0.1:8025", True),
        ("http://crm.example.com", "https://crm.example.com", False),
        ("https://crm.example.com.evil.example", "https://crm.example.com", False),
        ("https://crm.example.com:8443", "https://crm.example.com", False),
        ("http://127.0.0.1:8025", "http://localhost:8025", False),
        ("null", "https://crm.example.com", False),
        ("", "https://crm.example.com", False),
        ("http://[bad", "https://crm.example.com", False),
    ],
)
def test_origins_are_compared_by_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    assert (origin_of(one) == origin_of(other)) is same


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
    one = account(scopes=frozenset(scopes))
    if isinstance(expected, list):
        assert kinds_to_sync(one, wanted) == expected
        return
    with pytest.raises(Refused) as refused:
        kinds_to_sync(one, wanted)
    assert (refused.value.code, refused.value.status) == (expected, 409)


@pytest.mark.parametrize("status", ["reauth_required", "disconnected"])
def test_an_account_that_google_refuses_can_not_be_synced(status: str) -> None:
    with pytest.raises(Refused) as refused:
        kinds_to_sync(account(status=status), None)
    assert refused.value.code == status


def test_a_card_shows_the_newest_run_of_each_kind_and_of_no_other_account() -> None:
    older, newer = run(started_at=NOW - timedelta(hours=6)), run(new=3)
    stranger = run(account_id=AccountId(UUID(int=9)), kind="contacts")
    for runs in ([older, newer, stranger], [newer, older, stranger]):
        assert view_of(account(), runs).syncs == {"mail": newer}


def test_a_card_offers_to_reconnect_only_where_that_helps() -> None:
    assert view_of(account(), ()).reconnect is None
    link = f"/connect?account_id={ACCOUNT}"
    assert view_of(account(scopes=frozenset({GMAIL_READ})), ()).reconnect == link
    dead = view_of(account(status="reauth_required", scopes=frozenset()), ())
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
def test_a_line_says_what_a_kind_is_doing(state: str, fields: dict[str, Any], tone: str, text: str) -> None:
    line = line_of(view_of(account(), [run(state=state, **fields)]), "mail")
    assert (line.tone, line.text) == (tone, text)


def test_a_kind_without_its_permission_is_off() -> None:
    assert line_of(view_of(account(scopes=frozenset()), ()), "mail").text == "not permitted"
    assert result(run(updated=2)) == "2 updated"
    assert progress(run(done=1, total=9, eta_seconds=600)) == "1 of 9, about 10 min left"
    assert progress(run(done=1, total=9, eta_seconds=0.2)) == "1 of 9, about 1 s left"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("2002:a00:1::", False),
        ("::7f00:1", False),
    ],
)
def test_only_addresses_of_the_public_internet_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("host", "refused"),
    [("localhost", True), ("a.localhost.", True), ("[::1]", True), ("192.168.1.2", True), ("hooks.example.com", False)],
)
def test_hosts_that_are_private_by_name_are_refused(host: str, refused: bool) -> None:
    assert refused_host(host) is refused


@pytest.mark.parametrize(
    ("public_url", "allowed"), [("", True), ("http://localhost:8025", True), ("https://crm.example.com", False)]
)
def test_who_runs_it_for_themselves_may_call_their_own_network(public_url: str, allowed: bool) -> None:
    assert private_addresses_allowed(Settings(public_url=public_url)) is allowed


def test_webhook_secrets_differ_by_user_and_key_and_tell_nothing_of_the_key() -> None:
    one, two = SecretStr("first-key"), SecretStr("second-key")
    secrets = {secret_of(key, UserId(UUID(int=user))) for key in (one, two) for user in (1, 2)}
    assert len(secrets) == 4
    assert all("key" not in secret for secret in secrets)
    assert secret_of(one, USER) == secret_of(one, USER)


def test_a_signature_covers_time_and_body_and_has_one_code_per_key() -> None:
    header = signature(["a", "b"], 1767225600, b"{}")
    time, first, second = header.split(",")
    assert time == "t=1767225600"
    assert first.startswith("v1=")
    assert first != second
    assert signature(["a"], 1767225601, b"{}").partition(",")[2] != first
    assert signature(["a"], 1767225600, b"{ }").partition(",")[2] != first


def test_settings_that_are_left_out_keep_their_value() -> None:
    before = Preferences.model_validate({"gmail": {"mail_lookback_days": 30}}).model_dump()
    assert merged(before, {}) == before
    after = merged(before, {"gmail": {"meeting_prep_enabled": False}})
    assert after["gmail"] == {**before["gmail"], "meeting_prep_enabled": False}
    assert after["notifications"] == before["notifications"]


async def test_a_browser_that_reads_too_slowly_loses_the_oldest_and_is_told() -> None:
    hub = Hub()
    with hub.listening(USER, None) as listener:
        for number in range(QUEUE_LENGTH + 5):
            hub.tell(USER, LiveEvent("sync.progressed", str(number)))
        events = await listener.take(1)
        assert events[0] == RESYNC
        assert [event.data for event in events[1:]] == [str(number) for number in range(5, QUEUE_LENGTH + 5)]
        hub.tell(USER, LiveEvent("sync.progressed", "next"))
        assert await listener.take(1) == [LiveEvent("sync.progressed", "next")]
    assert not hub.has(USER)


async def test_only_so_many_streams_are_open_for_one_user() -> None:
    hub = Hub()
    streams = [hub.listening(USER, None) for _ in range(STREAMS_PER_USER)]
    for stream in streams:
        stream.__enter__()
    with pytest.raises(Refused) as refused, hub.listening(USER, None):
        pass
    assert refused.value.status == 429
    with hub.listening(UserId(UUID(int=8)), None):
        assert hub.has(UserId(UUID(int=8)))


async def test_closing_a_session_closes_its_streams_alone() -> None:
    hub = Hub()
    with hub.listening(USER, "one") as one, hub.listening(USER, "two") as two:
        hub.close_session(USER, "one")
        assert (one.closed, two.closed) == (True, False)
        assert await one.take(1) == []
        hub.close()
        assert two.closed


def test_an_event_is_one_name_and_one_line_of_data() -> None:
    assert LiveEvent("contact.changed", '{"a":1}').encode() == b'event: contact.changed\ndata: {"a":1}\n\n'
