"""Free TCP ports on the loopback interface."""

import asyncio
import errno
import os
import random
import socket
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.05
# Below what Linux and macOS give to those who connect, or listen on any port: else one of them could have a server's while it restarts.
PORTS = range(12_000, 32_768)

_turns: dict[int, Iterator[int]] = {}


def free_port() -> int:
    """A port that nobody listens on now.

    Each process goes through all of them from a place of its own, so that no two get the same one after the other either.
    """
    turn = _turns.get(os.getpid())
    if turn is None:
        start = random.randrange(len(PORTS))
        turn = islice(cycle(PORTS), start, None)
        _turns.clear()  # a fork has its own
        _turns[os.getpid()] = turn
    return next(port for port in islice(turn, len(PORTS)) if is_free(port))


def why_taken(port: int, host: str = LOOPBACK) -> OSError | None:
    """Why no server could listen there; None where one could."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there."""
    return why_taken(port, host) is None


async def why_not_served(port: int, host: str = LOOPBACK, seconds: float = 2.0) -> str | None:
    """A sentence about why no server can listen there, with what to do; None where one can, now or in a moment.

    Who was killed just now may still hold the port.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while (error := why_taken(port, host)) is not None:
        if error.errno != errno.EADDRINUSE or asyncio.get_running_loop().time() > deadline:
            return refusal(error, port, host)
        await asyncio.sleep(POLL_SECONDS)
    return None


def refusal(error: OSError, port: int, host: str) -> str:
    """Why nobody can listen there, in a sentence with what to do."""
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"PINGCRM_HOST is {host}, which is no address of this machine: unset it, or write 0.0.0.0 to listen on all of them."
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program: choose another with --port or PINGCRM_PORT."
    if error.errno == errno.EACCES:
        return f"Port {port} is for administrators: choose one above 1023 with --port or PINGCRM_PORT, and a proxy before it."
    return f"Nobody can listen at port {port} of {host} ({error.strerror}): check PINGCRM_HOST and PINGCRM_PORT."


def choose_port(file: Path) -> int:
    """The port of the last start, as written in `file`, if it is still free; else another one, which is written there."""
    try:
        port = int(file.read_text())
    except (OSError, ValueError):
        port = 0
    if port == 0 or not is_free(port):
        port = free_port()
        file.write_text(f"{port}\n")
    return port
