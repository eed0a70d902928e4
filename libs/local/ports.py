"""Free TCP ports on the loopback interface."""

import asyncio
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.05


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


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
