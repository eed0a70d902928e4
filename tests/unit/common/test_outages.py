"""What counts as an outage of a server says nothing of the work that met it: it is done later, and uses up no attempt."""

import asyncpg
import pytest
from redis.asyncio.connection import DefaultParser

from libs.common import cache, db
from libs.common.bus import OUTAGES


def test_a_database_without_room_on_its_disk_is_an_outage() -> None:
    error = asyncpg.DiskFullError('could not extend file "base/5/1234": No space left on device')
    assert isinstance(error, db.OUTAGES)
    assert isinstance(error, OUTAGES)


def test_a_statement_that_asks_for_more_than_it_may_have_is_none() -> None:
    assert not isinstance(
        asyncpg.ConfigurationLimitExceededError("temporary file size exceeds temp_file_limit"), OUTAGES
    )


@pytest.mark.parametrize(
    "reply",
    [
        "MISCONF Errors writing to the AOF file: No space left on device",
        "MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "READONLY You can't write against a read only replica.",
    ],
)
def test_a_redis_that_takes_no_writes_is_an_outage(reply: str) -> None:
    assert isinstance(DefaultParser.parse_error(reply), cache.OUTAGES)


def test_a_redis_that_refuses_what_it_was_asked_is_none() -> None:
    assert not isinstance(
        DefaultParser.parse_error("WRONGTYPE Operation against a key holding the wrong kind"), OUTAGES
    )
