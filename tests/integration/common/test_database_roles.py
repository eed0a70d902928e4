"""A role of PostgreSQL can touch its own schema and nothing else."""

import asyncpg
import pytest

from libs.common.ids import SERVICES, Service
from libs.local.schemas import apply_roles
from libs.local.secrets import generate
from tests.support.database import Database
from tests.support.installation_rows import run


async def test_a_role_works_in_its_own_schema(database: Database) -> None:
    for service in SERVICES:
        await run(
            database.url_for(service),
            "CREATE TABLE probe (id int)",
            "INSERT INTO probe VALUES (1)",
            f"DROP TABLE {service}.probe",
        )


@pytest.mark.parametrize("owner", SERVICES)
async def test_a_schema_is_closed_to_the_roles_of_the_others(database: Database, owner: Service) -> None:
    await run(database.url_for(owner), "CREATE TABLE probe (id int)")
    for intruder in (service for service in SERVICES if service != owner):
        for statement in (
            f"SELECT * FROM {owner}.probe",
            f"INSERT INTO {owner}.probe VALUES (1)",
            f"CREATE TABLE {owner}.mine (id int)",
            f"SET ROLE pingcrm_{owner}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await run(database.url_for(intruder), statement)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE ROLE mine",
        "SELECT pg_read_file('/etc/hostname')",
        "SELECT rolpassword FROM pg_authid",
    ],
)
async def test_a_role_can_do_nothing_outside_its_schema(database: Database, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(database.url_for("contacts"), statement)


async def test_a_wrong_password_is_refused(database: Database) -> None:
    url = Database(database.admin_url, generate()).url_for("auth")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url)


async def test_roles_can_be_applied_again_and_take_a_new_password(database: Database) -> None:
    changed = generate()
    try:
        await apply_roles(database.admin_url, changed)
        await run(Database(database.admin_url, changed).url_for("sync"), "SELECT 1")
    finally:  # roles belong to the server, which other tests use
        await apply_roles(database.admin_url, database.secrets)
