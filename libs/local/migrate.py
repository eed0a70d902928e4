"""Everything that must be there before the services start, in the order in which it must come. As often as you like."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import nats.errors
import nats.js.errors

from libs.local.bus_admin import Unreachable, connect_admin, is_clustered, why_not_copied
from libs.local.row_security import apply_row_security
from libs.local.schemas import MigrationFailed, apply_migrations, apply_roles, create_database
from libs.local.secrets import Secrets
from libs.local.streams import Declared, declare
from libs.local.urls import database_of, without_login
from libs.local.views import apply_views
from libs.local.waiting import Report, explained

RETRY_SECONDS = 0.5
NO_ROOM = 10047  # "insufficient storage resources available"
T = TypeVar("T")


def _report_nothing(_: str) -> None:
    """For callers without a person."""


async def migrate(
    postgres_url: str,
    nats_url: str,
    secrets: Secrets,
    *,
    replicas: int = 1,
    timeout: float = 60.0,
    report: Report = _report_nothing,
) -> Declared:
    """Database, roles, schemas, tables and views; then streams, consumers and schedules. Both URLs are administrators'.

    Waits `timeout` seconds for each server, and reports what it waits for. Raises Unreachable, MigrationFailed, or what the servers
    refuse.
    """
    async with explained(lambda: f"PostgreSQL at {without_login(postgres_url)} and its migrations", report):
        await migrate_database(postgres_url, secrets, timeout=timeout)
    async with explained(lambda: f"NATS at {without_login(nats_url)} and its streams", report):
        return await migrate_bus(nats_url, replicas=replicas, timeout=timeout)


async def migrate_database(postgres_url: str, secrets: Secrets, *, timeout: float = 60.0) -> None:
    if not database_of(postgres_url):
        raise Unreachable(f"The URL {without_login(postgres_url)} names no database: add /pingcrm at its end.")
    try:
        await _until_reached("PostgreSQL", postgres_url, lambda: create_database(postgres_url), timeout)
        await apply_roles(postgres_url, secrets)
    except asyncpg.InsufficientPrivilegeError as error:
        raise MigrationFailed(
            f"PostgreSQL at {without_login(postgres_url)} refused: {error}. The login of PINGCRM_POSTGRES_URL must be"
            " an administrator's: a superuser, or the database's owner with CREATEROLE."
        ) from error
    await apply_migrations(postgres_url, secrets)
    await apply_views(postgres_url, secrets)
    await apply_row_security(postgres_url, secrets)


async def migrate_bus(nats_url: str, *, replicas: int = 1, timeout: float = 60.0) -> Declared:
    connection = await _until_reached("NATS", nats_url, lambda: connect_admin(nats_url), timeout)
    try:
        if replicas > 1 and not is_clustered(connection):
            raise MigrationFailed(why_not_copied(replicas, f"NATS at {without_login(nats_url)}"))
        return await declare(connection, replicas)
    except nats.js.errors.APIError as error:
        if error.err_code != NO_ROOM:
            raise
        raise MigrationFailed(
            f"NATS at {without_login(nats_url)} has no room for its streams: make room on its disk, or allow it more"
            " (max_file_store)."
        ) from error
    finally:
        await connection.close()


async def _until_reached(server: str, url: str, attempt: Callable[[], Awaitable[T]], timeout: float) -> T:
    """A server that is still starting is waited for; one that refuses our login is not."""
    deadline = asyncio.get_running_loop().time() + timeout
    while True:
        try:
            return await attempt()
        except (asyncpg.InvalidAuthorizationSpecificationError, nats.errors.AuthorizationError) as error:
            raise Unreachable(f"{server} at {without_login(url)} refused the login: {error}") from error
        except (asyncpg.ClientConfigurationError, ValueError) as error:
            raise Unreachable(f"{server}'s URL {without_login(url)} can't be read: {error}.") from error
        except (
            OSError,
            TimeoutError,
            asyncpg.PostgresConnectionError,
            asyncpg.CannotConnectNowError,
            nats.errors.Error,
        ) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise Unreachable(
                    f"{server} at {without_login(url)} did not answer within {timeout:.0f} s: {error}"
                ) from error
        await asyncio.sleep(RETRY_SECONDS)
