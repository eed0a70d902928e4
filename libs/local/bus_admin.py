"""A short connection to the bus with the administrator's login."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from libs.common.bus.client import connect
from libs.local.urls import without_login

TIMEOUT_SECONDS = 20.0
RESETS = 3


class Unreachable(Exception):
    """A server did not respond in time, or refused the login; the message names it."""


async def connect_admin(nats_url: str) -> Client:
    """One attempt. Raises what nats raises: OSError, nats.errors.Error."""
    return await connect(
        nats_url,
        name="pingcrm",
        allow_reconnect=False,
        reconnect_time_wait=0,
        connect_timeout=5,
        error_cb=_ignore_error,
    )


async def _connect_patiently(nats_url: str) -> Client:
    """A server that reads its users anew ends the connections that are about to log in at that moment: they may come again at once."""
    for _ in range(RESETS):
        try:
            return await connect_admin(nats_url)
        except ConnectionError as error:
            if isinstance(error, ConnectionRefusedError):
                raise
    return await connect_admin(nats_url)


@asynccontextmanager
async def admin_stream(nats_url: str) -> AsyncIterator[JetStreamContext]:
    """JetStream, for as long as the context lasts. Raises Unreachable."""
    try:
        connection = await _connect_patiently(nats_url)
    except (OSError, nats.errors.Error) as error:
        raise Unreachable(f"NATS at {without_login(nats_url)} can't be reached: {error}") from error
    try:
        yield connection.jetstream(timeout=TIMEOUT_SECONDS)
    finally:
        await connection.close()


def is_clustered(connection: Client) -> bool:
    """Whether the server belongs to a cluster: it introduces itself with the cluster's name then."""
    return bool(connection._server_info.get("cluster"))


def why_not_copied(replicas: int, server: str) -> str:
    """Why a server that is no cluster can't keep so many copies of each stream, in a sentence with what to do."""
    return f"PINGCRM_STREAM_REPLICAS is {replicas}, and {server} is a single server: unset it, or name a cluster in PINGCRM_NATS_URL."


async def _ignore_error(_: Exception) -> None:
    """Errors reach us as exceptions of the calls; the client would print them as well."""
