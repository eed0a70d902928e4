"""What is done on behalf of one user reaches the rows of that user alone, whatever the statements forget (docs/decisions/0012)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from libs.common import db
from libs.common.bus import Bus
from libs.common.cache import open_cache
from libs.common.db import Pool, on_behalf_of, open_pool
from libs.common.ids import SERVICES, AccountId, UserId, new_id
from libs.common.requests import CountContacts, Counts
from libs.local.row_security import OPEN, POLICY, access_to, apply_row_security
from services.gateway.api import me
from services.gateway.domain.notifications import NewNotification
from services.gateway.store.notifications import insert_notification
from tests.conftest import ServiceSettings
from tests.support.database import Database
from tests.support.gateway import running_gateway

ALICE, BOB = UserId(new_id()), UserId(new_id())
# No request on behalf of a user needs them.
CLOSED = {
    *(f"{service}.schema_migrations" for service in SERVICES),
    "gateway.webhook_deliveries",
    "sync.audit_missing",
    "sync.audit_pages",
    "sync.forgotten",
}
WHO = "SELECT current_user || ' ' || coalesce(current_setting('pingcrm.user_id', true), '')"
ADD = "INSERT INTO own_addresses (user_id, source, address) VALUES ($1, 'settings', $2)"


def as_user(user_id: UserId) -> str:
    return f"pingcrm_contacts_user {user_id}"


@pytest_asyncio.fixture
async def pool(database: Database, service_settings: ServiceSettings) -> AsyncIterator[Pool]:
    """Of `contacts`, and of one connection: everybody has it after somebody else. Alice and Bob have an address each."""
    opened = await open_pool(service_settings("contacts").model_copy(update={"pool_size": 1}))
    for user_id in (ALICE, BOB):
        await opened.execute(ADD, user_id, f"{user_id}@x.example")
    yield opened
    await opened.close()


async def test_every_table_has_a_policy_or_a_reason_for_none(database: Database) -> None:
    connection = await asyncpg.connect(database.admin_url)
    tables = await connection.fetch(
        """SELECT n.nspname AS service, c.relname AS name, c.relrowsecurity AND NOT c.relforcerowsecurity AS secured,
               EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'user_id') AS has_user,
               (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = $2) AS policies,
               has_table_privilege('pingcrm_' || n.nspname || '_user', c.oid, 'INSERT') AS granted,
               has_any_column_privilege('pingcrm_' || n.nspname || '_user', c.oid, 'SELECT') AS readable
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY($1::text[]) AND c.relkind IN ('r', 'p')""",
        list(SERVICES),
        POLICY,
    )
    views = await connection.fetch(
        "SELECT relname, reloptions FROM pg_class WHERE relnamespace = ANY($1::regnamespace[]) AND relkind = 'v'",
        list(SERVICES),
    )
    await connection.close()
    for table in tables:
        name = f"{table['service']}.{table['name']}"
        access = access_to(table["service"], table["name"], has_user=table["has_user"])
        assert (table["secured"], table["policies"]) == (access == "policy", access == "policy"), name
        assert table["granted"] == table["readable"] == (access != "closed"), name
        assert (name in OPEN) + (name in CLOSED) + (access == "policy") == 1, (
            f"Teach row_security.py whose the rows of {name} are."
        )
    assert [view["relname"] for view in views if "security_invoker=true" not in (view["reloptions"] or [])] == []


async def test_a_new_table_with_a_user_is_secured_and_one_without_is_closed(database: Database) -> None:
    async def execute(*statements: str) -> None:
        connection = await asyncpg.connect(database.url_for("contacts"))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    await execute("CREATE TABLE with_user (user_id uuid)", "CREATE TABLE without (id int)")
    await apply_row_security(database.admin_url, database.secrets)
    role = "SET ROLE pingcrm_contacts_user"
    await execute(role, f"SET pingcrm.user_id = '{ALICE}'", f"INSERT INTO with_user VALUES ('{ALICE}')")
    for refused in (
        f"INSERT INTO with_user VALUES ('{BOB}')",
        "SELECT FROM without",
        "SET pingcrm.user_id = ''; SELECT FROM with_user",
    ):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidTextRepresentationError)):
            await execute(role, f"SET pingcrm.user_id = '{ALICE}'", refused)
    with pytest.raises(asyncpg.UndefinedObjectError):
        await execute(role, "SELECT FROM with_user")


async def test_a_connection_works_for_whoever_acquires_it(pool: Pool) -> None:
    assert await pool.fetchval(WHO) == "pingcrm_contacts "
    for user_id in (ALICE, BOB, BOB, ALICE):
        with on_behalf_of(user_id):
            assert await pool.fetchval(WHO) == as_user(user_id)
            assert await asyncio.create_task(pool.fetchval(WHO)) == as_user(user_id)
            assert await pool.fetchval("SELECT array_agg(user_id) FROM own_addresses") == [user_id]
            with on_behalf_of(None):
                assert await pool.fetchval("SELECT count(*) FROM own_addresses") == 2
    assert await pool.fetchval(WHO) == "pingcrm_contacts "


async def test_on_behalf_of_a_user_nobody_elses_rows_are_written(pool: Pool) -> None:
    with on_behalf_of(BOB):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(ADD, ALICE, "mine@x.example")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute("UPDATE own_addresses SET user_id = $1", ALICE)
        assert await pool.execute("UPDATE own_addresses SET address = 'x'") == "UPDATE 1"
        assert await pool.execute("DELETE FROM own_addresses") == "DELETE 1"
    assert await pool.fetchval("SELECT array_agg(user_id) FROM own_addresses") == [ALICE]


async def test_who_is_interrupted_while_it_becomes_somebody_leaves_nothing_to_the_next(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has changed the role, and its confirmation was not waited for."""
    fetchrow = db._UserConnection.fetchrow

    async def cut_off(self: Any, *arguments: Any) -> None:
        await fetchrow(self, *arguments)
        raise ConnectionError

    monkeypatch.setattr(db._UserConnection, "fetchrow", cut_off)
    connection: Any = await pool.acquire()
    with pytest.raises(ConnectionError):
        await connection.work_for(ALICE)
    await pool.release(connection)
    assert await pool.fetchval(WHO) == "pingcrm_contacts "


