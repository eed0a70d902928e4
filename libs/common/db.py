"""PostgreSQL: one pool per process, logged in as the service's own role, whose search path is its own schema."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import wraps
from random import uniform
from typing import Any, ParamSpec, TypeAlias, TypeVar

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from libs.common.config import Settings
from libs.common.errors import Outage
from libs.common.ids import UserId
from libs.common.tls import with_tls_files

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Record: TypeAlias = asyncpg.Record

P = ParamSpec("P")
T = TypeVar("T")

# What says that the database is away or overloaded, not that our SQL is wrong: worth another try, no failure.
OUTAGES: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or a primary that became one: the next connection looks for the primary
    asyncpg.TargetServerAttributeNotMatched,  # none of the hosts in the URL is primary yet
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.DiskFullError,
)

# Two transactions met, and the server has undone one of them: in opposite orders, or one deleted what the other was about to refer
# to. Done again at once, it succeeds.
CONFLICTS: tuple[type[BaseException], ...] = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.ForeignKeyViolationError,
)
CONFLICT_TRIES = 4
CONFLICT_PAUSE_SECONDS = 0.02  # at most, before the first repetition

# The server ended a statement that took too long. That may lie in what it was about, and would be so again: a failure.
STATEMENT_TIMEOUTS: tuple[type[BaseException], ...] = (asyncpg.QueryCanceledError,)

# Three limits, so that each failure has its name. Waiting for others' locks: an outage. Working for too long: a statement's time-out.
# No reply at all, though the server should have ended the statement by itself: the connection is dead, an outage.
LOCK_TIMEOUT_SECONDS = 20
STATEMENT_TIMEOUT_SECONDS = 50
COMMAND_TIMEOUT_SECONDS = 60.0
LIMITS = {"statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS}s", "lock_timeout": f"{LOCK_TIMEOUT_SECONDS}s"}

# Rows are found by index. Plans are kept per connection: those made while a first import has just begun would scan whole tables,
# and go on doing so when these have grown, until the first ANALYZE.
PLANNER = {"enable_seqscan": "off"}


# What is not needed for so long is closed: a backend keeps 2 to 5 MB of catalog and plans, and a service at rest needs one or two.
# To open one again takes some milliseconds.
IDLE_CONNECTION_SECONDS = 30.0

# asyncpg asks the server about each kind of array when it first meets it, on every connection anew, with a query that takes longer
# than most of ours. These are PostgreSQL's own and never change: they are asked for once per process, over a connection of its own, for
# the query leaves catalog in its backend that nothing else reads.
_ARRAYS = (
    1000, 1005, 1007, 1016, 1022, 1182, 1185, 1187, 2951, 3807
)  # bool, int2, int4, int8, float8, date, timestamptz, interval, uuid, jsonb  # fmt: skip
_array_types: list[asyncpg.Record] = []


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """JSON columns are Python values in and out."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
        )
    connection._protocol.get_settings().register_data_types(_array_types)  # type: ignore[attr-defined]


async def _read_array_types(url: str) -> None:
    connection = await _connect(url)
    try:
        found, _ = await connection._introspect_types(_ARRAYS, COMMAND_TIMEOUT_SECONDS)  # type: ignore[attr-defined]
        _array_types[:] = found
    finally:
        await connection.close()


_on_behalf_of: ContextVar[UserId | None] = ContextVar("on_behalf_of", default=None)


@contextmanager
def on_behalf_of(user_id: UserId | None) -> Iterator[None]:
    """Every connection that is acquired inside reaches the rows of this user alone, whatever its statements ask for. None: of all users.

    Also in tasks that are begun inside.
    """
    token = _on_behalf_of.set(user_id)
    try:
        yield
    finally:
        _on_behalf_of.reset(token)


def act_on_behalf_of(user_id: UserId) -> None:
    """As `on_behalf_of`, for the rest of this task: a request over HTTP, which has one of its own, finds out on the way who the user is."""
    _on_behalf_of.set(user_id)


