"""The SQL of webhook calls about contacts: what changed is gathered, called about, and forgotten as it is taken."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.ids import ContactId, UserId, new_id
from libs.common.log import current_trace
from services.gateway.domain.contact_changes import SETTLING, GatheredContacts, call_time, gathered
from services.gateway.store import Database
from services.gateway.store.locks import lock_user_shared


class DueContacts(NamedTuple):
    """A call to make now about these contacts; `attempts` counts this one.

    `since`: the first change. `leased_until` is the fence: the lease of another sender ends at another time.
    """

    call_id: UUID
    user_id: UserId
    changed: GatheredContacts
    since: datetime
    attempts: int
    leased_until: datetime
    trace: str


async def gather(connection: Connection, user_id: UserId, contact_ids: Collection[ContactId], now: datetime) -> None:
    """Add contacts to what is to be called about. Not of a user who is deleted. In a transaction of the caller's."""
    await lock_user_shared(connection, user_id)
    # One statement finds the row, or makes it, and locks it: between two, a call that is taken could delete it.
    row = await connection.fetchrow(
        """
        INSERT INTO webhook_contacts AS known (user_id, since)
        SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM deleted_users WHERE user_id = $1)
        ON CONFLICT (user_id) DO UPDATE SET since = known.since
        RETURNING waiting, waiting_resync, since, due_at, attempts
        """,
        user_id,
        now,
    )
    if row is None:
        return
    waiting = _read(row, "waiting") | gathered(contact_ids)
    since = now if row["due_at"] is None else row["since"]
    due_at = (
        row["due_at"] if row["attempts"] else call_time(since, now)
    )  # a call under way, or its next try, takes it along
    await connection.execute(
        """
        UPDATE webhook_contacts SET waiting = $2, waiting_resync = $3, since = $4, due_at = $5, trace = $6
        WHERE user_id = $1
        """,
        user_id,
        list(waiting.contact_ids),
        waiting.resync,
        since,
        due_at,
        current_trace(),
    )


async def lease_due_contacts(
    connection: Connection, now: datetime, lease: timedelta, limit: int = 20
) -> list[DueContacts]:
    """Lease calls that are due, as lease_due_deliveries does. What was gathered since an earlier try makes it another call.

    In a transaction of the caller's.
    """
    rows = await connection.fetch(
        "SELECT * FROM webhook_contacts WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED", now, limit
    )
    due = [_due(row, now + lease) for row in rows]
    await connection.executemany(
        """
        UPDATE webhook_contacts SET waiting = '{}', waiting_resync = false, calling = $2, calling_resync = $3, call_id = $4,
                                    attempts = $5, due_at = $6
        WHERE user_id = $1
        """,
        [
            (
                call.user_id,
                list(call.changed.contact_ids),
                call.changed.resync,
                call.call_id,
                call.attempts,
                call.leased_until,
            )
            for call in due
        ],
    )
    return due


def _read(row: Record, name: str) -> GatheredContacts:
    return gathered(map(ContactId, row[name]), resync=row[f"{name}_resync"])


def _due(row: Record, leased_until: datetime) -> DueContacts:
    waiting = _read(row, "waiting")
    return DueContacts(
        call_id=new_id() if waiting or row["call_id"] is None else row["call_id"],
        user_id=UserId(row["user_id"]),
        changed=_read(row, "calling") | waiting,
        since=row["since"],
        attempts=row["attempts"] + 1,
        leased_until=leased_until,
        trace=row["trace"],
    )


async def forget_called(connection: Database, call: DueContacts, now: datetime) -> None:
    """The call was taken, or nobody wants it. What was gathered meanwhile is called about after a while."""
    forgotten = await connection.fetchval(
        """
        DELETE FROM webhook_contacts WHERE user_id = $1 AND due_at = $2 AND waiting = '{}' AND NOT waiting_resync
        RETURNING true
        """,
        call.user_id,
        call.leased_until,
    )
    if not forgotten:
        await connection.execute(
            """
            UPDATE webhook_contacts SET calling = '{}', calling_resync = false, call_id = NULL, attempts = 0, since = $3, due_at = $4
            WHERE user_id = $1 AND due_at = $2
            """,
            call.user_id,
            call.leased_until,
            now,
            now + SETTLING,
        )


async def give_up_contacts(connection: Database, call: DueContacts) -> None:
    """Nobody takes it. The next change is called about all the same, and then the receiver is to load everything again."""
    await connection.execute(
        """
        UPDATE webhook_contacts SET waiting = '{}', waiting_resync = true, calling = '{}', calling_resync = false, call_id = NULL,
                                    attempts = 0, due_at = NULL
        WHERE user_id = $1 AND due_at = $2
        """,
        call.user_id,
        call.leased_until,
    )


async def postpone_contacts(connection: Database, call: DueContacts, until: datetime) -> None:
    """Try it again then. Does nothing where another sender has leased the call since: it is that one's."""
    await connection.execute(
        "UPDATE webhook_contacts SET due_at = $3 WHERE user_id = $1 AND due_at = $2",
        call.user_id,
        call.leased_until,
        until,
    )


async def return_contacts(connection: Database, call: DueContacts, until: datetime) -> None:
    """As `postpone_contacts`, for a call that was not made: it uses up no attempt."""
    await connection.execute(
        "UPDATE webhook_contacts SET due_at = $3, attempts = attempts - 1 WHERE user_id = $1 AND due_at = $2",
        call.user_id,
        call.leased_until,
        until,
    )
