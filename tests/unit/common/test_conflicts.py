"""What the database undid because of another transaction is done again at once, a few times."""

import asyncpg
import pytest

from libs.common.db import CONFLICT_TRIES, retry_conflicts


@pytest.mark.parametrize(
    "conflict", [asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.ForeignKeyViolationError]
)
async def test_a_deadlock_is_noticed_by_nobody(conflict: type[Exception]) -> None:
    tries = []

    @retry_conflicts
    async def work(number: int) -> int:
        tries.append(number)
        if len(tries) < CONFLICT_TRIES:
            raise conflict("deadlock detected")
        return number

    assert await work(7) == 7
    assert tries == [7] * CONFLICT_TRIES


async def test_what_conflicts_for_ever_is_given_up_and_all_else_is_not_repeated() -> None:
    tries: list[type[Exception]] = []

    @retry_conflicts
    async def work(error: type[Exception]) -> None:
        tries.append(error)
        raise error("no")

    for error, expected in ((asyncpg.DeadlockDetectedError, CONFLICT_TRIES), (asyncpg.UniqueViolationError, 1)):
        tries.clear()
        with pytest.raises(error):
            await work(error)
        assert len(tries) == expected
