"""The three servers: reached, or startable from their wheels; and whether they are set up as the services need them."""

import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

import asyncpg
import nats.errors
import redis.asyncio
import redis.exceptions

from libs.common.cache_access import NAMESPACES
from libs.common.ids import SERVICES, Service
from libs.common.topology import MAX_PAYLOAD_BYTES
from libs.local.bus_admin import connect_admin, is_clustered, why_not_copied
from libs.local.doctor.finding import Finding
from libs.local.doctor.place import Place, command_of
from libs.local.environment import Servers, redis_url_name
from libs.local.servers import ServerFailed, majors
from libs.local.servers import nats as nats_server
from libs.local.servers import valkey as valkey_server
from libs.local.urls import without_login

CLOCKS_DIFFER_SECONDS = 2.0
UNUSABLE = (
    OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, nats.errors.Error, redis.exceptions.RedisError,
)  # fmt: skip


async def check_servers(servers: Servers, stream_replicas: int = 1, place: Place = "up") -> AsyncIterator[Finding]:
    """Each server: reached, or startable from its wheel; NATS with that many copies of each stream."""
    for name, variable, url, program in (
        ("PostgreSQL", "PINGCRM_POSTGRES_URL", servers.postgres, majors.programs),
        ("NATS", "PINGCRM_NATS_URL", servers.nats, nats_server.program),
        ("Redis", "PINGCRM_REDIS_URL", servers.redis, valkey_server.program),
    ):
        if not url:
            for finding in _check_unnamed(name, variable, program, place):
                yield finding
            continue
        where = f"{name} at {without_login(url)}"
        try:
            findings = await (_reach_nats(url, stream_replicas, place) if name == "NATS" else _REACH[name](url))
        except UNUSABLE as error:
            yield Finding("wrong", f"{where} can't be used ({_reason(error)}): start it, or correct {variable}.")
        else:
            yield Finding("ok", f"{where} answers.")
            for finding in findings:
                yield finding
    if not servers.nats:
        for finding in check_copies(stream_replicas, "the embedded NATS", clustered=False):
            yield finding


def _check_unnamed(name: str, variable: str, program: Callable[[], object], place: Place) -> Iterator[Finding]:
    """A server without a URL: `up` starts its own, a service needs one, and the migration has nothing to do with it."""
    match place:
        case "up":
            try:
                program()
            except ServerFailed as error:
                yield Finding("wrong", str(error))
            else:
                yield Finding("ok", f"{name} is embedded: `pingcrm up` starts it.")
        case "migrate":
            return
        case _:
            yield Finding("wrong", f"{variable} is not set, and `{command_of(place)}` needs it.")


def _reason(error: Exception) -> str:
    """Why a driver gave up, without the number of the error."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message.rstrip('.')}; PINGCRM_TLS_CA names who is trusted"
    return (isinstance(error, OSError) and error.strerror) or str(error).rstrip(".") or type(error).__name__


async def check_redis_logins(servers: Servers, place: Place = "up") -> AsyncIterator[Finding]:
    """Where the server is not ours: whether each service has a login of its own, and may use the keys that it needs."""
    shared = [service for service in SERVICES if service not in servers.redis_of]
    if place == "up" and servers.redis and shared:
        yield Finding(
            "note",
            f"One Redis login is shared by {', '.join(shared)}: each can read the others' keys. `pingcrm redis-acl` prints"
            f" users with keys of their own; name them in {redis_url_name(shared[0])} and so on.",
        )
    for service, (variable, url) in _redis_logins(servers, place).items():
        try:
            async with _redis_client(url) as client:
                for namespace in NAMESPACES[service]:
                    await client.get(f"{namespace}:doctor")
        except UNUSABLE as error:
            where = f"The Redis login of {service} at {without_login(url)}"
            remedy = f"`pingcrm redis-acl` prints its user; correct {variable}"
            yield Finding("wrong", f"{where} can't be used ({_reason(error)}): {remedy}.")


def _redis_logins(servers: Servers, place: Place) -> Mapping[Service, tuple[str, str]]:
    """The variable and the URL of each service's own login, as far as the place has them."""
    match place:
        case "up":
            return {service: (redis_url_name(service), url) for service, url in servers.redis_of.items()}
        case "migrate":
            return {}
        case service:
            return {service: ("PINGCRM_REDIS_URL", servers.redis)} if servers.redis else {}


async def _reach_postgres(url: str) -> Sequence[Finding]:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        before = time.time()
        theirs: float = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8", timeout=5)
        after = time.time()
    finally:
        await connection.close(timeout=5)
    return tuple(check_clock((before + after) / 2 - theirs))


def check_clock(ahead_seconds: float) -> Iterator[Finding]:
    """Whether our clock goes with PostgreSQL's, by which the leases of all services go."""
    if abs(ahead_seconds) >= CLOCKS_DIFFER_SECONDS:
        way = "ahead of" if ahead_seconds > 0 else "behind"
        yield Finding(
            "note",
            f"The clock of this machine is {abs(ahead_seconds):,.0f} s {way} that of PostgreSQL: have NTP set the clocks of all machines,"
            " or services refuse each other's requests as late, and Google's sign-in as one of another time.",
        )


async def _reach_nats(url: str, stream_replicas: int, place: Place) -> Sequence[Finding]:
    """What only an administrator may ask for is looked at with an administrator's login, which no service has."""
    connection = await connect_admin(url)
    try:
        if place not in SERVICES:
            await connection.jetstream().account_info()
    finally:
        await connection.close()
    copies = check_copies(stream_replicas, f"NATS at {without_login(url)}", clustered=is_clustered(connection))
    return (*check_max_payload(connection.max_payload), *copies)


def check_copies(stream_replicas: int, server: str, *, clustered: bool) -> Iterator[Finding]:
    """A single server keeps one copy; asked for more, it refuses the streams."""
    if stream_replicas > 1 and not clustered:
        yield Finding("wrong", why_not_copied(stream_replicas, server))


def check_max_payload(max_payload_bytes: int) -> Iterator[Finding]:
    """What does not fit is refused by name, so too little is a pity and no danger."""
    if max_payload_bytes < MAX_PAYLOAD_BYTES:
        yield Finding(
            "note",
            f"NATS carries messages of at most {max_payload_bytes:,} bytes: set max_payload to {MAX_PAYLOAD_BYTES}, as"
            " `pingcrm nats-config` does, or large replies are refused.",
        )


def _redis_client(url: str) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)


async def _reach_redis(url: str) -> Sequence[Finding]:
    async with _redis_client(url) as client:
        await client.ping()
    return ()


_REACH = {"PostgreSQL": _reach_postgres, "Redis": _reach_redis}
