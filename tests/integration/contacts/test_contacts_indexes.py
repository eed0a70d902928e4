"""What the database itself keeps true of what is recorded, whatever writes into it."""

from uuid import UUID

import asyncpg
import pytest

from libs.common.ids import new_id
from tests.support.contacts_rows import OTHER
from tests.support.contacts_world import USER, World, contacts_database, world

__all__ = ["contacts_database", "world"]

_INSERT = """INSERT INTO interactions (id, user_id, platform, grp, ref, kind, occurred_at, title, text, crowd)
             VALUES ($1, $2, $3, '', $4, 'message', now(), '', '', 1)"""


async def insert(world: World, platform: str, ref: str, user_id: UUID = USER) -> None:
    await world.pool.execute(_INSERT, new_id(), user_id, platform, ref)


@pytest.mark.parametrize("platform", ["email", "note"])
@pytest.mark.parametrize("ref", ["<x@mail>#1", "", "\\", "\\x0g", "a\\\\b\\1", "Grüße 😀", "x" * 1000])
async def test_an_interaction_is_there_once_whatever_it_is_known_as(world: World, platform: str, ref: str) -> None:
    await insert(world, platform, ref)
    await insert(world, platform, ref, OTHER)
    await insert(world, platform, f"{ref}\\")
    await insert(world, f"{platform}2", ref)
    with pytest.raises(asyncpg.UniqueViolationError):
        await insert(world, platform, ref)
