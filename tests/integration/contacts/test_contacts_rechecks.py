"""What is due for an address after a change: the most of what was ever wanted, until it is done."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from services.contacts.store.rechecks import Stage, Walk, insert_rechecks, update_walk
from tests.support.contacts_world import NOW, USER, World, contacts_database, world

__all__ = ["contacts_database", "world"]

ADDRESS: Any = 7
LAST: tuple[datetime, Any] = (NOW, UUID(int=9))


@pytest.mark.parametrize(
    ("before", "wanted", "stage", "begins_anew"),
    [
        (Stage.INTERACTIONS, Stage.NAME, Stage.INTERACTIONS, False),
        (Stage.INTERACTIONS, Stage.REASON, Stage.INTERACTIONS, False),
        (Stage.INTERACTIONS, Stage.INTERACTIONS, Stage.INTERACTIONS, True),
        (Stage.NAME, Stage.REASON, Stage.NAME, False),
        (Stage.NAME, Stage.INTERACTIONS, Stage.INTERACTIONS, True),
        (Stage.REASON, Stage.NAME, Stage.NAME, True),
    ],
)
async def test_an_address_that_is_due_already_keeps_the_higher_stage_and_a_walk_begins_anew_where_it_is_wanted_again(
    world: World, before: Stage, wanted: Stage, stage: Stage, begins_anew: bool
) -> None:
    async with world.pool.acquire() as connection:
        await insert_rechecks(connection, USER, [ADDRESS], before)
        await update_walk(connection, USER, Walk(ADDRESS, (), LAST))
        await insert_rechecks(connection, USER, [ADDRESS], wanted)
        [row] = await connection.fetch("SELECT stage, after_id FROM rechecks WHERE user_id = $1", USER)
    assert (row["stage"], row["after_id"] != LAST[1]) == (stage, begins_anew)
