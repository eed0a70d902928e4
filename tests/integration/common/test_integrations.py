"""`pingcrm integration` on real servers: what a program of others gets, may publish, is refused, and what is left when it is revoked."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import nats
import nats.errors
import psutil
import pytest
import pytest_asyncio
from nats.aio.client import Client
from structlog.testing import capture_logs

from libs.common.bus import Bus, forwarding
from libs.common.events import (
    ContactChanged,
    Event,
    InteractionReported,
    MeetingUpcoming,
    MessageIngested,
    PersonRemoved,
    PrepFailed,
    PrepSent,
    SyncCompleted,
    SyncFailed,
    UserDeleted,
)
from libs.common.ids import AccountId, ContactId, UserId, new_id
from libs.common.integrations import Grants, Missed
from libs.local import commands
from libs.local.bus_admin import admin_stream
from libs.local.data_dir import Runtime, announced
from libs.local.integration_logins import let_in, until_in_force
from libs.local.integrations import create_integration, delete_integration
from libs.local.migrate import migrate_bus
from libs.local.secrets import FILE, Secrets
from libs.local.servers import Nats
from tests.support.bus import ACCOUNT, OpenBus, alive, forwarded, message
from tests.support.bus_programs import LISTENER, lines_of, pingcrm, report, start, url_in
from tests.support.database import Database

ADDRESS, OTHER_ADDRESS = "maya@example.org", "jonas@example.org"
MAYA, JONAS = UserId(new_id()), UserId(new_id())


@dataclass
class Installation:
    """What `pingcrm up` leaves for other commands, with NATS alone running."""

    data_dir: Path
    nats: Nats
    database: Database

    async def pingcrm(self, *arguments: str, code: int = 0) -> str:
        return await pingcrm(self.data_dir, *arguments, code=code)

    async def create(self, name: str, *options: str) -> str:
        """The URL of a new integration."""
        return url_in(await self.pingcrm("integration", "create", name, *options))


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands.console, "_width", 250)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def installation(
    tmp_path_factory: pytest.TempPathFactory, secrets: Secrets, module_database: Database
) -> AsyncIterator[Installation]:
    data_dir = tmp_path_factory.mktemp("installation")
    (data_dir / FILE).write_text(json.dumps(dict(secrets)))
    auth = await asyncpg.connect(module_database.url_for("auth"))
    for user, address in ((MAYA, ADDRESS), (JONAS, OTHER_ADDRESS)):
        await auth.execute("INSERT INTO users (id, sub, name, address) VALUES ($1, $2, '', $2)", user, address)
        await auth.execute(
            "INSERT INTO google_accounts (id, user_id, sub, address, name, status, scopes, refresh_token)"
            " VALUES ($1, $1, $2, $2, '', 'active', '{}', '')",
            user,
            address,
        )
    await auth.close()
    server = Nats(data_dir / "nats", secrets)
    await server.start()
    try:
        await migrate_bus(server.admin_url)
        runtime = Runtime(
            pid=os.getpid(), url="", postgres_url=module_database.admin_url, nats_url=server.admin_url, redis_url="", health_ports={}
        )  # fmt: skip
        with announced(data_dir, runtime):
            yield Installation(data_dir, server, module_database)
    finally:
        await server.kill()


@pytest.fixture
def database(installation: Installation) -> Database:
    return installation.database


@pytest.fixture
def nats_server(installation: Installation) -> Nats:
    return installation.nats


class Program:
    """A program of somebody else's: nats-py as it comes, with what `show` prints."""

    def __init__(self, client: Client, refused: list[str]) -> None:
        self.client, self.refused = client, refused
        self.name = str(client.connected_url.username).removeprefix("integration-")  # type: ignore[union-attr]

    async def pull(self, count: int) -> list[tuple[str, bytes]]:
        """The next messages, acknowledged: subject and payload."""
        waiting = await self.client.jetstream().pull_subscribe_bind(self.name, stream="INTEGRATIONS")
        messages = [await _next(waiting) for _ in range(count)]
        return [(message.subject, message.data) for message in messages]

    async def waiting(self) -> int:
        info = await self.client.jetstream().consumer_info("INTEGRATIONS", self.name)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def _next(waiting: nats.js.JetStreamContext.PullSubscription) -> nats.aio.msg.Msg:
    [message] = await waiting.fetch(1, timeout=10)
    await message.ack_sync(timeout=5)
    return message


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Program]:
    refused: list[str] = []

    async def record(error: Exception) -> None:
        refused.append(str(error))

    user = url.partition("//")[2].partition(":")[0]
    client = await nats.connect(url, inbox_prefix=f"_INBOX_{user}", error_cb=record, allow_reconnect=False)
    try:
        yield Program(client, refused)
    finally:
        await client.close()


