"""Whose address is it? Users of the installation by the addresses of their accounts, as `auth` knows them."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from libs.common.addresses import canonical
from libs.common.ids import UserId


class NoSuchUser(Exception):
    """Nobody here has connected this address."""


@dataclass(frozen=True)
class User:
    """A user, and the addresses of their connected accounts, oldest first."""

    id: UserId
    addresses: tuple[str, ...]


async def list_users(auth_url: str) -> list[User]:
    """All users, oldest first. `auth_url` is PostgreSQL's, with the login of `auth`."""
    connection = await asyncpg.connect(auth_url)
    try:
        rows = await connection.fetch(
            """
            SELECT u.id, array_agg(a.address ORDER BY a.id) FILTER (WHERE a.status <> 'disconnected') AS addresses
            FROM users u LEFT JOIN google_accounts a ON a.user_id = u.id
            GROUP BY u.id ORDER BY u.id
            """
        )
    finally:
        await connection.close()
    return [User(UserId(row["id"]), tuple(row["addresses"] or ())) for row in rows]


def find_user(users: Sequence[User], address: str) -> UserId:
    """The user who has connected the address, however it is written. Raises NoSuchUser."""
    for user in users:
        if canonical(address) in map(canonical, user.addresses):
            return user.id
    raise NoSuchUser(f"Nobody here has connected {address}.")
