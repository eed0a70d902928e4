"""Copies for integrations on real servers: who publishes pays nothing for them, and whoever may have them misses nothing untold."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from libs.common.bus import forwarding
from libs.common.events import ContactChanged, Event, PersonRemoved, UserDeleted
from libs.common.ids import AccountId, new_id
from libs.common.integrations import Grants, Missed
from libs.local.bus_admin import admin_stream
from libs.local.integration_logins import let_in, until_in_force
from libs.local.integrations import create_integration
from tests.support.bus import ACCOUNT, OpenBus, alive, forwarded
from tests.support.integrations import (
    ADDRESS,
    JONAS,
    MAYA,
    Installation,
    Purges,
    connected,
    forwarding_contacts,
    installed_database,
    installed_nats,
    mail,
    until,
)

database, nats_server = installed_database, installed_nats


async def test_whoever_publishes_sends_an_event_once_and_what_nobody_subscribes_to_is_not_even_read(
    installation: Installation, bus: OpenBus
) -> None:
    await installation.create("mail-of-all", "--subscribe", "message.ingested")
    sync, contacts = bus("sync"), forwarding_contacts(bus)
    async with alive(sync, contacts), admin_stream(installation.nats.admin_url) as js:
        await forwarded(installation.nats)

        async def read() -> int:
            info = await js.consumer_info("EVENTS", "contacts_integrations")
            assert info.delivered
            return info.delivered.consumer_seq

        async def sent(*events: Event) -> int:
            before = sync.client.stats["out_msgs"]
            await sync.publish(*events)
            await forwarded(installation.nats)
            return sync.client.stats["out_msgs"] - before

        read_before = await read()
        assert await sent(*(mail(MAYA, f"once-{number}") for number in range(10))) == 10
        assert await read() == read_before + 10
        assert await sent(*(card_removed(number) for number in range(10))) == 10
        assert await read() == read_before + 10, "no integration subscribes to cards"
        url = await installation.create("cards", "--subscribe", "person.removed")
        assert await sent(card_removed(10)) == 1
        async with connected(url) as cards:
            assert [subject for subject, _ in await cards.pull(1)] == [f"users.{MAYA}.{ACCOUNT}.person.removed"]
        read_meanwhile = await read()  # with what the stream still had of cards for others
        assert read_meanwhile > read_before + 10
        await installation.pingcrm("integration", "revoke", "cards")
        assert await sent(card_removed(11)) == 1
        assert await read() == read_meanwhile
        await js.publish("message.ingested", b"no json")
        await forwarded(installation.nats)
        assert await sent(mail(MAYA, "behind-no-json")) == 1, "what names no user holds back no other"


async def test_an_integration_gets_everything_that_is_published_once_its_creation_is_confirmed(
    installation: Installation, bus: OpenBus
) -> None:
    """While contacts acknowledges each event at once, so that the stream keeps none for anybody else."""
    sync, contacts = bus("sync"), forwarding_contacts(bus)
    published, created = 0, asyncio.Event()

    async def handle(_: PersonRemoved) -> None:
        """Nothing to do."""

    async def publish_until_enough() -> None:
        nonlocal published
        last = None
        while last is None or published < last:
            published += 1
            await sync.publish(card_removed(1_000 + published))
            if created.is_set() and last is None:
                last = published + 50

    contacts.subscribe(PersonRemoved, handle)
    async with alive(sync, contacts), admin_stream(installation.nats.admin_url) as js:
        publishing = asyncio.create_task(publish_until_enough())
        await until(lambda: published > 20)
        made = await create_integration(js, "newborn", Grants(subscribe=(PersonRemoved,)))
        first = published + 1
        created.set()
        await publishing
        await forwarded(installation.nats)
        await let_in(installation.nats, js)
        url = made.url(installation.nats.admin_url)
        await until_in_force(url, accepted=True)
        async with connected(url) as newborn:
            cards = [json.loads(data)["resource_name"] for _, data in await newborn.pull(await newborn.waiting())]
    wanted = [f"people/{1_000 + number}" for number in range(first, published + 1)]
    assert len(wanted) >= 50
    assert cards[-len(wanted) :] == wanted, "all of them, in their order"


def card_removed(number: int) -> PersonRemoved:
    return PersonRemoved(user_id=MAYA, account_id=ACCOUNT, resource_name=f"people/{number}", revision=1)


async def test_a_stream_for_integrations_that_takes_nothing_disturbs_nobody_and_loses_nothing(
    installation: Installation, bus: OpenBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "OUTAGE_DELAY_SECONDS", 0.05)
    url = await installation.create("patient", "--subscribe", "message.ingested,contact.changed", "--user", ADDRESS)
    sync, contacts, gateway = bus("sync"), forwarding_contacts(bus), bus("gateway")
    received: list[ContactChanged] = []

    async def record(event: ContactChanged) -> None:
        received.append(event)

    gateway.subscribe_broadcast(ContactChanged, record)
    async with (
        alive(sync, contacts, gateway),
        admin_stream(installation.nats.admin_url) as js,
        connected(url) as patient,
    ):
        config = (await js.stream_info("INTEGRATIONS")).config
        with capture_logs() as logs:
            await js.update_stream(config, max_msg_size=1)
            await sync.publish(mail(MAYA, "kept-a"), mail(MAYA, "kept-b"))
            await contacts.publish(ContactChanged(user_id=MAYA, contact_ids=()))
            await until(lambda: received)
            await until(lambda: "forwarding_postponed" in [line["event"] for line in logs])
            await js.update_stream(config, max_msg_size=-1)
        got = await patient.pull(3)
        assert sorted(subject.split(".", 3)[3] for subject, _ in got) == [
            "contact.changed", "message.ingested", "message.ingested",
        ]  # fmt: skip
        assert await patient.waiting() == 0


async def test_what_waits_for_integrations_goes_with_its_user_except_for_the_order_to_delete(
    installation: Installation, bus: OpenBus
) -> None:
    url = await installation.create("purged", "--subscribe", "message.ingested,user.deleted,contact.changed")
    purges = Purges()
    sync, contacts, auth = bus("sync"), forwarding_contacts(bus, purges), bus("auth")
    async with (
        alive(sync, contacts, auth),
        admin_stream(installation.nats.admin_url) as js,
        connected(url) as program,
    ):
        account = AccountId(new_id())
        await sync.publish(
            mail(MAYA, "purged-a"),
            mail(MAYA, "purged-b").model_copy(update={"account_id": account}),
            mail(JONAS, "purged-c"),
        )
        await forwarded(installation.nats)
        purges.purged.add(account)
        await contacts.purge_dead_letters(MAYA, account)
        assert await program.waiting() == 2
        purges.purged.add(MAYA)
        await auth.publish(UserDeleted(user_id=MAYA, account_ids=()))
        await contacts.purge_dead_letters(MAYA)
        await forwarded(installation.nats)
        copied = (await js.stream_info("INTEGRATIONS")).state.last_seq
        await sync.publish(mail(MAYA, "published-late"))
        await forwarded(installation.nats)
        assert (await js.stream_info("INTEGRATIONS")).state.last_seq == copied, "not for a moment either"
        assert [subject.split(".", 3)[3] for subject, _ in await program.pull(2)] == [
            "message.ingested",
            "user.deleted",
        ]
        purges.meanwhile.add(JONAS)
        await sync.publish(mail(JONAS, "deleted-while-it-is-copied"))
        await forwarded(installation.nats)
        assert await program.waiting() == 0


async def test_what_nobody_takes_is_given_up_and_a_notice_counts_it(installation: Installation, bus: OpenBus) -> None:
    stopped_url = await installation.create("stopped", "--subscribe", "message.ingested", "--user", ADDRESS)
    running_url = await installation.create("running", "--subscribe", "message.ingested", "--user", ADDRESS)
    sync, contacts = bus("sync"), forwarding_contacts(bus)
    now = datetime.now(UTC)
    async with alive(sync, contacts), connected(stopped_url) as stopped, connected(running_url) as running:
        await sync.publish(*(mail(MAYA, gmail_id) for gmail_id in ("day-0-a", "day-0-b", "day-0-c")))
        await running.pull(3)
        await contacts.limit_backlogs(now + timedelta(days=6))
        assert await stopped.waiting() == 3
        await contacts.limit_backlogs(now + timedelta(days=8))
        assert await stopped.waiting() == 1
        await sync.publish(mail(MAYA, "day-8"))
        await running.pull(1)
        await contacts.limit_backlogs(now + timedelta(days=9))
        assert await stopped.waiting() == 2, "it has another week"
        await contacts.limit_backlogs(now + timedelta(days=16))
        assert await stopped.waiting() == 1
        await sync.publish(mail(MAYA, "day-16"))
        (subject, notice), (_, data) = await stopped.pull(2)
        assert subject == "missed.stopped"
        missed = Missed.model_validate_json(notice)
        assert missed.messages == 4
        assert abs(missed.since - now) < timedelta(minutes=5)
        assert missed.until == now + timedelta(days=16)
        assert json.loads(data)["gmail_id"] == "day-16"
        assert await stopped.waiting() == 0
        assert [json.loads(data)["gmail_id"] for _, data in await running.pull(1)] == ["day-16"]
        await sync.publish(mail(MAYA, "late-a"), mail(MAYA, "late-b"))
        await forwarded(installation.nats)
        await contacts.client.jetstream().publish("missed.stopped", missed.model_dump_json().encode())
        await contacts.limit_backlogs(now)
        assert await stopped.waiting() == 1, "what a crash had left between notice and consumer is finished"


async def test_a_flood_that_nobody_takes_is_given_up_before_anything_is_dropped_without_a_word(
    installation: Installation, bus: OpenBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "UNCHECKED_BYTES", 0)
    urls = [await installation.create(f"flooded-{number}", "--subscribe", "message.ingested") for number in range(2)]
    sync = bus("sync")
    flood = [mail(MAYA, f"flood-{number}").model_copy(update={"snippet": "x" * 2_000}) for number in range(100)]
    async with alive(sync, forwarding_contacts(bus)), admin_stream(installation.nats.admin_url) as js:
        config = (await js.stream_info("INTEGRATIONS")).config
        await js.update_stream(config, max_bytes=100_000)
        for first in range(0, len(flood), 5):
            await sync.publish(*flood[first : first + 5])
            await forwarded(installation.nats)
        for url in urls:
            async with connected(url) as flooded:
                (subject, notice), *rest = await flooded.pull(await flooded.waiting())
                assert subject == f"missed.{flooded.name}"
                assert Missed.model_validate_json(notice).messages + len(rest) == len(flood)
        await js.update_stream(config)
