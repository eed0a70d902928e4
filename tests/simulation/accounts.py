"""A hundred thousand accounts, as if they had been there for long: nothing of theirs is a first import."""

from datetime import datetime

import asyncpg

from libs.common.scopes import ALL

_ACCOUNTS = """
    INSERT INTO sync.accounts (account_id, user_id, address, canonical, scopes, state, changed_at, aliases_due)
    SELECT md5('account' || n)::uuid, md5('user' || n)::uuid, 'person' || n || '@gmail.com', 'person' || n || '@gmail.com', $2, 'active',
           $3, false
    FROM generate_series(1, $1::integer) n
"""
_PAST_RUNS = """
    INSERT INTO sync.runs (run_id, user_id, account_id, kind, reason, state, due_at, started_at, finished_at)
    SELECT gen_random_uuid(), user_id, account_id, kind, 'schedule', 'completed', $1, $1, $1
    FROM sync.accounts, unnest(ARRAY['mail', 'contacts', 'calendar']) kind
"""


async def populate(admin: "asyncpg.Connection[asyncpg.Record]", accounts: int, since: datetime) -> None:
    """The same ids each time, so that chance is the same each time."""
    await admin.execute(_ACCOUNTS, accounts, sorted(ALL), since)
    await admin.execute(_PAST_RUNS, since)
    await tidy(admin)


async def tidy(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """What autovacuum does where it is on."""
    await admin.execute("VACUUM (ANALYZE) sync.runs")
    await admin.execute("VACUUM (ANALYZE) sync.accounts")
