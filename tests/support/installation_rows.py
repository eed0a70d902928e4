"""Rows of every service in a database, and all that a database has, to be compared with another one."""

import subprocess
from typing import Any

import asyncpg

from libs.common.ids import SERVICES, AccountId, new_id
from libs.local.backup.contents import list_tables
from libs.local.backup.dumping import find_program
from libs.local.secrets import SECRET_KEYS, Secrets
from services.auth.keyring import Keyring

ACCOUNT, USER, ANN = AccountId(new_id()), new_id(), new_id()


async def run(url: str, *statements: str) -> None:
    """Statements of SQL, one after another, on a connection of their own."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def fill(url: str, secrets: Secrets) -> None:
    """Rows of every service: with a trigger that counts them, generated columns, a key to itself, and sealed bytes."""
    sealed = Keyring([secrets[SECRET_KEYS]]).seal("the refresh token", ACCOUNT, "refresh").hex()
    await run(
        url,
        f"INSERT INTO auth.users (id, sub, name, address) VALUES ('{USER}', '1', 'Zoë \\ \t 李', 'zoe@x')",
        f"""INSERT INTO auth.google_accounts (id, user_id, sub, address, name, status, scopes, refresh_token)
            VALUES ('{ACCOUNT}', '{USER}', '1', 'zoe@x', 'Zoë', 'active', '{{a,b}}', '\\x{sealed}')""",
        f"""INSERT INTO sync.accounts (account_id, user_id, address, scopes, state, changed_at)
            VALUES ('{ACCOUNT}', '{USER}', 'zoe@x', '{{}}', 'active', now())""",
        f"""INSERT INTO sync.messages (account_id, gmail_id, thread_id, state, position)
            SELECT '{ACCOUNT}', i::text, 't', 'recorded', i FROM generate_series(1, 500) AS i""",
        f"INSERT INTO contacts.contacts (id, user_id, bcc_hash, words_name) VALUES ('{ANN}', '{USER}', 'a', 'ann')",
        f"""INSERT INTO contacts.contacts (id, user_id, bcc_hash, merged_into)
            VALUES ('00000000-0000-7000-8000-000000000000', '{USER}', 'b', '{ANN}')""",
        f"""INSERT INTO contacts.addresses (user_id, kind, value, shown, contact_id)
            SELECT '{USER}', 'email', i || '+tag@x.example', 'shown', '{ANN}' FROM generate_series(1, 40) AS i""",
        f"""INSERT INTO contacts.interactions (id, user_id, platform, grp, ref, kind, occurred_at, title, text, crowd)
            SELECT gen_random_uuid(), '{USER}', 'email', i, i, 'message', now(), 'Title', E'Text\\nof two lines', 1
            FROM generate_series(1, 300) AS i""",
        f"""INSERT INTO prep.preps (id, user_id, account_id, meeting_id, event_id, starts_at, state, token, leased_until)
            VALUES ('{ANN}', '{USER}', '{ACCOUNT}', '{ANN}', 'e', now(), 'sent', 'token', 'infinity')""",
        f"""INSERT INTO gateway.notifications (id, user_id, kind, level, title, body, link, event_key)
            VALUES ('{ANN}', '{USER}', 'sync.failed', 'error', 'Title', 'Body', '/', 'key')""",
    )


async def everything_in(url: str) -> dict[str, Any]:
    """Every row of every table, and all that PostgreSQL knows of tables, views, functions, triggers, rights and policies."""
    return {"described": describe(url), **await rows_in(url)}


def describe(url: str) -> str:
    """Schemas and all that is in them but rows, as pg_dump writes it."""
    program = find_program("pg_dump", 18, tls=False)
    schemas = [f"--schema={service}" for service in SERVICES]
    command = [str(program.path), "--schema-only", "--restrict-key=none", f"--dbname={url}", *schemas]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


async def rows_in(url: str) -> dict[str, list[str]]:
    """Every row as its text, by the full names of the tables."""
    connection = await asyncpg.connect(url)
    try:
        return {
            f"{schema}.{name}": [
                row[0] for row in await connection.fetch(f'SELECT t::text FROM {schema}."{name}" t ORDER BY 1')
            ]
            for schema, name in await list_tables(connection)
        }
    finally:
        await connection.close()
