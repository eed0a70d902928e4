"""PostgreSQL: one pool per process, logged in as the service's own role, whose search path is its own schema."""

from typing import TypeAlias

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from libs.common.config import Settings
from libs.common.errors import Outage

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Record: TypeAlias = asyncpg.Record

# What says that the database is away or overloaded, not that our SQL is wrong: worth another try, no strike.
OUTAGES: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.QueryCanceledError,
)
UniqueViolation = asyncpg.UniqueViolationError

COMMAND_TIMEOUT_SECONDS = 60.0


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """JSON columns are Python values in and out."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
        )


async def open_pool(settings: Settings) -> Pool:
    """A pool of at most `pool_size` connections. Outage: the database can't be reached or refuses the login."""
    try:
        return await asyncpg.create_pool(
            settings.postgres_url,
            min_size=1,
            max_size=settings.pool_size,
            command_timeout=COMMAND_TIMEOUT_SECONDS,
            max_inactive_connection_lifetime=300,
            init=_prepare,
        )
    except (OSError, asyncpg.PostgresError) as error:
        raise Outage(f"PostgreSQL can't be reached: {error}. Check PINGCRM_POSTGRES_URL.") from error
