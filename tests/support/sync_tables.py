"""The tables of `sync` without a running `sync`: two accounts of Maya and one of Olga, all with rows under the same ids.

Gmail ids, thread ids, resource names and event ids are unique within an account only. What an account has beyond the others, and the
numbers in its rows, follow its `factor`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.config import Settings
from libs.common.db import Connection, open_pool
from libs.common.events import Guest, Kind, Meeting
from libs.common.ids import AccountId, MeetingId, RunId, UserId, new_id
from libs.common.scopes import ALL
from services.sync.store import meetings
from services.sync.store.audits import Audit
from services.sync.store.leases import RunLease
from tests.support.database import Database

_USER_OF = "SELECT user_id FROM accounts WHERE account_id = $1"
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
TABLES = (
    "accounts", "runs", "cursors", "messages", "people", "meetings", "audits", "audit_pages", "audit_missing", "item_audits",
    "channels",
)  # fmt: skip

# gmail id, thread, state, rule, revision, position, generation, age in days, Message-ID
MESSAGES = (
    ("m1", "t1", "recorded", "", 10, 1, 1, 1, "one@example.org"),
    ("m2", "t2", "recorded", "", 11, 2, 2, 2, "two@example.org"),
    ("m3", "t3", "pending", "", 0, 3, 2, None, None),
    ("m4", "t3", "pending", "", 0, 4, 2, None, None),
    ("m5", "t5", "filtered", "lookback", 0, 5, 2, 10, "five@example.org"),
    ("m6", "t6", "filtered", "trash", 6, 6, 2, 3, "six@example.org"),
    ("m7", "t7", "gone", "", 7, 7, 2, 4, None),
    ("m8", "t8", "set_aside", "refused", 0, 8, 2, None, None),
    ("m9", "t9", "filtered", "draft", 0, 9, 2, 1, None),
)


@dataclass(frozen=True)
class TableAccount:
    """One account with its rows; its ids grow in the order in which the accounts are made."""

    user_id: UserId
    factor: int
    account_id: AccountId = field(default_factory=lambda: AccountId(new_id()))
    meeting_ids: tuple[MeetingId, ...] = ()

    def run_id(self, number: int) -> RunId:
        """Of the run of this number, the same in every transaction."""
        return RunId(UUID(int=self.account_id.int ^ (number << 4)))

    def lease(self, number: int, **changes: Any) -> RunLease:
        fields = {
            "run_id": self.run_id(number), "fence": 5, "user_id": self.user_id, "account_id": self.account_id, "kind": "mail",
            "reason": "poll", "first": False, "started_at": NOW, "done": 0, "trace": "",
        }  # fmt: skip
        return RunLease(**{**fields, **changes})

    @property
    def channel_id(self) -> UUID:
        """Of its primary calendar."""
        return self.run_id(8)

    @property
    def audit(self) -> Audit:
        """The one that has not ended."""
        return Audit(self.run_id(7), NOW, None, 0, 1_000, None, 1)


@asynccontextmanager
async def sync_tables(database: Database) -> AsyncIterator[Connection]:
    """A connection with the login of `sync`, in a transaction that is rolled back."""
    pool = await open_pool(Settings(postgres_url=database.url_for("sync"), pool_size=2))
    try:
        async with pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            finally:
                await transaction.rollback()
    finally:
        await pool.close()


async def add_account(connection: Connection, user_id: UserId, **columns: Any) -> AccountId:
    """An account that is connected, with all permissions, and nothing else."""
    account_id = AccountId(new_id())
    values = {
        "account_id": account_id, "user_id": user_id, "address": "maya@example.com", "canonical": "maya@example.com",
        "scopes": sorted(ALL), "state": "active", "changed_at": NOW, **columns,
    }  # fmt: skip
    await add_row(connection, "accounts", **values)
    return AccountId(values["account_id"])


async def add_run(connection: Connection, account_id: AccountId, kind: Kind = "mail", **columns: Any) -> RunLease:
    """A run, and the lease of who has the fence that stands in its row."""
    values = {
        "run_id": RunId(new_id()), "user_id": await connection.fetchval(_USER_OF, account_id), "account_id": account_id, "kind": kind,
        "reason": "schedule", "state": "running", "fence": 3, **columns,
    }  # fmt: skip
    if values["state"] in ("completed", "failed"):
        values.setdefault("finished_at", NOW)
    await add_row(connection, "runs", **values)
    row = await run_row(connection, values["run_id"])
    return RunLease(**{name: row[name] for name in RunLease.__slots__})


async def run_row(connection: Connection, run_id: RunId) -> dict[str, Any]:
    row = await connection.fetchrow("SELECT *, now() AS now FROM runs WHERE run_id = $1", run_id)
    assert row is not None
    return dict(row)


async def add_row(connection: Connection, table: str, **columns: Any) -> None:
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    await connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})",
        *columns.values(),
    )


async def fill(connection: Connection, account: TableAccount) -> None:
    """Rows of every table, in every state."""
    user_id, account_id, factor = account.user_id, account.account_id, account.factor
    await add_account(
        connection, user_id, account_id=account_id, sequence=factor, identified=factor, aliases=[f"alias{factor}@example.com"],
        watch_topic="t", watch_expires_at=NOW + DAY, watch_due_at=NOW + DAY, pushed_at=NOW + DAY if factor > 1 else None,
        poll_at=NOW - factor * DAY, time_zone=f"Zone/{factor}",
    )  # fmt: skip
    own = {"account_id": account_id}
    states = [made[2:] for made in MESSAGES]
    if factor == 2:  # what stands about a message in one mailbox says nothing about the one of the same id in another
        states.reverse()
    for (gmail_id, thread_id, *_), (state, rule, revision, position, generation, days, name) in zip(
        MESSAGES, states, strict=True
    ):
        await add_row(
            connection, "messages", **own, gmail_id=gmail_id, thread_id=thread_id, state=state, rule=rule, position=position * factor,
            revision=revision * factor, generation=generation, occurred_at=NOW - days * DAY if days else None, rfc_message_id=name,
        )  # fmt: skip
    if factor > 1:
        await add_row(
            connection, "messages", **own, gmail_id="m0", thread_id="t3", state="pending", position=-1
        )  # their next one
    for number, (said, deleted) in enumerate(((True, False), (False, False), (False, True), (True, True)), start=1):
        await add_row(
            connection, "people", **own, resource_name=f"people/{number}", fingerprint="f", said=said, deleted=deleted,
            revision=factor if said else 1, generation=factor,  # what is to be published, at the same revision everywhere
        )  # fmt: skip
    await add_row(
        connection, "channels", **own, channel_id=account.channel_id, user_id=user_id, calendar_id="primary", token_hash=b"hash",
        renew_at=NOW,
    )  # fmt: skip
    await _fill_meetings(connection, account)
    for kind, calendar_id in (("mail", ""), ("contacts", ""), ("calendar", "primary"), ("calendar", f"team{factor}")):
        await add_row(
            connection,
            "cursors",
            **own,
            kind=kind,
            calendar_id=calendar_id,
            token={"history_id": factor, "listing": None},
        )
    await _fill_runs(connection, account)
    await add_row(
        connection, "audits", **own, audit_id=account.run_id(6), due_at=NOW - DAY, began_at=NOW - DAY, finished_at=NOW - DAY / factor,
        listed=factor,
    )  # fmt: skip
    await add_row(
        connection, "audits", **own, audit_id=account.audit.audit_id, due_at=NOW - DAY, began_at=NOW - DAY, pages=1,
        history_id=1_000,
    )  # fmt: skip
    listed = ["m1", "m5", "m6", "new", "m9"] if factor == 1 else ["m2", "new2"]
    await add_row(
        connection, "audit_pages", **own, number=factor, gmail_ids=listed, thread_ids=[f"t{name}" for name in listed]
    )
    await add_row(connection, "audit_missing", **own, gmail_id="m1" if factor == 1 else "m2")
    await add_row(connection, "item_audits", **own, kind="calendar", due_at=NOW - DAY, unhealed=factor)
    await add_row(
        connection,
        "item_audits",
        **own,
        kind="contacts",
        due_at=None,
        finished_at=NOW,
        compared=factor,
        unhealed=factor,
    )


async def _fill_meetings(connection: Connection, account: TableAccount) -> None:
    calendars = {"primary": ("e1", "e2", "e3"), f"team{account.factor}": ("e1",)}
    for calendar_id, event_ids in calendars.items():
        found = [
            meeting(
                account.user_id,
                account.account_id,
                event_id,
                NOW + account.factor * timedelta(hours=number),
                calendar_id=calendar_id,
            )
            for number, event_id in enumerate(event_ids, start=1)
        ]
        await meetings.upsert_meetings(connection, account.account_id, calendar_id, found, account.factor)
    await connection.execute(
        """UPDATE meetings SET said = event_id <> 'e2' AND calendar_id = 'primary', cancelled = event_id = 'e3', revision = $2
           WHERE account_id = $1""",
        account.account_id,
        account.factor,
    )


async def _fill_runs(connection: Connection, account: TableAccount) -> None:
    """Under way: mail (1) and a calendar's, with a prep scan (2). Ended: contacts twice (3, 4)."""
    own = {"user_id": account.user_id, "account_id": account.account_id}
    for number, kind in ((1, "mail"), (2, "calendar")):
        await add_row(
            connection, "runs", **own, run_id=account.run_id(number), kind=kind, reason="poll", state="running", fence=5,
            lease_until=NOW + DAY, done=account.factor, total=10 * account.factor, eta_seconds=float(account.factor),
            scan_due=NOW if number == 2 else None, stuck_since=NOW - account.factor * DAY, pauses=account.factor,
        )  # fmt: skip
    for number in (3, 4):
        await add_row(
            connection, "runs", **own, run_id=account.run_id(number), kind="contacts", reason="schedule", state="completed",
            finished_at=NOW - 400 * DAY,
        )  # fmt: skip


def meeting(user_id: UserId, account_id: AccountId, event_id: str, starts_at: datetime, **changes: Any) -> Meeting:
    """A meeting of an hour with one guest."""
    fields = {
        "meeting_id": UUID(int=0), "user_id": user_id, "account_id": account_id, "calendar_id": "primary", "event_id": event_id,
        "revision": 0, "title": event_id, "starts_at": starts_at, "ends_at": starts_at + timedelta(hours=1),
        "guests": (Guest(address="guest@example.org"),), "guests_total": 1,
    }  # fmt: skip
    return Meeting.model_validate({**fields, **changes})


async def rows_of(connection: Connection) -> dict[AccountId, list[str]]:
    """The rows of each account, of all tables, as text."""
    every = " UNION ALL ".join(
        f"SELECT account_id, '{table} ' || to_jsonb({table})::text AS written FROM {table}" for table in TABLES
    )
    found: dict[AccountId, list[str]] = {}
    for row in await connection.fetch(f"{every} ORDER BY 2"):
        found.setdefault(AccountId(row["account_id"]), []).append(row["written"])
    return found