class Purges:
    """Who was purged, as contacts knows it. `meanwhile`: who will have been at the next look."""

    def __init__(self) -> None:
        self.purged: set[UUID] = set()
        self.meanwhile: set[UUID] = set()

    async def among(self, ids: Collection[UUID]) -> set[UUID]:
        found = self.purged.intersection(ids)
        self.purged |= self.meanwhile
        return found


def forwarding_contacts(bus: OpenBus, purges: Purges | None = None) -> Bus:
    """The service that stores copies for integrations."""
    contacts = bus("contacts")
    contacts.forward_to_integrations((purges or Purges()).among)
    return contacts


def mail(user: UserId, gmail_id: str) -> MessageIngested:
    """Each id once in this module: the stream takes the same event a single time."""
    return message(gmail_id).model_copy(update={"user_id": user})


def reported(user: UserId, platform: str = "telegram") -> bytes:
    event = {
        "user_id": str(user), "platform": platform, "ref": "1", "occurred_at": "2026-01-31T12:00:00Z", "direction": "inbound",
        "kind": "message", "identities": [],
    }  # fmt: skip
    return json.dumps(event).encode()


async def test_an_integration_gets_what_it_was_given_of_whom_it_was_given_and_nothing_else(
    installation: Installation, bus: OpenBus
) -> None:
    of_maya = await installation.create(
        "one-user", "--subscribe", "message.ingested,contact.changed", "--user", ADDRESS
    )
    of_all = await installation.create("all-users", "--subscribe", "message.ingested")
    changed = ContactChanged(user_id=MAYA, contact_ids=(ContactId(new_id()),))
    sync, contacts = bus("sync"), forwarding_contacts(bus)
    async with alive(sync, contacts), connected(of_maya) as maya, connected(of_all) as everybody:
        await sync.publish(mail(MAYA, "a"), mail(JONAS, "b"))
        await contacts.publish(changed)  # nobody listens at that moment: it is kept
        got = await maya.pull(2)
        assert [subject for subject, _ in got] == [
            f"users.{MAYA}.{ACCOUNT}.message.ingested", f"users.{MAYA}.-.contact.changed",
        ]  # fmt: skip
        assert MessageIngested.model_validate_json(got[0][1]).gmail_id == "a"
        assert ContactChanged.model_validate_json(got[1][1]) == changed
        assert await maya.waiting() == 0
        assert [json.loads(data)["gmail_id"] for _, data in await everybody.pull(2)] == ["a", "b"]
        assert await everybody.waiting() == 0
        for forbidden in (
            "message.ingested", f"users.{MAYA}.{ACCOUNT}.message.ingested", f"interaction.reported.one-user.{MAYA}",
            "interaction.reported", "rejected.all-users.x", "dead.contacts.-.-.x", "auth.token", "$JS.API.STREAM.INFO.INTEGRATIONS",
            "$JS.API.CONSUMER.MSG.NEXT.INTEGRATIONS.all-users", "$JS.API.CONSUMER.INFO.INTEGRATIONS.all-users",
            "$JS.API.CONSUMER.DURABLE.CREATE.INTEGRATIONS.one-user", "$JS.API.CONSUMER.CREATE.INTEGRATIONS.one-user",
        ):  # fmt: skip
            await refused(maya, maya.client.publish(forbidden, b"{}"))
        for closed in (
            ">",
            "users.>",
            f"users.{MAYA}.>",
            "_INBOX.>",
            "_INBOX_integration-all-users.>",
            "contact.changed",
        ):
            await refused(maya, maya.client.subscribe(closed))


async def refused(program: Program, act: object) -> None:
    """The server refuses it, which it tells in its own time."""
    before = len(program.refused)
    await act  # type: ignore[misc]
    async with asyncio.timeout(5):
        while len(program.refused) == before:
            await asyncio.sleep(0.005)


