"""What a person's life on the product has left behind: all their rows in all schemas, comparable with those of another life."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.ids import SERVICES

# What no two lives have in common, or what says how often something was tried: moments, secrets, fences, costs.
LEFT_OUT = frozenset(
    {
        *("access_token", "refresh_token", "hash", "holder", "trace", "owner", "sub"),
        *(
            "fence",
            "attempts",
            "pauses",
            "resumed",
            "requests",
            "units",
            "estimated_units",
            "eta_seconds",
            "note",
            "search",
        ),
        # Counted by each try: what counts is that a later one is higher.
        *("generation", "position", "identified"),
    }
)
# By table. An identification that was torn apart is counted, and so is a report of another platform that is handled twice. Runs: how they
# went, not what came of them. Audits begin when they do.
COLUMNS_LEFT_OUT = frozenset(
    {
        # A notification of Gmail's that comes while the account is written is passed over, and comes before or after a poll.
        ("sync.accounts", "pushed_at"),
        ("sync.accounts", "missed_at"),
        ("contacts.own_addresses", "revision"),
        ("contacts.sightings", "revision"),
        ("sync.audits", "since_s"),
        ("sync.item_audits", "healed"),  # a figure: an audit that was cut off counts what it found last
        ("prep.preps", "gmail_id"),
        *(("sync.runs", column) for column in ("again", "done", "total", "stuck_since", "lease_until")),
    }
)
# Google gives each brief that is sent an id.
BRIEF = "prep_email"
# A request or a tick that is handled twice is one more look at Google, which finds nothing.
_IDLE_NOTIFICATION = "nothing had changed."
_IDLE_COUNT = re.compile(
    r', \\"\w+ some id\\": \[0, 0, 0\]'
)  # the same, beside others in the notification of a request
_IDLE_RUN = re.compile(r'"new": 0, .*"removed": 0, .*"state": "completed", .*"updated": 0,')
_IDLE_AUDIT = re.compile(r'"healed_added": 0, "healed_removed": 0, ')
# A browser whose sign-in broke off begins another session; a call of a webhook that broke off is made once more.
# Of a pair the smaller id comes first, and that is whose contact was made first.
TABLES_LEFT_OUT = frozenset({"auth.sessions", "gateway.webhook_calls", "contacts.duplicate_suggestions"})
# Moments that were given with the data; of all others only whether there is one.
GIVEN_MOMENTS = frozenset({"occurred_at", "starts_at", "ends_at", "name_at", "first_at", "last_at"})
_TABLES = """
SELECT table_schema || '.' || table_name AS name, array_agg(column_name::text) AS columns
FROM information_schema.columns
WHERE table_schema = ANY ($1) AND is_generated = 'NEVER' AND (table_schema, table_name) IN (
    SELECT schemaname, tablename FROM pg_tables WHERE tablename NOT LIKE 'schema_migrations%')
