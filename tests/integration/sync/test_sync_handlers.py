"""What sync's handlers store, request and show, event by event, and what they leave alone."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import pytest_asyncio

from libs.common.bus import Bus
from libs.common.errors import Outage, Refused
from libs.common.events import (
    AccountConnected,
    AccountDisconnected,
    AccountReauthRequired,
    Kind,
    MailboxNotified,
    Reason,
    SettingsChanged,
    SyncRequested,
)
from libs.common.google.pubsub import Received, Subscription
from libs.common.ids import AccountId, UserId, new_id
from libs.common.preferences import Preferences
from libs.common.requests import ListMeetings, ListRuns, RetryMessages
from libs.common.scopes import ALL, CALENDAR_READ
from services.sync.handlers import accounts, meetings, messages, requests, runs
from services.sync.mail.push import enqueue_notified, pull_notifications
from services.sync.store import accounts as account_store
from services.sync.store import cursors
from tests.support.database import Database
from tests.support.sync_parts import (
    MAYA,
    Parts,
    account_of,
    add,
    add_meetings,
    add_run,
    insert,
    sync_parts,
    unfinished,
)
from tests.support.sync_tables import DAY, NOW

OLGA = UserId(new_id())
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def parts(emptied_database: Database) -> AsyncIterator[Parts]:
    async with sync_parts(emptied_database, mail_poll_seconds=60) as made:
        yield made


# --- settings -----------------------------------------------------------------------------------------------------------


def preferences(days: int = 365, *calendars: str) -> Preferences:
    gmail = Preferences().gmail.model_copy(update={"mail_lookback_days": days, "calendar_ids": calendars})
    return Preferences(gmail=gmail)


@pytest.mark.parametrize(
    ("before", "after", "kinds", "comes_back"),
    [
        (preferences(100), preferences(365), {"mail"}, True),
        (preferences(100), preferences(0), {"mail"}, True),
        (preferences(365), preferences(100), set(), False),
        (preferences(0), preferences(365), set(), False),
        (preferences(365, "a"), preferences(365, "b"), {"calendar"}, False),
        (preferences(365, "a", "b"), preferences(365, "b", "a"), set(), False),
        (preferences(100, "a"), preferences(200), {"mail", "calendar"}, True),
    ],
)
async def test_new_settings_request_what_follows_from_them_and_older_ones_do_nothing(
    parts: Parts, before: Preferences, after: Preferences, kinds: set[str], comes_back: bool
) -> None:
    first, second, gone = await add(parts), await add(parts), await add(parts, state="disconnected")
    olgas = await add(parts, OLGA)
    for account_id in (first, olgas):
        await insert(
            parts, "messages", account_id=account_id, gmail_id="m", thread_id="t", state="filtered", rule="lookback", position=1,
            occurred_at=NOW - 150 * DAY,
        )  # fmt: skip
    await parts.context.db.execute("INSERT INTO preferences (user_id, version, gmail) VALUES ($1, 5, '{}')", MAYA)
    for version in (4, 5):
        event = SettingsChanged(user_id=MAYA, version=version, before=before, after=after)
        await accounts.change_settings(parts.context, event)
        assert await unfinished(parts) == set()
        assert await parts.fetch("SELECT FROM preferences WHERE gmail <> '{}'") == []
    await accounts.change_settings(parts.context, SettingsChanged(user_id=MAYA, version=6, before=before, after=after))
    assert await unfinished(parts) == {
        (account_id, kind, "settings") for account_id in (first, second) for kind in kinds
    }
    pending = await parts.fetch("SELECT account_id FROM messages WHERE state = 'pending'")
    assert [row["account_id"] for row in pending] == ([first] if comes_back else [])
    async with parts.context.db.acquire() as connection:
        stored = await account_store.get_account(connection, gone)
    assert stored is not None
    assert stored.gmail == after.gmail


# --- accounts -----------------------------------------------------------------------------------------------------------


def connected(account_id: AccountId, **changes: Any) -> AccountConnected:
    fields = {
        "user_id": MAYA,
        "account_id": account_id,
        "address": "maya@example.com",
        "scopes": frozenset(ALL),
        "again": False,
    }
    return AccountConnected.model_validate({**fields, "at": NOW, "sequence": 5, **changes})


async def test_an_account_that_is_connected_is_read_once_with_the_settings_of_its_user(parts: Parts) -> None:
    account_id = AccountId(new_id())
    for _ in range(2):
        await accounts.connect(parts.context, connected(account_id))
        assert await unfinished(parts) == {(account_id, kind, "connected") for kind in ("mail", "contacts", "calendar")}
    await parts.context.db.execute("UPDATE runs SET state = 'completed', finished_at = now()")
    assert [request.user_id for request in parts.bus.requested] == [MAYA, MAYA]
    await accounts.connect(parts.context, connected(account_id, sequence=4))
    assert await unfinished(parts) == set(), "an older one"
    [row] = await parts.fetch("SELECT version FROM preferences")
    assert row["version"] == 1


@pytest.mark.parametrize(("refusal", "is_connected"), [("not_found", True), ("unavailable", False)])
async def test_an_account_of_a_user_without_settings_has_the_usual_ones_and_without_a_reply_it_waits(
    parts: Parts, refusal: str, is_connected: bool
) -> None:
    parts.bus.replies["GetSettings"] = Refused(404, refusal, "No.")
    account_id = AccountId(new_id())
    if is_connected:
        await accounts.connect(parts.context, connected(account_id))
        [row] = await parts.fetch("SELECT version FROM preferences")
        assert row["version"] == 0, "any settings are newer"
    else:
        with pytest.raises(Refused):
            await accounts.connect(parts.context, connected(account_id))
    assert len(await parts.fetch("SELECT FROM accounts")) == is_connected


@pytest.mark.parametrize("forgotten", ["user", "account"])
async def test_what_was_forgotten_is_not_connected_again(parts: Parts, forgotten: str) -> None:
    account_id = AccountId(new_id())
    await insert(parts, "forgotten", id=MAYA if forgotten == "user" else account_id)
    await accounts.connect(parts.context, connected(account_id))
    assert await parts.fetch("SELECT FROM accounts UNION ALL SELECT FROM preferences UNION ALL SELECT FROM runs") == []


@pytest.mark.parametrize("forgotten", ["user", "account"])
async def test_what_comes_late_about_what_was_forgotten_leaves_nothing(parts: Parts, forgotten: str) -> None:
    account_id = AccountId(new_id())
    await insert(parts, "forgotten", id=MAYA if forgotten == "user" else account_id)
    ended = AccountDisconnected(user_id=MAYA, account_id=account_id, purge=False, at=NOW, sequence=6)
    await accounts.disconnect(parts.context, ended)
    if forgotten == "user":
        changed = SettingsChanged(user_id=MAYA, version=9, before=preferences(100), after=preferences(200))
        await accounts.change_settings(parts.context, changed)
    assert await parts.fetch("SELECT FROM accounts UNION ALL SELECT FROM preferences UNION ALL SELECT FROM runs") == []


async def test_a_permission_that_ended_stops_the_runs_of_its_account_and_reports_them(parts: Parts) -> None:
    account_id, other_id = await add(parts, sequence=3), await add(parts, sequence=3)
    scheduled = await add_run(parts, account_id, state="running")
    await add_run(parts, account_id, "calendar", reason="poll")
    await add_run(parts, other_id)
    event = AccountReauthRequired(
        user_id=MAYA, account_id=account_id, address="maya@example.com", reason="You took it back.", at=NOW, sequence=2
    )
    await accounts.stop_until_reauthorized(parts.context, event)
    assert len(await unfinished(parts)) == 3, "an older one"
    await accounts.stop_until_reauthorized(parts.context, event.model_copy(update={"sequence": 4}))
    assert await unfinished(parts) == {(other_id, "mail", "user")}
    [failed] = [event for event in parts.bus.published if event.subject == "sync.failed"]
    body = failed.model_dump(mode="json")
    assert [body[name] for name in ("run_id", "code", "error", "address")] == [
        str(scheduled), "reauth_required", "You took it back.", "maya@example.com",
    ]  # fmt: skip
    assert await parts.fetch("SELECT FROM outbox") == [], "it was published at once"


@pytest.mark.parametrize(("purge", "sequence"), [(False, 4), (True, 4), (True, 2), (False, 2)])
async def test_a_disconnected_account_stops_and_a_purge_is_final_also_where_it_comes_late(
    parts: Parts, purge: bool, sequence: int
) -> None:
    account_id, other_id = await add(parts, sequence=3), await add(parts, sequence=3)
    for each in (account_id, other_id):
        await add_run(parts, each, state="running")
    event = AccountDisconnected(user_id=MAYA, account_id=account_id, purge=purge, at=NOW, sequence=sequence)
    await accounts.disconnect(parts.context, event)
    is_old = sequence == 2 and not purge
    assert await unfinished(parts) == {(other_id, "mail", "user"), *({(account_id, "mail", "user")} if is_old else ())}
    rows = await parts.fetch("SELECT state FROM accounts WHERE account_id = $1", account_id)
    assert [row["state"] for row in rows] == ([] if purge else ["active"] if is_old else ["disconnected"])
    assert (await account_of(parts, other_id))["state"] == "active"
    assert await parts.fetch("SELECT FROM outbox") == [], "nobody has to be told of it: it is what the user did"


# --- requests -----------------------------------------------------------------------------------------------------------


def wanted(
    account_id: AccountId, user_id: UserId = MAYA, kind: Kind = "mail", reason: Reason = "user"
) -> SyncRequested:
    return SyncRequested(user_id=user_id, account_id=account_id, kind=kind, reason=reason)


async def test_a_sync_is_requested_of_the_own_account_and_mail_is_polled_at_the_full_rate_from_then_on(
    parts: Parts,
) -> None:
    account_id = await add(parts, news_at=NOW - DAY, poll_at=NOW + DAY)
    await requests.request_run(parts.context, wanted(account_id, OLGA))
    assert await unfinished(parts) == set()
    await requests.request_run(parts.context, wanted(account_id, kind="calendar"))
    await requests.request_run(parts.context, wanted(account_id, reason="repair"))
    assert (await account_of(parts, account_id))["poll_at"] == NOW + DAY
    await requests.request_run(parts.context, wanted(account_id))
    row = await account_of(parts, account_id)
    assert row["poll_at"] < NOW + HOUR
    assert row["news_at"] > NOW - HOUR
    assert row["missed_at"] is None
    assert await unfinished(parts) == {(account_id, "calendar", "user"), (account_id, "mail", "user")}


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"state": "reauth_required"}, "reauth_required"),
        ({"scopes": [CALENDAR_READ]}, "missing_scope"),
        ({"state": "disconnected"}, None),
    ],
)
async def test_who_requests_a_sync_that_is_not_possible_reads_why(
    parts: Parts, columns: dict[str, Any], code: str | None
) -> None:
    account_id = await add(parts, **columns)
    for reason in ("repair", "user"):
        assert parts.bus.published == []
        await requests.request_run(parts.context, wanted(account_id, reason=reason))  # type: ignore[arg-type]
    assert await unfinished(parts) == set()
    assert [event.model_dump()["code"] for event in parts.bus.published] == ([code] if code else [])
    page = await runs.show_runs(parts.context, ListRuns(user_id=MAYA, account_id=account_id))
    assert [(run.code, run.reason) for run in page.items] == ([(code, "user")] if code else [])


async def test_of_several_copies_of_a_message_the_one_that_was_set_aside_is_tried_again_for_its_owner(
    parts: Parts,
) -> None:
    account_id = await add(parts)
    for gmail_id, state in (("recorded", "recorded"), ("aside", "set_aside"), ("other", "set_aside")):
        await insert(
            parts, "messages", account_id=account_id, gmail_id=gmail_id, thread_id="t", state=state, position=1,
            rfc_message_id=None if gmail_id == "other" else "x@example.org",
        )  # fmt: skip
    for user_id, message_id, code in ((OLGA, "<x@example.org>", "not_found"), (MAYA, "<y@example.org>", "not_found"),
                                      (MAYA, "recorded", "not_set_aside")):  # fmt: skip
        with pytest.raises(Refused) as refused:
            await messages.retry_messages(
                parts.context, RetryMessages(user_id=user_id, account_id=account_id, message_id=message_id)
            )
        assert refused.value.code == code
    assert await unfinished(parts) == set()
    command = RetryMessages(user_id=MAYA, account_id=account_id, message_id="<x@example.org>")
    assert (await messages.retry_messages(parts.context, command)).messages == 1
    assert [row["gmail_id"] for row in await parts.fetch("SELECT gmail_id FROM messages WHERE state = 'pending'")] == [
        "aside"
    ]
    assert await unfinished(parts) == {(account_id, "mail", "repair")}
    everything = RetryMessages(user_id=MAYA, account_id=account_id)
    assert (await messages.retry_messages(parts.context, everything)).messages == 1
    await parts.context.db.execute("DELETE FROM runs")
    assert (await messages.retry_messages(parts.context, everything)).messages == 0
    assert await unfinished(parts) == set(), "for nothing no run is requested"


# --- notifications ------------------------------------------------------------------------------------------------------


def notified(history_id: int, address: str = "maya@example.com") -> MailboxNotified:
    return MailboxNotified(address=address, history_id=history_id, notified_at=datetime.now(UTC))


async def test_of_several_notifications_the_newest_counts_and_of_all_that_they_concern_it_is_noted(
    parts: Parts,
) -> None:
    account_id, current = await add(parts), await add(parts, canonical="olga@example.com")
    async with parts.context.db.acquire() as connection:
        for each in (account_id, current):
            await cursors.upsert_cursor(connection, each, "mail", {"history_id": 100, "listing": None})
    events = [
        notified(90),
        notified(101),
        notified(95),
        notified(100, "olga@example.com"),
        notified(999, "nobody@example.com"),
    ]
    await enqueue_notified(parts.context.db, parts.context.queue, events)
    assert await unfinished(parts) == {(account_id, "mail", "push")}
    for each in (account_id, current):
        assert (await account_of(parts, each))["pushed_at"] is not None


class FakeSubscription:
    """Pub/Sub: what it gives out, and what was acknowledged."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.received = [Received(str(number), message) for number, message in enumerate(messages)]
        self.acknowledged: list[str] = []

    async def pull(self) -> list[Received]:
        return self.received

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        self.acknowledged += ack_ids


