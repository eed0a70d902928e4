"""Free TCP ports on the loopback interface."""

import asyncio
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


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


async def until_free(port: int, host: str = LOOPBACK, seconds: float = 2.0) -> bool:
    """Whether a server could listen there, now or in a moment: who was killed just now may still hold it."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not is_free(port, host):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


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