# As which role and for which user a connection works. The name of the role follows from the service's own (deploy/roles.sql).
_WORK_FOR_A_USER = "SELECT set_config('role', session_user || '_user', false), set_config('pingcrm.user_id', $1, false)"
_WORK_FOR_ALL = "SELECT set_config('role', 'none', false), set_config('pingcrm.user_id', '', false)"


class _UserConnection(asyncpg.Connection):
    """A connection that knows on whose behalf it works. It is told again only where that changes: a round trip."""

    _user: object = None

    async def work_for(self, user_id: UserId | None) -> None:
        if user_id == self._user:
            return
        self._user = object()  # neither of both, until the server has confirmed it
        if user_id is None:
            await self.execute(_WORK_FOR_ALL)
        else:
            await self.fetchrow(_WORK_FOR_A_USER, str(user_id))
        self._user = user_id


async def _enter(connection: Any) -> None:
    """As whoever acquires the connection."""
    await connection.work_for(_on_behalf_of.get())


async def _as_it_is(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nothing here outlives a transaction (SET LOCAL, pg_advisory_xact_lock) but for whom it works, which is looked at when it is acquired.

    A reset after each use would be a round trip for nothing.
    """


async def _connect(*args: Any, **kwargs: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """As asyncpg connects. Outage: nobody answers there. An OSError would be taken for the caller's own connection that is gone."""
    try:
        return await asyncpg.connect(*args, **kwargs)
    except OSError as error:
        raise _unreachable(error) from error


def _unreachable(error: Exception) -> Outage:
    return Outage(f"PostgreSQL can't be reached: {error}. Check PINGCRM_POSTGRES_URL.")


async def open_pool(settings: Settings) -> Pool:
    """A pool of at most `pool_size` connections. Outage: the database can't be reached or refuses the login."""
    url = with_tls_files(settings.postgres_url, settings.tls_files)
    try:
        if not _array_types:
            await _read_array_types(url)
        return await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=settings.pool_size,
            command_timeout=COMMAND_TIMEOUT_SECONDS,
            max_inactive_connection_lifetime=IDLE_CONNECTION_SECONDS,
            connection_class=_UserConnection,
            connect=_connect,
            init=_prepare,
            setup=_enter,
            reset=_as_it_is,
            server_settings={**PLANNER, **LIMITS},
        )
    except (asyncpg.PostgresError, asyncpg.ClientConfigurationError, asyncpg.TargetServerAttributeNotMatched) as error:
        raise _unreachable(error) from error


async def get_time(connection: "Connection | Pool") -> datetime:
    """What the database's clock shows. Leases and pauses go by it: the clocks of replicas differ."""
    now: datetime = await connection.fetchval("SELECT now()")
    return now


# More than may be held in memory here, so that the server writes it to its disk, and drops it.
_WRITE = "SELECT count(*) FROM generate_series(1, 20000)"
_IN_LITTLE_MEMORY = "SET LOCAL work_mem = '64kB'"


async def check_writable(pool: Pool) -> None:
    """Whether the database is there and has room to write; else what it raises, such as DiskFullError.

    Reading goes on while a disk is full, so a query that only reads finds nothing. Nothing is left behind.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_IN_LITTLE_MEMORY)
        await connection.execute(_WRITE)


def retry_conflicts(work: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Do it again at once where the server undid it because of another transaction, a few times.

    `work` is one transaction from beginning to end, or several that may each be repeated. Raises what the last try raised.
    """

    @wraps(work)
    async def retried(*args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(1, CONFLICT_TRIES):
            try:
                return await work(*args, **kwargs)
            except CONFLICTS:
                await asyncio.sleep(uniform(0, attempt * CONFLICT_PAUSE_SECONDS))  # not both again in the same moment
        return await work(*args, **kwargs)

    return retried