HINT = {"data": "eyJlbWFpbEFkZHJlc3MiOiAibWF5YUBleGFtcGxlLmNvbSIsICJoaXN0b3J5SWQiOiA3fQ=="}


class PullingBus:
    """In which order it was reached, pinged and given what to publish."""

    def __init__(self, subscription: FakeSubscription, failing: str = "") -> None:
        self._subscription, self._failing = subscription, failing
        self.published: list[Any] = []

    async def ping(self) -> None:
        if self._failing == "ping":
            raise Outage("The bus is away.")

    async def publish(self, *events: Any) -> None:
        assert self._subscription.acknowledged == []
        if self._failing == "publish":
            raise Outage("The bus is away.")
        self.published += events


async def test_a_notification_is_acknowledged_once_the_bus_has_it_and_what_is_none_of_gmails_too() -> None:
    subscription = FakeSubscription({"data": "no base64!"}, HINT)
    bus = PullingBus(subscription)
    assert await pull_notifications(cast(Bus, bus), cast(Subscription, subscription)) == 2
    assert [(event.address, event.history_id) for event in bus.published] == [("maya@example.com", 7)]
    assert subscription.acknowledged == ["0", "1"]


@pytest.mark.parametrize("failing", ["ping", "publish"])
async def test_what_the_bus_did_not_take_is_not_acknowledged(failing: str) -> None:
    subscription = FakeSubscription(HINT)
    with pytest.raises(Outage):
        await pull_notifications(cast(Bus, PullingBus(subscription, failing)), cast(Subscription, subscription))
    assert subscription.acknowledged == []


# --- what is shown ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 0, 10_000])
async def test_runs_and_meetings_come_page_by_page_without_a_gap(parts: Parts, limit: int) -> None:
    account_id = await add(parts)
    await add_meetings(parts, account_id)
    for number in range(5):
        await add_run(parts, account_id, state="completed", finished_at=NOW, code=str(number))
    seen: list[Any] = []
    cursor, pages = None, 0
    while True:
        page = await runs.show_runs(
            parts.context, ListRuns(user_id=MAYA, account_id=account_id, cursor=cursor, limit=limit)
        )
        seen, cursor, pages = [*seen, *(run.code for run in page.items)], page.next_cursor, pages + 1
        if cursor is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]
    assert pages == -(-5 // min(max(limit, 1), 5))
    seen, cursor = [], None
    while True:
        query = ListMeetings(user_id=MAYA, start=NOW - DAY, end=NOW + DAY, cursor=cursor, limit=limit)
        found = await meetings.show_meetings(parts.context, query)
        seen, cursor = [*seen, *(shown.event_id for shown in found.items)], found.next_cursor
        if cursor is None:
            break
    assert seen == ["in -20", "in 5", "in 30", "in 500"]