GROUP BY 1 ORDER BY 1
"""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

Rows = Mapping[str, list[str]]
"""By table, its rows as text, sorted."""


async def list_rows(connection: asyncpg.Connection, user_id: UUID, alias: str, name: str) -> Rows:
    """All rows about a user. What is named after them is written as `alias`, `name` becomes "somebody" everywhere."""
    found = await _rows_of(connection, user_id)
    names = _names(found, user_id)
    texts = {table: [_text(table, row, names).replace(name, alias) for row in rows] for table, rows in found.items()}
    return {table: sorted(text for text in rows if not _is_idle(text)) for table, rows in texts.items()}


def _is_idle(text: str) -> bool:
    return bool(_IDLE_NOTIFICATION in text or _IDLE_RUN.search(text) or _IDLE_AUDIT.search(text))


async def _rows_of(connection: asyncpg.Connection, user_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """What names the user, an account of theirs, or what else is theirs."""
    tables = {row["name"]: set(row["columns"]) for row in await connection.fetch(_TABLES, list(SERVICES))}
    accounts = {
        row["id"]
        for row in await connection.fetch(
            "SELECT id FROM auth.google_accounts WHERE user_id = $1"
            " UNION SELECT id FROM auth.removed_accounts WHERE user_id = $1",
            user_id,
        )
    }
    addresses = {
        row["id"] for row in await connection.fetch("SELECT id FROM contacts.addresses WHERE user_id = $1", user_id)
    }
    theirs = [user_id, *accounts]
    found: dict[str, list[dict[str, Any]]] = {}
    for table, columns in tables.items():
        if table in TABLES_LEFT_OUT:
            continue
        conditions = [
            f"{column} = ANY ($1::uuid[])" for column in ("user_id", "account_id", "source_id", "id") if column in columns
            if column != "id" or table in ("auth.users", "contacts.users", "contacts.purged", "sync.forgotten")
        ]  # fmt: skip
        if "address_id" in columns and "user_id" not in columns:
            conditions.append("address_id = ANY ($2::bigint[])")
        if table == "gateway.webhook_deliveries":
            conditions.append(
                "notification_id IN (SELECT id FROM gateway.notifications WHERE user_id = ANY ($1::uuid[]))"
            )
        if not conditions:
            continue
        statement = f"SELECT found.* FROM {table} AS found, (SELECT $1::uuid[], $2::bigint[]) AS theirs WHERE {' OR '.join(conditions)}"
        found[table] = [dict(row) for row in await connection.fetch(statement, theirs, list(addresses))]
    return found


def _names(found: Mapping[str, list[dict[str, Any]]], user_id: UUID) -> dict[str, str]:
    """What stands for each id: what it is the id of."""
    names = {str(user_id): "the user"}
    for account in found.get("auth.google_accounts", []):
        names[str(account["id"])] = f"account {account['address']}"
    for meeting in found.get("sync.meetings", []):
        names[str(meeting["meeting_id"])] = f"meeting {meeting['event_id']}"
    for interaction in found.get("contacts.interactions", []):
        names[str(interaction["id"])] = f"interaction {interaction['ref']}"
    emails: dict[str, list[str]] = {}
    for address in found.get("contacts.addresses", []):
        if address["contact_id"] and address["kind"] == "email":
            emails.setdefault(str(address["contact_id"]), []).append(address["value"])
    for contact in found.get("contacts.contacts", []):
        key = str(contact["id"])
        names[key] = f"contact {contact['name']} {min(emails.get(key, ['']))}"
    for address in found.get("contacts.addresses", []):
        names[f"address {address['id']};"] = f"{address['kind']} {address['value']}"
    for contact in found.get("contacts.contacts", []):
        names[contact["bcc_hash"]] = f"hash of {names[str(contact['id'])]}"
    return names


def _text(table: str, row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    if row.get("rule") == BRIEF:
        return f"a brief that is {row['state']}"
    kept = {
        name: _value(name, value)
        for name, value in row.items()
        if name not in LEFT_OUT and (table, name) not in COLUMNS_LEFT_OUT
    }
    if "token" in kept:
        kept["token"] = _cursor(kept["token"]) if table == "sync.cursors" else "secret"
    text = json.dumps(kept, sort_keys=True, default=str, ensure_ascii=False)
    for identifier, name in names.items():
        text = text.replace(identifier, name)
    return _IDLE_COUNT.sub("", _UUID.sub("some id", text))


def _value(column: str, value: Any) -> Any:
    if isinstance(value, datetime) and column not in GIVEN_MOMENTS:
        return "a moment"
    if isinstance(value, bytes):
        return "bytes"
    if column in ("address_id", "author_id") and value is not None:
        return f"address {value};"
    if column.endswith("address_ids") and value is not None:
        return [f"address {number};" for number in value]
    if column == "id" and isinstance(value, int):
        return "a number"
    if isinstance(value, list):
        return sorted(value, key=str)
    return value


def _cursor(token: str) -> dict[str, Any]:
    """Of mail up to where its history is read, of others that there is one: Google's tokens are all different."""
    cursor = json.loads(token)
    return {name: cursor.get(name) for name in ("history_id", "lookback_days", "listing")} | {
        "sync_token": cursor.get("sync_token") is not None
    }


def difference(expected: Rows, actual: Rows) -> list[str]:
    """Which rows one has and the other has not."""
    lines: list[str] = []
    for table in sorted(expected.keys() | actual.keys()):
        before, after = list(expected.get(table, [])), list(actual.get(table, []))
        lines += [f"{table} has lost   {row}" for row in _without(before, after)]
        lines += [f"{table} has gained {row}" for row in _without(after, before)]
    return lines


def _without(rows: Iterable[str], others: Iterable[str]) -> list[str]:
    left = list(others)
    missing: list[str] = []
    for row in rows:
        if row in left:
            left.remove(row)
        else:
            missing.append(row)
    return missing
