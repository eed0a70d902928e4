"""Notifications and live updates on a real bus: stored once, pushed to every replica, gone with the session."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio

from libs.common.db import Pool
from libs.common.errors import Outage
from libs.common.events import (
    AccountConnected,
    AccountDisconnected,
    AccountReauthRequired,
    ContactChanged,
    NotificationCreated,
    PrepSent,
    PrepSkipped,
    SyncCompleted,
    UserDeleted,
)
from libs.common.ids import ContactId, MeetingId, UserId, new_id
from libs.common.scopes import ALL
from libs.local.servers import Nats
from services.gateway.handlers import live_updates
from services.gateway.pages import visit
from services.gateway.store.notifications import count_unread, get_notification
from tests.conftest import ServiceSettings
from tests.support.bus import handled
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.gateway.values import NOW
from tests.support.streams import API, next_event, next_with_position, progressed, stream


@pytest_asyncio.fixture
async def gateway(service_settings: ServiceSettings) -> AsyncIterator[RunningGateway]:
    async with running_gateway(service_settings) as running:
        yield running


def completed(gateway: RunningGateway, **changes: Any) -> SyncCompleted:
    alice = gateway.world.alice
    fields: dict[str, Any] = {
        "user_id": alice.id, "account_id": gateway.world.account(alice).id, "address": alice.address, "run_id": new_id(),
        "kind": "mail", "reason": "schedule", "new": 1204, "updated": 3, "removed": 1, "seconds": 2.0,
    }  # fmt: skip
    return SyncCompleted.model_validate({**fields, **changes})


async def notifications(client: aiohttp.ClientSession, count: int, **params: str) -> list[dict[str, Any]]:
    """The list, as soon as it has `count` items."""
    async with asyncio.timeout(10):
        while True:
            async with client.get(f"{API}/notifications", params=params) as response:
                items: list[dict[str, Any]] = (await response.json())["items"]
            if len(items) >= count:
                return items
            await asyncio.sleep(0.02)


async def test_a_completed_sync_is_one_notification_with_its_numbers(gateway: RunningGateway) -> None:
    async with gateway.client() as client, stream(client) as reader:
        await gateway.buses["sync"].publish(completed(gateway))
        name, pushed = await next_event(reader)
        (stored,) = await notifications(client, 1)
    assert name == "notification.created"
    assert pushed == stored
    assert stored["title"] == "Mail synced"
    assert stored["body"] == "alice@example.com: 1,204 new, 3 updated, 1 removed."
    assert stored["created_at"].endswith("Z")


async def test_an_event_that_is_delivered_twice_notifies_once(gateway: RunningGateway, nats_server: Nats) -> None:
    event = completed(gateway)
    other = completed(gateway)
    async with gateway.client() as client:
        for published in (event, event, other):
            # A stream without memory of message ids, as after its duplicate window.
            await (
                gateway.buses["sync"]
                .client.jetstream()
                .publish(published.subject, published.model_dump_json().encode())
            )
        await handled(nats_server, "gateway", SyncCompleted)
        assert len(await notifications(client, 2)) == 2


async def test_mail_that_arrives_by_itself_adds_to_the_notification_of_its_day(gateway: RunningGateway) -> None:
    first, second = (completed(gateway).model_copy(update={"reason": "push", "new": new}) for new in (1, 1204))
    async with gateway.client() as client, stream(client) as reader:
        for event in (first, second, second):
            await gateway.buses["sync"].client.jetstream().publish(event.subject, event.model_dump_json().encode())
            _, pushed = await next_event(reader)
        (stored,) = await notifications(client, 1)
    assert stored == pushed
    assert stored["body"] == "alice@example.com: 1,205 new, 6 updated, 2 removed."


async def test_a_notification_is_pushed_when_others_can_read_it_and_again_when_its_event_comes_again(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, nats_server: Nats
) -> None:
    """Who is pushed an id that is not there yet shows nothing."""
    pushed: list[tuple[UUID, bool]] = []
    bus, db = gateway.resources.bus, gateway.resources.db
    publish = bus.publish

    async def watched(event: NotificationCreated) -> None:
        stored = await get_notification(db, event.user_id, event.notification_id)
        pushed.append((event.notification_id, stored is not None))
        await publish(event)

    monkeypatch.setattr(bus, "publish", watched)
    event = completed(gateway)
    for _ in range(2):
        await gateway.buses["sync"].client.jetstream().publish(event.subject, event.model_dump_json().encode())
        await handled(nats_server, "gateway", SyncCompleted)
    async with gateway.client() as client:
        (stored,) = await notifications(client, 1)
    assert pushed == [(UUID(stored["id"]), True)] * 2


async def test_only_the_user_concerned_is_notified(gateway: RunningGateway) -> None:
    contact = ContactId(new_id())
    async with gateway.client() as alice, gateway.client("pcrm_bob") as bob:
        async with stream(alice) as hers, stream(bob) as his:
            await gateway.buses["sync"].publish(progressed(gateway, done=4))
            event = ContactChanged(user_id=gateway.world.bob.id, contact_ids=(contact,))
            await gateway.buses["contacts"].publish(event)
            name, progress = await next_event(hers)
            assert (name, progress["done"], progress["eta_seconds"]) == ("sync.progressed", 4, 4)
            assert "user_id" not in progress
            assert await next_event(his) == ("contact.changed", {"contact_ids": [str(contact)]})
        await gateway.buses["sync"].publish(completed(gateway))
        (notification,) = await notifications(alice, 1)
        assert await notifications(bob, 0) == []
        assert (await bob.post(f"{API}/notifications/{notification['id']}/read")).status == 404


async def test_a_skipped_brief_shows_on_every_replica_and_notifies_nobody(gateway: RunningGateway) -> None:
    alice, meeting_id = gateway.world.alice, MeetingId(new_id())
    skipped = PrepSkipped(
        user_id=alice.id, account_id=gateway.world.account(alice).id, meeting_id=meeting_id, starts_at=NOW,
        reason="nobody is a known contact",
    )  # fmt: skip
    headers = {"Authorization": "Bearer pcrm_alice"}
    async with gateway.replica() as second, gateway.client() as client:
        async with (
            aiohttp.ClientSession(headers=headers) as other,
            stream(client) as here,
            stream(other, second) as elsewhere,
        ):
            await gateway.buses["prep"].publish(skipped)
            pushed = await next_event(here)
            assert await next_event(elsewhere) == pushed
        assert await notifications(client, 0) == []
    name, data = pushed
    assert (name, data["meeting_id"], data["reason"]) == ("prep.skipped", str(meeting_id), skipped.reason)
    assert "user_id" not in data


async def test_two_replicas_both_push_a_live_event_and_notify_once(gateway: RunningGateway) -> None:
    async with gateway.replica() as second, gateway.client() as client:
        token = {"Authorization": "Bearer pcrm_alice"}
        other = aiohttp.ClientSession(headers=token)
        async with other, stream(client) as first_reader, stream(other, second) as second_reader:
            await gateway.buses["sync"].publish(completed(gateway))
            first, repeated = await next_event(first_reader), await next_event(second_reader)
        assert first == repeated
        assert len(await notifications(client, 1)) == 1


async def test_reading_counts_down(gateway: RunningGateway) -> None:
    alice = gateway.world.alice
    account = gateway.world.account(alice).id
    dead = AccountReauthRequired(
        user_id=alice.id, account_id=account, address=alice.address, reason="You changed your password", at=NOW
    )
    sent = PrepSent(
        user_id=alice.id, account_id=account, meeting_id=MeetingId(new_id()), title="Lunch", starts_at=NOW, ai=True
    )
    async with gateway.client() as client:
        await gateway.buses["auth"].publish(dead)
        await notifications(client, 1)
        await gateway.buses["sync"].publish(completed(gateway), completed(gateway, kind="calendar"))
        await notifications(client, 3)
        await gateway.buses["prep"].publish(sent)
        items = await notifications(client, 4)
        assert items[0]["title"] == "Brief sent: Lunch"
        assert items[-1]["link"] == f"/connect?account_id={account}"
        assert [item["id"] for item in items] == sorted((item["id"] for item in items), reverse=True)
        async with client.post(f"{API}/notifications/{items[-1]['id']}/read") as response:
            first = await response.json()
        async with client.post(f"{API}/notifications/{items[-1]['id']}/read") as response:
            assert (await response.json())["read_at"] == first["read_at"]
        assert len(await notifications(client, 3, unread="true")) == 3
        async with client.get(f"{API}/notifications", params={"limit": "2"}) as response:
            page = await response.json()
            assert page["unread"] == 3
        async with client.get(f"{API}/notifications", params={"cursor": page["next_cursor"]}) as response:
            rest = await response.json()
        assert [item["id"] for item in page["items"] + rest["items"]] == [item["id"] for item in items]
        assert rest["next_cursor"] is None
        async with client.post(f"{API}/notifications/read-all") as response:
            assert await response.json() == {"read": 3}


async def test_a_purged_account_takes_its_notifications_along_and_a_deleted_user_everything(
    gateway: RunningGateway, nats_server: Nats
) -> None:
    world = gateway.world
    account = world.account(world.alice).id
    async with gateway.client() as client:
        await gateway.buses["sync"].publish(completed(gateway), completed(gateway, account_id=new_id()))
        await notifications(client, 2)
        kept = AccountDisconnected(user_id=world.alice.id, account_id=account, purge=False, at=NOW)
        purged = AccountDisconnected(
            user_id=world.alice.id, account_id=account, purge=True, at=NOW + timedelta(hours=1)
        )
        await gateway.buses["auth"].publish(kept)
        await handled(nats_server, "gateway", AccountDisconnected)
        assert len(await notifications(client, 2)) == 2
        await gateway.buses["auth"].publish(purged)
        await until(lambda: notifications(client, 0), 1)
        async with stream(client) as reader:
            await gateway.buses["auth"].publish(UserDeleted(user_id=world.alice.id, account_ids=(account,)))
            async with asyncio.timeout(10):
                assert await reader.read() == b"", "the stream ends"
        await until(lambda: notifications(client, 0), 0)
        await gateway.buses["sync"].publish(completed(gateway))  # an event that comes late
        await handled(nats_server, "gateway", SyncCompleted)
        assert await notifications(client, 0) == []


async def test_what_comes_late_about_an_account_notifies_nobody(gateway: RunningGateway, nats_server: Nats) -> None:
    world = gateway.world
    account = world.account(world.alice).id
    fields: dict[str, Any] = {"user_id": world.alice.id, "account_id": account, "address": world.alice.address}
    connected = AccountConnected(**fields, scopes=frozenset(ALL), again=True, sequence=3, at=NOW)
    late = AccountReauthRequired(**fields, reason="Gone", sequence=2, at=NOW + timedelta(hours=1))
    async with gateway.client() as client:
        await gateway.buses["auth"].publish(connected)
        await handled(nats_server, "gateway", AccountConnected)
        await gateway.buses["auth"].publish(late)
        await handled(nats_server, "gateway", AccountReauthRequired)
        assert await notifications(client, 0) == []
        await gateway.buses["auth"].publish(late.model_copy(update={"sequence": 4}))
        await notifications(client, 1)
        gone = AccountDisconnected(user_id=world.alice.id, account_id=account, purge=False, sequence=6, at=NOW)
        await gateway.buses["auth"].publish(gone)
        await handled(nats_server, "gateway", AccountDisconnected)
        await gateway.buses["auth"].publish(late.model_copy(update={"sequence": 5}))
        await handled(nats_server, "gateway", AccountReauthRequired)
        assert len(await notifications(client, 1)) == 1, "nor what came before the account was disconnected"
        purged = AccountDisconnected(user_id=world.alice.id, account_id=account, purge=True, sequence=7, at=NOW)
        await gateway.buses["auth"].publish(purged)
        await until(lambda: notifications(client, 0), 0)
        await gateway.buses["sync"].publish(completed(gateway))
        await gateway.buses["auth"].publish(late.model_copy(update={"sequence": 8}))
        await handled(nats_server, "gateway", SyncCompleted, AccountReauthRequired)
        assert await notifications(client, 0) == [], "a purge is final"


async def position_of_page(browser: aiohttp.ClientSession, url: str = "") -> str:
    """Where the page says that it was made."""
    async with browser.get(f"{url}/notifications") as response:
        found = re.search('name="pingcrm-position" content="([^"]+)"', await response.text())
    assert found
    return found[1]


async def test_what_came_between_a_page_and_its_stream_is_sent_when_that_opens(gateway: RunningGateway) -> None:
    async with gateway.browser() as browser, stream(browser) as other_tab:
        position = await position_of_page(browser)
        for done in (1, 2, 3):
            await gateway.buses["sync"].publish(progressed(gateway, done))
        received = [await next_with_position(other_tab) for _ in range(3)]
        async with stream(browser, since=position) as reader:
            assert [await next_with_position(reader) for _ in range(3)] == received
            await gateway.buses["sync"].publish(progressed(gateway, 4))
            name, progress, latest = await next_with_position(reader)
            assert (name, progress["done"]) == ("sync.progressed", 4), "nothing twice, and then as it comes"
        # A browser that connects again names its last event in the header, and the page's position in the address as before.
        async with stream(browser, since=position, **{"Last-Event-ID": received[1][2]}) as reader:
            assert (await next_with_position(reader))[2] == received[2][2]
            assert (await next_with_position(reader))[2] == latest
        assert await position_of_page(browser) == latest, "a page made now needs none of it"


async def test_what_changes_while_a_page_is_made_is_sent_to_it(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway.browser() as browser, stream(browser) as other_tab:

        async def count_then_change(db: Pool, user_id: UserId) -> int:
            count = await count_unread(db, user_id)
            await gateway.buses["sync"].publish(progressed(gateway))
            await next_event(other_tab)
            return count

        monkeypatch.setattr(visit, "count_unread", count_then_change)
        position = await position_of_page(browser)
        async with stream(browser, since=position) as reader:
            assert (await next_event(reader))[0] == "sync.progressed"


async def test_a_position_that_nothing_is_known_about_has_the_browser_fetch_anew(gateway: RunningGateway) -> None:
    async with gateway.replica() as second, gateway.browser() as browser, gateway.browser("session-of-bob") as bob:
        cookies = {"pingcrm_session": "session-of-alice"}
        async with aiohttp.ClientSession(cookies=cookies) as other:
            of_another_replica = await position_of_page(other, second)
        mine, his = await position_of_page(browser), await position_of_page(bob)
        ahead = mine.rpartition("-")[0] + "-7"
        for position in (of_another_replica, his, ahead, "no position", "x" * 5000):
            async with stream(browser, since=position) as reader:
                name, data, given = await next_with_position(reader)
                assert (name, data, given) == ("resync", {}, mine)
                await gateway.buses["sync"].publish(progressed(gateway))
                assert (await next_with_position(reader))[0] == "sync.progressed"
            mine = await position_of_page(browser)


async def test_a_browser_fetches_anew_where_its_gateway_may_have_missed_something(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = gateway.resources.bus
    async with gateway.browser() as browser, stream(browser) as reader:
        position = await position_of_page(browser)
        await bus.client.force_reconnect()
        assert (await next_event(reader))[0] == "resync", "the connection to the bus was away"
        async with stream(browser, since=position) as late:
            assert (await next_event(late))[0] == "resync"

        async def away(*_: object) -> None:
            raise Outage("restarting")

        monkeypatch.setattr(live_updates, "get_notification", away)
        await gateway.buses["sync"].publish(completed(gateway))
        assert (await next_event(reader))[0] == "resync", "the notification could not be loaded"


async def until(listed: Any, count: int) -> None:
    async with asyncio.timeout(10):
        while len(await listed()) != count:
            await asyncio.sleep(0.02)
