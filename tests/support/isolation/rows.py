"""Whose the rows of each table are, so that all that is somebody's can be compared before and after."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from libs.common.ids import SERVICES

Rows = Mapping[str, Sequence[str]]
"""By table: its rows as JSON, in order."""

_ACCOUNTS = "SELECT account_id FROM sync.accounts WHERE user_id = $1"
_OF_USER = {
    "auth.users": "id = $1",
    "contacts.users": "id = $1",
    "contacts.purged": "id = $1",
    "contacts.participants": "interaction_id IN (SELECT id FROM contacts.interactions WHERE user_id = $1)",
    "contacts.profiles": "address_id IN (SELECT id FROM contacts.addresses WHERE user_id = $1)",
    "gateway.webhook_deliveries": "notification_id IN (SELECT id FROM gateway.notifications WHERE user_id = $1)",
    "sync.forgotten": "id = $1",
}
_INTERACTIONS = "SELECT interaction_id FROM contacts.sightings WHERE source_id = $1"
_OF_ACCOUNT = {
    "auth.google_accounts": "id = $1",
    "contacts.accounts": "id = $1",
    "contacts.sightings": "source_id = $1",
    "contacts.interactions": f"id IN ({_INTERACTIONS})",
    "contacts.participants": f"interaction_id IN ({_INTERACTIONS})",
    "gateway.webhook_deliveries": "notification_id IN (SELECT id FROM gateway.notifications WHERE account_id = $1)",
}
# What keeps no row for longer than it takes to publish it, and what is about migrations.
_NOBODYS = {f"{service}.{table}" for service in SERVICES for table in ("outbox", "schema_migrations")}
_COLUMNS = """
    SELECT table_schema || '.' || table_name AS name, array_agg(column_name::text) AS columns
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = ANY($1::text[]) AND table_type = 'BASE TABLE' GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True)
class Tables:
    """All tables of the product with the conditions, on $1, under which a row is a user's or an account's."""

    of_user: Mapping[str, str]
    of_account: Mapping[str, str]

    async def rows_of_user(self, connection: asyncpg.Connection, user_id: UUID) -> Rows:
        return await _rows(connection, self.of_user, user_id)

    async def rows_of_account(self, connection: asyncpg.Connection, account_id: UUID) -> Rows:
        """What is the account's alone; contacts and settings are its user's."""
        return await _rows(connection, self.of_account, account_id)


async def read_tables(connection: asyncpg.Connection) -> Tables:
    """From the catalogue. AssertionError: a table's rows are not known to be anybody's."""
    of_user, of_account = {}, {}
    for table in await connection.fetch(_COLUMNS, list(SERVICES)):
        name, columns = table["name"], table["columns"]
        if name in _NOBODYS:
            continue
        if condition := _OF_USER.get(name) or _condition(columns):
            of_user[name] = condition
        else:
            raise AssertionError(f"Teach _OF_USER whose the rows of {name} are.")
        if "account_id" in columns or name in _OF_ACCOUNT:
            of_account[name] = _OF_ACCOUNT.get(name, "account_id = $1")
    return Tables(of_user, of_account)


def _condition(columns: Sequence[str]) -> str:
    if "user_id" in columns:
        return "user_id = $1"
    return f"account_id IN ({_ACCOUNTS})" if "account_id" in columns else ""


async def _rows(connection: asyncpg.Connection, conditions: Mapping[str, str], id_: UUID) -> Rows:
    return {
        table: [
            row["row"]
            for row in await connection.fetch(
                f"SELECT to_jsonb(t)::text AS row FROM {table} t WHERE {condition} ORDER BY 1",
                id_,
            )
        ]
        for table, condition in conditions.items()
    }


# When a token was last used changes while its owner listens.
_USE = re.compile(r', "last_used_at": (null|"[^"]*")')


def differences(before: Rows, after: Rows) -> list[str]:
    """What is gone, other or new, a line each."""
    found = []
    for table in before:
        earlier, later = ({_USE.sub("", row) for row in rows[table]} for rows in (before, after))
        gone, new = earlier - later, later - earlier
        found += [f"{table}: gone or changed: {row}" for row in sorted(gone)]
        found += [f"{table}: new or changed: {row}" for row in sorted(new)]
        if not (gone or new) and len(before[table]) != len(after[table]):
            found.append(f"{table}: {len(before[table])} rows became {len(after[table])}")
    return found
