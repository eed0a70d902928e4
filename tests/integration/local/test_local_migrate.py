"""`pingcrm migrate`: everything is there afterwards, however often and by however many it is run."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from nats.js.api import ConsumerConfig

from libs.common.events import TICKS, MessageIngested
from libs.common.ids import SERVICES
from libs.common.topology import ACK_WAIT_SECONDS, CONSUMERS, FORWARDER, consumer_of, schedule_subject, streams
from libs.local import schemas, views
from libs.local.bus_admin import Unreachable, admin_stream
from libs.local.migrate import migrate, migrate_bus, migrate_database
from libs.local.ports import free_port
from libs.local.schemas import MigrationFailed
from libs.local.secrets import Secrets, generate
from libs.local.servers import Nats
from libs.local.urls import postgres_url
from libs.local.views import apply_views
from tests.support.database import Database
from tests.support.servers import Servers


@pytest_asyncio.fixture
async def nats_server(own_nats_server: Nats) -> Nats:
    """All that is declared is there, schedules too; what is declared is changed here."""
    await migrate_bus(own_nats_server.admin_url)
    return own_nats_server


async def test_streams_and_consumers_are_those_of_the_topology(nats_server: Nats) -> None:
    async with admin_stream(nats_server.admin_url) as js:
        assert {info.config.name for info in await js.streams_info()} == {config.name for config in streams(1)}
        for stream in ("EVENTS", "CLOCK"):
            found = {
                info.name: tuple(info.config.filter_subjects or [info.config.filter_subject])
                for info in await js.consumers_info(stream)
            }
            forwarder = (
                {FORWARDER.name: tuple(FORWARDER.config([]).filter_subjects or ())} if stream == "EVENTS" else {}
            )
            assert found == {c.name: c.subjects for c in CONSUMERS if c.stream == stream} | forwarder


async def test_schedules_are_published_once_and_survive_further_migrations(nats_server: Nats) -> None:
    async with admin_stream(nats_server.admin_url) as js:
        before = {tick: await js.get_last_msg("CLOCK", schedule_subject(tick)) for tick in TICKS}
        assert (await migrate_bus(nats_server.admin_url)).published_schedules == ()
        for tick, message in before.items():
            after = await js.get_last_msg("CLOCK", schedule_subject(tick))
            assert after.seq == message.seq
            assert after.headers is not None
            assert after.headers["Nats-Schedule"] == tick.schedule
            assert after.headers["Nats-Schedule-Target"] == tick.subject


async def test_a_schedule_that_reads_otherwise_is_replaced(nats_server: Nats) -> None:
    tick = TICKS[0]
    async with admin_stream(nats_server.admin_url) as js:
        former = {"Nats-Schedule": "@every 1h", "Nats-Schedule-Target": tick.subject}
        await js.publish(schedule_subject(tick), b"{}", headers=former)
        assert (await migrate_bus(nats_server.admin_url)).published_schedules == (tick.subject,)
        stored = await js.get_last_msg("CLOCK", schedule_subject(tick))
        assert stored.headers is not None
        assert stored.headers["Nats-Schedule"] == tick.schedule
        assert (await js.stream_info("CLOCK", subjects_filter="schedule.>")).state.subjects is not None


async def test_a_schedule_fires_its_clock(nats_server: Nats) -> None:
    async with admin_stream(nats_server.admin_url) as js:
        headers = {"Nats-Schedule": "@every 1s", "Nats-Schedule-Target": "clock.prep"}
        await js.publish("schedule.prep", b"{}", headers=headers)
        subscription = await js.pull_subscribe_bind(consumer="sync_clock_prep", stream="CLOCK")
        (fired,) = await subscription.fetch(1, timeout=10)
        assert fired.data == b"{}"


async def test_a_consumer_that_the_topology_forgot_is_deleted_and_a_visitors_is_not(nats_server: Nats) -> None:
    async with admin_stream(nats_server.admin_url) as js:
        await js.add_consumer(
            "EVENTS", ConsumerConfig(durable_name="contacts_former", filter_subject="message.ingested")
        )
        visitor = await js.add_consumer(
            "EVENTS", ConsumerConfig(filter_subject="message.ingested", inactive_threshold=60)
        )
        assert (await migrate_bus(nats_server.admin_url)).deleted_consumers == ("contacts_former",)
        assert visitor.name in {info.name for info in await js.consumers_info("EVENTS")}


async def test_a_migration_gives_streams_and_consumers_the_settings_that_they_should_have(nats_server: Nats) -> None:
    wanted, consumer = streams(1), consumer_of("contacts", MessageIngested)
    async with admin_stream(nats_server.admin_url) as js:
        for stream in wanted:
            await js.update_stream(stream, max_age=3600.0 if stream.name != "CLOCK" else 0.0, max_msgs=10)
        await js.add_consumer("EVENTS", consumer.config(), ack_wait=5.0)
        await migrate_bus(nats_server.admin_url)
        for stream in wanted:
            found = (await js.stream_info(str(stream.name))).config
            assert (found.max_age, found.max_msgs) == (stream.max_age or 0, -1), stream.name
        assert (await js.consumer_info("EVENTS", consumer.name)).config.ack_wait == ACK_WAIT_SECONDS


async def test_messages_that_wait_survive_a_migration(nats_server: Nats) -> None:
    async with admin_stream(nats_server.admin_url) as js:
        await js.publish("message.ingested", b"{}")
        await migrate_bus(nats_server.admin_url)
        subscription = await js.pull_subscribe_bind(consumer="contacts_message_ingested", stream="EVENTS")
        assert len(await subscription.fetch(1, timeout=5)) == 1


async def test_several_migrations_at_once_take_turns(servers: Servers, nats_server: Nats, secrets: Secrets) -> None:
    url = (await servers.postgres()).url("migrated_at_once")
    await asyncio.gather(*(migrate(url, nats_server.admin_url, secrets) for _ in range(3)))
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch("SELECT nspname FROM pg_namespace WHERE nspname = ANY($1)", list(SERVICES))
        assert {row["nspname"] for row in found} == set(SERVICES)
    finally:
        await connection.close()


async def test_migrations_run_as_the_services_own_role_in_its_own_schema(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "services" / "prep" / "migrations"
    folder.mkdir(parents=True)
    (folder / "20990101000000_probe.sql").write_text(
        "-- migrate:up\nCREATE TABLE probe (id int);\n\n-- migrate:down\nDROP TABLE probe;\n"
    )
    monkeypatch.setattr(schemas, "ROOT", tmp_path)
    for _ in range(2):
        await migrate_database(database.admin_url, database.secrets)
    connection = await asyncpg.connect(database.admin_url)
    try:
        owner = await connection.fetchval(
            "SELECT tableowner FROM pg_tables WHERE schemaname = 'prep' AND tablename = 'probe'"
        )
        assert owner == "pingcrm_prep"
        noted = await connection.fetch("SELECT version FROM prep.schema_migrations WHERE version = '20990101000000'")
        assert len(noted) == 1
    finally:
        await connection.close()


async def test_a_migration_that_fails_names_its_service_and_the_reason(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "services" / "prep" / "migrations"
    folder.mkdir(parents=True)
    (folder / "20990101000000_bad.sql").write_text(
        "-- migrate:up\nCREATE TABLE contacts.probe (id int);\n\n-- migrate:down\n"
    )
    monkeypatch.setattr(schemas, "ROOT", tmp_path)
    with pytest.raises(MigrationFailed, match=r"The migrations of prep failed: [\s\S]*permission denied"):
        await migrate_database(database.admin_url, database.secrets)


def write_views(root: Path, **definitions: str) -> None:
    """The `views/` folder of the service `prep` below `root`, and nothing else."""
    folder = root / "services" / "prep" / "views"
    folder.mkdir(parents=True, exist_ok=True)
    for name, definition in definitions.items():
        (folder / f"{name}.sql").write_text(definition)


RULE = "CREATE OR REPLACE FUNCTION rule() RETURNS int LANGUAGE sql IMMUTABLE RETURN {};"
BOARD = "CREATE OR REPLACE VIEW board AS SELECT rule() AS n;"


async def test_views_are_replaced_when_their_file_changes_and_left_alone_when_not(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ROOT", tmp_path)
    connection = await asyncpg.connect(database.url_for("prep"))
    try:
        versions = []
        for rule in (1, 1, 2):
            write_views(tmp_path, rule=RULE.format(rule), board=BOARD)
            await migrate_database(database.admin_url, database.secrets)
            assert await connection.fetchval("SELECT n FROM board") == rule
            made = "SELECT xmin::text FROM pg_proc WHERE oid = 'rule'::regproc"
            versions.append(await connection.fetchval(made))
        assert versions[0] == versions[1] != versions[2]
        owner = await connection.fetchval("SELECT viewowner FROM pg_views WHERE viewname = 'board'")
        assert owner == "pingcrm_prep"
    finally:
        await connection.close()


async def test_views_that_several_migrations_put_in_force_at_once_are_all_of_one_release(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ROOT", tmp_path)
    connection = await asyncpg.connect(database.url_for("prep"))
    try:
        for rule in range(1, 5):
            write_views(tmp_path, rule=RULE.format(rule), board=BOARD + f" -- release {rule}")
            await asyncio.gather(*(apply_views(database.admin_url, database.secrets) for _ in range(8)))
            assert await connection.fetchval("SELECT n FROM board") == rule
    finally:
        await connection.close()


async def test_of_views_of_which_one_fails_none_is_in_force(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ROOT", tmp_path)
    write_views(tmp_path, rule=RULE.format(1), board=BOARD.replace("rule()", "rule() / nothing"))
    with pytest.raises(MigrationFailed, match=r'The views of prep failed: column "nothing" does not exist'):
        await migrate_database(database.admin_url, database.secrets)
    connection = await asyncpg.connect(database.url_for("prep"))
    try:
        assert await connection.fetchval("SELECT to_regproc('rule')") is None
    finally:
        await connection.close()


async def test_a_server_that_is_not_there_is_named_without_its_password(secrets: Secrets) -> None:
    port = free_port()
    with pytest.raises(
        Unreachable, match=f"PostgreSQL at postgresql://127.0.0.1:{port}/pingcrm did not answer within 0 s"
    ):
        await migrate_database(f"postgresql://postgres:private@127.0.0.1:{port}/pingcrm", secrets, timeout=0.1)
    with pytest.raises(Unreachable, match=f"NATS at nats://127.0.0.1:{port} did not answer"):
        await migrate_bus(f"nats://admin:private@127.0.0.1:{port}", timeout=0.1)


async def test_a_refused_login_is_reported_at_once(database: Database) -> None:
    url = postgres_url(database.admin_url, "auth", generate())
    with pytest.raises(Unreachable, match="refused the login"):
        await migrate_database(url, database.secrets, timeout=60)
