"""`pingcrm integration` on real servers: what a program of others gets, may publish, is refused, and what is left when it is revoked."""

import asyncio
import json
import signal
from pathlib import Path

import psutil

from libs.common.events import (
    ContactChanged,
    Event,
    InteractionReported,
    MeetingUpcoming,
    MessageIngested,
    PrepFailed,
    PrepSent,
    SyncCompleted,
    SyncFailed,
)
from libs.common.ids import ContactId, UserId, new_id
from libs.common.integrations import Grants
from libs.local.bus_admin import admin_stream
from libs.local.integration_logins import let_in, until_in_force
from libs.local.integrations import create_integration, delete_integration
from libs.local.migrate import migrate_bus
from libs.local.servers import Nats
from tests.support.bus import ACCOUNT, OpenBus, alive
from tests.support.bus_programs import LISTENER, lines_of, report, start, url_in
from tests.support.integrations import (
    ADDRESS,
    JONAS,
    MAYA,
    Installation,
    Program,
    connected,
    forwarding_contacts,
    installed_database,
    installed_nats,
    mail,
    until,
)

database, nats_server = installed_database, installed_nats


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


def reported(user: UserId, platform: str = "telegram") -> bytes:
    event = {
        "user_id": str(user), "platform": platform, "ref": "1", "occurred_at": "2026-01-31T12:00:00Z", "direction": "inbound",
        "kind": "message", "identities": [],
    }  # fmt: skip
    return json.dumps(event).encode()


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
    rows = {row["name"]: row for row in json.loads(await installation.pingcrm("integration", "list", "--json"))}
    assert rows["undisturbed"]["subscribes to"] == ["message.ingested"]


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


async def test_two_hundred_integrations_cost_less_than_twenty_megabytes(installation: Installation) -> None:
    """Of a server that has just started, without them and with them: what making them has left to be collected is nobody's cost."""
    names = [f"many-{number}" for number in range(200)]
    grants = Grants(subscribe=(MessageIngested, MeetingUpcoming, ContactChanged), users=(MAYA,))
    before = await memory_of_a_fresh_start(installation.nats)
    async with admin_stream(installation.nats.admin_url) as js:
        made = [await create_integration(js, name, grants) for name in names]
        await let_in(installation.nats, js)
        await until_in_force(made[-1].url(installation.nats.admin_url), accepted=True)
    after = await memory_of_a_fresh_start(installation.nats)
    assert after - before < 20_000_000
    await until_in_force(made[-1].url(installation.nats.admin_url), accepted=True)
    async with admin_stream(installation.nats.admin_url) as js:
        for name in names:
            await js.delete_consumer("INTEGRATIONS", name)
        await let_in(installation.nats, js)


async def memory_of_a_fresh_start(server: Nats) -> int:
    """The bytes that the server has in memory once it has read everything that it keeps."""
    await server.restart()
    assert server.process
    return int(psutil.Process(server.process.pid).memory_info().rss)