async def test_what_an_integration_publishes_reaches_the_product_and_what_is_wrong_with_it_comes_back(
    installation: Installation, bus: OpenBus
) -> None:
    url = await installation.create("telegram", "--publish", "interaction.reported", "--user", ADDRESS)
    recorded: list[InteractionReported] = []

    async def record(event: InteractionReported) -> None:
        recorded.append(event)

    contacts = bus("contacts")
    contacts.subscribe(InteractionReported, record)
    async with alive(contacts), connected(url) as telegram:
        stream = telegram.client.jetstream()
        mine = f"interaction.reported.telegram.{MAYA}"
        for wrong in (b"no json", reported(JONAS), reported(MAYA)):
            await stream.publish(mine, wrong)
        (first, no_json), (second, of_another) = await telegram.pull(2)
        assert first == second == "rejected.telegram.interaction.reported"
        assert {no_json, of_another} == {b"no json", reported(JONAS)}
        await refused(telegram, telegram.client.publish(f"interaction.reported.telegram.{JONAS}", reported(JONAS)))
        await refused(telegram, telegram.client.publish(f"interaction.reported.sheet.{MAYA}", reported(MAYA)))
        async with asyncio.timeout(5):
            while not recorded:
                await asyncio.sleep(0.01)
        assert [event.user_id for event in recorded] == [MAYA]
    async with admin_stream(installation.nats.admin_url) as js:
        letters = (await js.stream_info("DEAD", subjects_filter=f"dead.contacts.{MAYA}.-.>")).state.subjects
    assert letters == {f"dead.contacts.{MAYA}.-.{mine}": 2}, "and in the dead letters, under the user of its subject"


async def test_a_rotation_or_revocation_ends_the_old_login_and_disturbs_nobody_else(
    installation: Installation, bus: OpenBus
) -> None:
    first = await installation.create("rotated", "--subscribe", "message.ingested", "--user", ADDRESS)
    other = await installation.create("undisturbed", "--subscribe", "message.ingested", "--user", ADDRESS)
    sync = bus("sync")
    async with alive(sync, forwarding_contacts(bus)), connected(first) as old, connected(other) as bystander:
        await sync.publish(mail(MAYA, "before"))
        second = url_in(await installation.pingcrm("integration", "rotate", "rotated"))
        assert second != first
        assert url_in(await installation.pingcrm("integration", "show", "rotated")) == second
        await until(lambda: old.client.is_closed)
        await until_in_force(first, accepted=False)
        async with connected(second) as new:
            [(_, data)] = await new.pull(1)
            assert json.loads(data)["gmail_id"] == "before"
            await sync.publish(mail(MAYA, "after"))
            await installation.pingcrm("integration", "revoke", "rotated")
            await until(lambda: new.client.is_closed)
        await until_in_force(second, accepted=False)
        assert [json.loads(data)["gmail_id"] for _, data in await bystander.pull(2)] == ["before", "after"]
        assert sync.client.stats["reconnects"] == 0
    assert "There is no integration rotated" in await installation.pingcrm("integration", "show", "rotated", code=1)
    listed = await installation.pingcrm("integration", "list")
    assert "rotated" not in listed
    assert "undisturbed" in listed


async def test_integrations_outlive_a_restart_and_migrations_and_are_known_to_other_servers(
    installation: Installation,
) -> None:
    url = await installation.create("lasting", "--publish", "profile.reported")
    await installation.nats.restart()
    await migrate_bus(installation.nats.admin_url)
    async with connected(url) as program:
        await program.client.jetstream().publish(f"profile.reported.lasting.{MAYA}", b"{}")
    configuration = await installation.pingcrm("nats-config")
    assert f'"{url.split(":")[2].split("@")[0]}"' in configuration
    assert '"profile.reported.lasting.*"' in configuration
    [described] = json.loads(await installation.pingcrm("asyncapi"))["servers"].values()
    assert described["host"] == f"127.0.0.1:{installation.nats.port}"
    assert "There is an integration lasting already" in await installation.pingcrm(
        "integration", "create", "lasting", "--publish", "profile.reported", code=1
    )
    assert "Nobody here has connected nobody@example.org." in await installation.pingcrm(
        "integration", "create", "x", "--publish", "profile.reported", "--user", "nobody@example.org", code=1
    )


async def test_what_waits_for_integrations_goes_with_its_user_except_for_the_order_to_delete(
    installation: Installation, bus: OpenBus
) -> None:
    url = await installation.create("purged", "--subscribe", "message.ingested,user.deleted,contact.changed")
    purges = Purges()
    sync, contacts, auth = bus("sync"), forwarding_contacts(bus, purges), bus("auth")
    async with alive(sync, contacts, auth), connected(url) as program:
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
        await sync.publish(mail(MAYA, "published-late"))
        await forwarded(installation.nats)
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


