"""Row-level security: what a service does on behalf of one user reaches the rows of that user alone (docs/decisions/0012).

Policies and rights follow from the catalogue, so that a new table with a `user_id` has them by itself. A table of which nothing is
known is closed to the role that works on behalf of users. Put in force after the migrations, as each service's own role, which owns
the tables and is not bound by policies: work for many users at once is done as that one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import asyncpg

from libs.common.ids import SERVICES, Service
from libs.local.schemas import MigrationFailed
from libs.local.secrets import Secrets
from libs.local.urls import postgres_url

POLICY = "rows_of_the_user"
# Evaluated once per statement. Without a user there is no value, and the statement fails.
USER = "(SELECT current_setting('pingcrm.user_id')::uuid)"

# Tables without a `user_id` whose rows are somebody's all the same.
CONDITIONS: Mapping[str, str] = {
    "auth.users": f"id = {USER}",
    "contacts.users": f"id = {USER}",
    "contacts.profiles": "EXISTS (SELECT FROM addresses WHERE addresses.id = profiles.address_id)",
    **{
        f"sync.{table}": "account_id IN (SELECT account_id FROM accounts)"
        for table in ("audits", "cursors", "item_audits", "messages", "people")
    },
}

# Open to work on behalf of every user.
OPEN: Mapping[str, str] = {
    "auth.outbox": "published by whoever comes first",
    "contacts.participants": "says nothing but with a row of `interactions` or `addresses`, and is the largest table of the hottest reads",
    "contacts.purged": "ids without anything about them",
    "prep.outbox": "published by whoever comes first",
    "sync.outbox": "published by whoever comes first",
}

_TABLES = """
    SELECT c.relname AS name, c.relkind = 'v' AS is_view, c.relrowsecurity AS secured,
           EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped) AS has_user,
           obj_description(p.oid, 'pg_policy') AS condition,
           has_table_privilege(current_user || '_user', c.oid, 'SELECT') AS granted
    FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = $1
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v') ORDER BY c.relname
"""

Access = Literal["policy", "open", "closed"]


@dataclass(frozen=True)
class Table:
    """A table or view as it is. `condition`: of the policy in force, None where there is none."""

    name: str
    is_view: bool
    secured: bool
    has_user: bool
    condition: str | None
    granted: bool


def condition_of(service: Service, table: str, *, has_user: bool) -> str | None:
    """Under which a row is the user's; None where the table is open, or closed."""
    return f"user_id = {USER}" if has_user else CONDITIONS.get(f"{service}.{table}")


def access_to(service: Service, table: str, *, has_user: bool) -> Access:
    """How work on behalf of a user may use a table."""
    if condition_of(service, table, has_user=has_user):
        return "policy"
    return "open" if f"{service}.{table}" in OPEN else "closed"


async def apply_row_security(admin_url: str, secrets: Secrets) -> None:
    """Put rights and policies in force for every service. Raises MigrationFailed."""
    await asyncio.gather(*(_apply(service, postgres_url(admin_url, service, secrets)) for service in SERVICES))


async def _apply(service: Service, url: str) -> None:
    """In one transaction, and one migration after another."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"pingcrm.row_security.{service}")
            tables = [Table(**row) for row in await connection.fetch(_TABLES, POLICY)]
            for statement in statements(service, tables):
                await connection.execute(statement)
    except asyncpg.PostgresError as error:
        raise MigrationFailed(f"The row security of {service} failed: {error}") from error
    finally:
        await connection.close()


def statements(service: Service, tables: Sequence[Table]) -> list[str]:
    """What is missing: what is in force already is left alone, for changing it shuts out whoever reads the table at the moment."""
    role, found = f"pingcrm_{service}_user", []
    for table in tables:
        condition = None if table.is_view else condition_of(service, table.name, has_user=table.has_user)
        wanted = table.is_view or access_to(service, table.name, has_user=table.has_user) != "closed"
        if wanted and not table.granted:
            rights = "SELECT" if table.is_view else "SELECT, INSERT, UPDATE, DELETE"
            found.append(f"GRANT {rights} ON {table.name} TO {role}")
        if table.granted and not wanted:
            found.append(f"REVOKE ALL ON {table.name} FROM {role}")
        if condition != table.condition:
            found.append(f"DROP POLICY IF EXISTS {POLICY} ON {table.name}")
            if condition:
                found.append(f"CREATE POLICY {POLICY} ON {table.name} TO {role} USING ({condition})")
                found.append(f"COMMENT ON POLICY {POLICY} ON {table.name} IS {_quoted(condition)}")
        if (condition is not None) != table.secured:
            found.append(f"ALTER TABLE {table.name} {'ENABLE' if condition else 'DISABLE'} ROW LEVEL SECURITY")
    return found


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
