"""Gmail's notifications, pulled and pushed: mail is there at once, and trouble on the way changes only when."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.common.events import MailboxNotified
from libs.common.service import running
from libs.google_sim.pubsub.topics import DeliveryFaults
from libs.local.ports import free_port
from services.gateway.__main__ import wire as wire_gateway
from tests.conftest import ServiceSettings, own_nats_server
from tests.support.push import PULLED, ROBOT, TOPIC, pulls, pushes
from tests.support.sync_stage import ADDRESS, SyncStage, maya, message, sync_stage

nats_server = own_nats_server  # what the test before left unacknowledged would be waited for here, for half a minute

MESSAGES = [message(number) for number in range(1, 6)]


@pytest.fixture
async def stage(service_settings: ServiceSettings, nats_server: Any) -> AsyncIterator[SyncStage]:
    async with sync_stage(service_settings, nats_server.admin_url, maya(MESSAGES)) as made:
        yield made


async def arrives(stage: SyncStage, number: int, seconds: float = 30.0) -> None:
    """Deliver a mail, and wait until `sync` has published it."""
    added = stage.account.mailbox.add(message(number))
    await stage.until(lambda: added.id in stage.timeline(), seconds)


async def row(stage: SyncStage) -> Any:
    return (await stage.sql("SELECT * FROM accounts"))[0]


async def test_mail_that_is_pulled_is_there_at_once_and_trouble_changes_only_when(
    stage: SyncStage, tmp_path: Path
) -> None:
    stage.settings = stage.settings.model_copy(update=pulls(stage.google, tmp_path, ack_seconds=0.5))
    pubsub = stage.google.world.pubsub
    counters = pubsub.subscriptions[PULLED].counters
    async with stage.replica(), stage.replica():
        await stage.first_sync("mail")
        assert stage.account.watch is not None
        assert stage.account.watch["topicName"] == TOPIC
        await arrives(stage, 101)  # nothing is polled here: the notification brought it
        await stage.at_rest()

        pubsub.script(DeliveryFaults(duplicate=0.5, delay=0.5, reorder=0.5, seconds=0.3), seed=7)
        stage.google.world.notifier.pause_seconds = 0.05
        for number in range(110, 130):
            stage.account.mailbox.add(message(number))
            await asyncio.sleep(0.06)
        await stage.until(lambda: len(stage.timeline()) == len(stage.account.mailbox.messages))
        assert counters.duplicated > 0
        assert counters.delayed + counters.reordered > 0
        await stage.until(lambda: counters.acknowledged == counters.published + counters.duplicated)
        await stage.at_rest()

        pubsub.script(DeliveryFaults(lose=1.0), seed=0)
        lost = stage.account.mailbox.add(message(200))
        await stage.until(lambda: counters.lost > 0)
        await stage.at_rest()
        assert lost.id not in stage.timeline()
        pubsub.script(DeliveryFaults(), seed=0)
        await arrives(stage, 201)  # the next notification brings both
        assert lost.id in stage.timeline()
        await stage.until(lambda: counters.acknowledged == counters.published + counters.duplicated - counters.lost)
    assert {end.reason for end in stage.ended("mail")} == {"connected", "push"}


async def test_mail_that_is_pushed_through_the_gateway_is_there_at_once(
    stage: SyncStage, service_settings: ServiceSettings
) -> None:
    stage.settings = stage.settings.model_copy(update={"google_pubsub_topic": TOPIC})
    port = free_port()
    gateway = service_settings("gateway").model_copy(
        update={
            "port": port,
            "google_oauth_root": stage.google.url,
            "google_pubsub_service_account": ROBOT,
        }
    )
    subscription = pushes(stage.google, f"http://127.0.0.1:{port}")
    async with stage.replica():
        await stage.first_sync("mail")  # nobody takes notifications yet: Pub/Sub tries again
        async with running("gateway", gateway, wire_gateway):
            await arrives(stage, 101)
            await stage.until(lambda: subscription.counters.acknowledged == subscription.counters.published)
        assert subscription.counters.refused > 0


async def test_a_hint_of_what_was_read_costs_no_request(stage: SyncStage) -> None:
    async with stage.replica():
        await stage.first_sync()  # of everything: what is counted below is the hints'
        known = stage.account.mailbox.history_id
        stage.google.world.counters.reset()
        for address, history_id in ((ADDRESS, known), ("MAYA@example.com", known - 1), ("nobody@example.com", 10**9)):
            event = MailboxNotified(address=address.lower(), history_id=history_id, notified_at=datetime.now(UTC))
            await stage.gateway.publish(event)
        async with asyncio.timeout(10):
            while (await row(stage))["pushed_at"] is None:
                await asyncio.sleep(0.02)
        await stage.at_rest()
        assert stage.cost() == (0, 0)
        ahead = MailboxNotified(address=ADDRESS, history_id=known + 5, notified_at=datetime.now(UTC))
        await stage.gateway.publish(ahead)  # Gmail's numbers may run ahead of its history
        await stage.until(lambda: stage.cost() == (1, 2))
        await stage.at_rest()
    assert [end.reason for end in stage.ended("mail")] == ["connected"], "a push that brought nothing is not reported"


async def test_what_no_notification_announced_is_found_by_the_next_poll_and_polling_goes_on_as_without_push(
    stage: SyncStage, tmp_path: Path
) -> None:
    update = {**pulls(stage.google, tmp_path), "mail_poll_seconds": 1}
    stage.settings = stage.settings.model_copy(update=update)
    async with stage.replica():
        await stage.first_sync("mail")
        await arrives(stage, 101)
        await stage.at_rest()
        await stage.sql("UPDATE accounts SET poll_at = now()")
        async with asyncio.timeout(10):
            while (await row(stage))["poll_at"] < datetime.now(UTC) + timedelta(minutes=10):
                await asyncio.sleep(0.02)  # a mailbox that Gmail notifies of is polled as a safety net only
        await stage.at_rest()
        stage.google.world.pubsub.script(DeliveryFaults(lose=1.0), seed=0)
        lost = stage.account.mailbox.add(message(200))
        await stage.until(lambda: stage.google.world.pubsub.subscriptions[PULLED].counters.lost > 0)
        await stage.at_rest()
        assert lost.id not in stage.timeline()
        assert (await row(stage))["poll_at"] > datetime.now(UTC) + timedelta(minutes=5), "nor is it about to be polled"
        await stage.sql("UPDATE accounts SET poll_at = now()")
        await stage.until(lambda: lost.id in stage.timeline())
        await arrives(stage, 201)  # silent: polled once a second again
        assert (await row(stage))["watch_due_at"] < datetime.now(UTC) + timedelta(minutes=6)
        stage.google.world.pubsub.script(DeliveryFaults(), seed=0)
        await arrives(stage, 202)
        await stage.until(lambda: stage.ended("mail")[-1].reason in ("push", "poll"))


async def test_a_watch_is_renewed_taken_over_and_ended(stage: SyncStage, tmp_path: Path) -> None:
    plain, stage.settings = stage.settings, stage.settings.model_copy(update={"google_pubsub_topic": TOPIC})
    world = stage.google.world
    expires_ms = str(int((world.now() + 3600) * 1000))
    stage.account.watch = {"topicName": "projects/other/topics/t", "labelIds": [], "expiration": expires_ms}
    async with stage.replica():
        await stage.first_sync("mail")
        assert stage.account.watch["topicName"] == TOPIC, "one client per mailbox: the other one was stopped"
        before = (await row(stage))["watch_expires_at"]
        await stage.sync()
        assert (await row(stage))["watch_expires_at"] == before, "it is good for a week"
        await stage.sql("UPDATE accounts SET watch_due_at = now()")
        await stage.sync()
        assert (await row(stage))["watch_expires_at"] > before

        world.pubsub.closed_topics.add(TOPIC)
        await stage.sql("UPDATE accounts SET watch_due_at = now()")
        assert (await stage.sync()).new == 0, "mail goes on"
        refused = await row(stage)
        assert refused["watch_due_at"] > datetime.now(UTC) + timedelta(minutes=50)
    stage.settings = plain.model_copy(update={"mail_poll_seconds": 1})  # no topic any more
    async with stage.replica():
        await stage.until(lambda: stage.account.watch is None)
        async with asyncio.timeout(10):
            while (await row(stage))["watch_topic"]:
                await asyncio.sleep(0.02)