async def test_the_printed_program_and_the_programs_of_the_documentation_run_as_they_are(
    installation: Installation, bus: OpenBus, tmp_path: Path
) -> None:
    """Printed: publishes and listens. The connector reports, the listener writes a spreadsheet, also after it was killed."""
    recorded: list[InteractionReported] = []

    async def record(event: InteractionReported) -> None:
        recorded.append(event)

    both = ("--publish", "interaction.reported", "--subscribe", "message.ingested")
    shown = await installation.pingcrm("integration", "create", "printed", *both)
    connector = await installation.create("connector", "--publish", "interaction.reported", "--user", ADDRESS)
    listener = await installation.create("sheet", "--subscribe", "message.ingested,contact.changed", "--user", ADDRESS)
    (tmp_path / "printed.py").write_text(shown[shown.index("import asyncio") :])
    sync, contacts = bus("sync"), forwarding_contacts(bus)
    contacts.subscribe(InteractionReported, record)
    sheet = tmp_path / "events.csv"
    async with alive(sync, contacts):
        await sync.publish(mail(MAYA, "first"))
        printed = await start(str(tmp_path / "printed.py"))
        listening = await start(LISTENER, str(sheet), PINGCRM_BUS_URL=listener)
        salut = {"ref": "7", "at": "2026-01-31T12:00:00Z", "from": "@amara", "name": "Amara", "text": "Salut"}
        await report(connector, str(MAYA), salut)
        assert printed.stdout
        assert f"users.{MAYA}.{ACCOUNT}.message.ingested".encode() in await printed.stdout.readline()
        await until(lambda: gmail_ids(sheet) == ["first"])
        listening.kill()
        await listening.wait()
        await sync.publish(mail(MAYA, "second"))
        listening = await start(LISTENER, str(sheet), PINGCRM_BUS_URL=listener)
        await until(lambda: gmail_ids(sheet) == ["first", "second"])
        await until(lambda: {event.ref for event in recorded} == {"7", "hello"})
        for running in (printed, listening):
            running.send_signal(signal.SIGKILL)
            await running.wait()


def gmail_ids(sheet: Path) -> list[str]:
    return [event["gmail_id"] for _, event in lines_of(sheet)]


async def until(check: object, seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # type: ignore[operator]
            await asyncio.sleep(0.02)


async def test_two_hundred_integrations_cost_less_than_twenty_megabytes(installation: Installation) -> None:
    assert installation.nats.process
    server = psutil.Process(installation.nats.process.pid)
    names = [f"many-{number}" for number in range(200)]
    grants = Grants(subscribe=(MessageIngested, MeetingUpcoming, ContactChanged), users=(MAYA,))
    before = server.memory_info().rss
    async with admin_stream(installation.nats.admin_url) as js:
        made = [await create_integration(js, name, grants) for name in names]
        await let_in(installation.nats, js)
        await until_in_force(made[-1].url(installation.nats.admin_url), accepted=True)
        assert server.memory_info().rss - before < 20_000_000
        for name in names:
            await js.delete_consumer("INTEGRATIONS", name)
        await let_in(installation.nats, js)


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
        await installation.pingcrm("integration", "revoke", "cards")
        assert await sent(card_removed(11)) == 1
        assert await read() == read_before + 11
        await js.publish("message.ingested", b"no json")
        await forwarded(installation.nats)
        assert await sent(mail(MAYA, "behind-no-json")) == 1, "what names no user holds back no other"


def card_removed(number: int) -> PersonRemoved:
    return PersonRemoved(user_id=MAYA, account_id=ACCOUNT, resource_name=f"people/{number}", revision=1)


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


async def test_integrations_that_are_made_and_revoked_at_one_moment_do_not_forget_each_other(
    installation: Installation,
) -> None:
    events = (SyncCompleted, SyncFailed, PrepSent, PrepFailed)

    async def forwarded_subjects() -> set[str]:
        async with admin_stream(installation.nats.admin_url) as js:
            config = (await js.consumer_info("EVENTS", "contacts_integrations")).config
        return {event.subject for event in events}.intersection(config.filter_subjects or ())

    async def create(event: type[Event]) -> None:
        async with admin_stream(installation.nats.admin_url) as js:
            await create_integration(js, name_of(event), Grants(subscribe=(event,)))
            await let_in(installation.nats, js)

    async def revoke(event: type[Event]) -> None:
        async with admin_stream(installation.nats.admin_url) as js:
            await delete_integration(js, name_of(event))
            await let_in(installation.nats, js)

    def name_of(event: type[Event]) -> str:
        return f"together-{event.__name__.lower()}"

    def logins() -> set[str]:
        known = {integration.name for integration in installation.nats.integrations()}
        return known.intersection(map(name_of, events))

    await asyncio.gather(*map(create, events))
    assert await forwarded_subjects() == {event.subject for event in events}
    assert logins() == set(map(name_of, events))
    await asyncio.gather(*map(revoke, events))
    assert await forwarded_subjects() == set()
    assert logins() == set()


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
