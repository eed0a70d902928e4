"""One moment for the simulation, for PostgreSQL and for Valkey. What the product asks them is unchanged, and so is what it sends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import asyncpg

from libs.common.cache import Cache
from libs.common.db import Connection

# The search path finds this now() before PostgreSQL's own. It is inlined, so that an index can be asked for what is due.
_SIMULATED = """
    CREATE SCHEMA simulated;
    CREATE FUNCTION simulated.now() RETURNS timestamptz LANGUAGE sql STABLE AS
        $$ SELECT current_setting('simulated.now')::timestamptz $$;
    GRANT USAGE ON SCHEMA simulated TO pingcrm_sync;
    GRANT EXECUTE ON FUNCTION simulated.now() TO pingcrm_sync;
"""
_PATH = 'ALTER ROLE pingcrm_sync IN DATABASE "{}" SET search_path = simulated, sync, pg_catalog'

# Before a script of the product: what it calls `redis` is the server, but for the clock. Nothing expires by the real one meanwhile.
_CLOCKED = """
local server, moment = redis, tonumber(ARGV[#ARGV])
local redis = {call = function(command, ...)
  if command == 'TIME' then return {math.floor(moment / 1000000), moment % 1000000} end
  if command == 'PEXPIRE' then return 1 end
  return server.call(command, ...)
end}
"""


@dataclass
class Clock:
    """`now` is the moment for everything that goes by this clock."""

    now: datetime

    async def move_to(self, now: datetime, connection: Connection) -> None:
        """`connection`: the one whose now() follows; there is no other."""
        self.now = now
        await connection.execute("SELECT set_config('simulated.now', $1, false)", now.isoformat())


async def install(admin_url: str) -> None:
    """From now on `sync`'s connections to this database go by `simulated.now`, which each has to set."""
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(_SIMULATED)
        await admin.execute(_PATH.format(await admin.fetchval("SELECT current_database()")))
    finally:
        await admin.close()


@dataclass(frozen=True)
class ClockedCache(Cache):
    """A cache whose scripts go by the clock."""

    clock: Clock

    async def run(self, script: str, keys: Sequence[str], *arguments: bytes | str | float) -> list[Any]:
        microseconds = int(self.clock.now.timestamp() * 1_000_000)
        return await Cache.run(self, _clocked(script), keys, *arguments, microseconds)


@cache
def _clocked(script: str) -> str:
    return _CLOCKED + script