async def test_a_request_is_handled_on_behalf_of_its_user(service_settings: ServiceSettings, pool: Pool) -> None:
    """Whatever the handler does; a request that names no user is for all."""
    seen: list[str] = []

    async def look(_: object) -> Counts:
        seen.append(await pool.fetchval(WHO))
        return Counts(contacts=0, messages=0, meetings=0, imported=0, other=0)

    buses = []
    for service in ("contacts", "gateway"):
        settings = service_settings(service)  # type: ignore[arg-type]
        buses.append(Bus(settings, service, open_cache(settings, service)))  # type: ignore[arg-type]
    contacts, gateway = buses
    contacts.respond(CountContacts, look)
    async with contacts, gateway:
        for user_id in (ALICE, BOB):
            await gateway.request(CountContacts(user_id=user_id))
    assert seen == [as_user(ALICE), as_user(BOB)]
    for bus in buses:
        await bus.cache.close()


async def test_a_call_of_the_api_is_made_on_behalf_of_its_caller(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where one connection carries the calls of several people, one after the other."""

    async def count_all(pool: Pool, _: UserId) -> int:
        found: int = await pool.fetchval("SELECT count(*) FROM notifications")
        return found

    monkeypatch.setattr(me, "count_unread", count_all)
    async with running_gateway(service_settings) as running, running.client(None) as http:
        for user, number in ((running.world.alice, 2), (running.world.bob, 1)):
            for note in range(number):
                new = NewNotification(
                    user_id=user.id, account_id=AccountId(new_id()), kind="sync.failed", level="info", title="", body="",
                    link="/", event_key=str(note),
                )  # fmt: skip
                async with running.resources.db.acquire() as connection, connection.transaction():
                    await insert_notification(connection, new)
        for token, unread in (("pcrm_alice", 2), ("pcrm_bob", 1), ("pcrm_alice", 2)):
            async with http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}) as response:
                assert (await response.json())["unread_notifications"] == unread
        assert await count_all(running.resources.db, ALICE) == 3
