"""Ports that servers are given."""

import os
import socket

from libs.local.ports import LOOPBACK, PORTS, free_port


def test_a_port_is_none_that_the_system_gives_away_and_none_comes_again_soon() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert set(ports) <= set(PORTS)


def test_a_port_on_which_somebody_listens_is_passed_over() -> None:
    before = free_port()
    with socket.create_server((LOOPBACK, next(iter(PORTS)) if before + 1 not in PORTS else before + 1)):
        assert free_port() not in (before, before + 1)


def test_copies_of_the_process_begin_somewhere_else() -> None:
    following = free_port() + 1
    assert {_port_of_a_copy() for _ in range(3)} != {following}


def _port_of_a_copy() -> int:
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, f"{free_port()}\n".encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as output:
        return int(output.readline())
