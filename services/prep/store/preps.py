"""The SQL of prep. Every write to a brief that is being sent names the attempt it belongs to: whoever lost the lease changes nothing.

Leases begin, last and end by the database's clock: what the clocks of the replicas show decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from libs.common.db import Connection, Record
from libs.common.events import Meeting
from libs.common.ids import AccountId, MeetingId, UserId, new_id
from libs.common.requests import Brief, Prep, PrepState

LEASE = timedelta(seconds=90)
"""Longer than gathering and writing, and, begun anew, longer than handing over to Gmail, take at most."""
GRACE = timedelta(seconds=60)
"""For so long after its lease a brief is left to whoever may still come back to it."""


Moment = tuple[AccountId, str, datetime]
"""account, event, start: what a brief is about"""

_COLUMNS = "preps.*, leased_until - now() AS lease_left"


@dataclass(frozen=True)
class StoredPrep:
    """One brief as it stands. `attempt` is the fence of whoever acquired it; `handed_over_at`: since when Gmail may have it.

    `lease_left`: for how long the lease still holds; not above zero where it is over.
    """

    id: UUID
    user_id: UserId
    account_id: AccountId
    meeting_id: MeetingId
    title: str
    starts_at: datetime
    state: PrepState
    reason: str
    token: str
    attempt: int
    resumed: bool
    lease_left: timedelta
    handed_over_at: datetime | None
    by_hand: bool

    @property
    def handed_over(self) -> bool:
        """Gmail may have it already."""
        return self.handed_over_at is not None


def _stored_prep(record: Record) -> StoredPrep:
    return StoredPrep(
        id=record["id"],
        user_id=record["user_id"],
        account_id=record["account_id"],
        meeting_id=record["meeting_id"],
        title=record["title"],
        starts_at=record["starts_at"],
        state=record["state"],
        reason=record["reason"],
        token=record["token"],
        attempt=record["attempts"],
        resumed=record["resumed"],
        lease_left=record["lease_left"],
        handed_over_at=record["handed_over_at"],
        by_hand=record["by_hand"],
    )


async def acquire(connection: Connection, meeting: Meeting, token: str) -> StoredPrep | None:
    """The lease on the meeting's automatic brief; None where it is settled or somebody else holds it.

    New, or free because its holder released it or died, or skipped before: what led to that may have changed since. Where a copy of
    the meeting in another calendar of the account has its brief, or is about to, this one has none.
    """
    try:
        record = await connection.fetchrow(
            f"""
            INSERT INTO preps (id, user_id, account_id, meeting_id, event_id, copy_of, title, starts_at, state, token, leased_until)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'sending', $9, now() + $10::interval)
            ON CONFLICT (account_id, event_id, starts_at) WHERE NOT by_hand DO UPDATE
            SET state = 'sending', resumed = preps.state = 'sending', attempts = preps.attempts + 1,
                leased_until = excluded.leased_until, meeting_id = excluded.meeting_id, copy_of = excluded.copy_of,
                title = excluded.title, updated_at = now()
            WHERE preps.state = 'skipped' OR (preps.state = 'sending' AND preps.leased_until <= now())
            RETURNING {_COLUMNS}
            """,  # noqa: S608 - a constant of this module
            new_id(), meeting.user_id, meeting.account_id, meeting.meeting_id, meeting.event_id,
            meeting.series_key if meeting.ical_uid else "", meeting.title, meeting.starts_at, token, LEASE,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "preps_one_per_copy":
            raise
        return None
    return _stored_prep(record) if record else None


async def acquire_by_hand(connection: Connection, prep_id: UUID, meeting: Meeting, token: str) -> StoredPrep | None:
    """The lease on a brief that the user requested: a row of its own, whatever was sent before under another id.

    Where the row is there, an earlier try of the same command made it. It goes on where that was cut off, or where nothing of it can
    have reached Gmail; None: it was sent, it may have been, or somebody is at it.
    """
    record = await connection.fetchrow(
        f"""
        INSERT INTO preps (id, user_id, account_id, meeting_id, event_id, title, starts_at, by_hand, state, token, leased_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, true, 'sending', $8, now() + $9::interval)
        ON CONFLICT (id) DO UPDATE
        SET state = 'sending', resumed = true, attempts = preps.attempts + 1, leased_until = excluded.leased_until,
            title = excluded.title, starts_at = excluded.starts_at, reason = '', updated_at = now()
        WHERE (preps.user_id, preps.meeting_id) = (excluded.user_id, excluded.meeting_id)
          AND (preps.state = 'sending' AND preps.leased_until <= now()
               OR preps.state IN ('failed', 'skipped') AND preps.handed_over_at IS NULL)
        RETURNING {_COLUMNS}
        """,  # noqa: S608 - a constant of this module
        prep_id, meeting.user_id, meeting.account_id, meeting.meeting_id, meeting.event_id, meeting.title,
        meeting.starts_at, token, LEASE,
    )  # fmt: skip
    return _stored_prep(record) if record else None


async def get_automatic(connection: Connection, meeting: Meeting) -> StoredPrep | None:
    """The automatic brief of this meeting at this start."""
    record = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM preps WHERE account_id = $1 AND event_id = $2 AND starts_at = $3 AND NOT by_hand",  # noqa: S608
        meeting.account_id, meeting.event_id, meeting.starts_at,
    )  # fmt: skip
    return _stored_prep(record) if record else None


async def mark_handed_over(connection: Connection, stored: StoredPrep, brief: Brief) -> bool:
    """Note that Gmail is about to get it and what it cost so far, and renew the lease; false where the lease was lost.

    Where an earlier attempt was handed over, it may still turn up: the moment is the first one.
    """
    status = await connection.execute(
        """
        UPDATE preps SET handed_over_at = COALESCE(handed_over_at, now()), leased_until = now() + $3::interval, ai = $4,
               input_tokens = input_tokens + $5, output_tokens = output_tokens + $6, cost_usd = cost_usd + $7, updated_at = now()
        WHERE id = $1 AND attempts = $2 AND state = 'sending'
        """,
        stored.id, stored.attempt, LEASE, brief.ai, brief.input_tokens, brief.output_tokens, brief.cost_usd,
    )  # fmt: skip
    return status == "UPDATE 1"


async def clear_handed_over(connection: Connection, stored: StoredPrep) -> None:
    """Gmail has certainly not got it: the next attempt need not look for it."""
    await connection.execute(
        "UPDATE preps SET handed_over_at = NULL WHERE id = $1 AND attempts = $2", stored.id, stored.attempt
    )


async def release(connection: Connection, stored: StoredPrep, reason: str) -> None:
    """The attempt failed, for this reason: free for the next one at once."""
    await connection.execute(
        """
        UPDATE preps SET leased_until = now(), reason = $3, updated_at = now()
        WHERE id = $1 AND attempts = $2 AND state = 'sending'
        """,
        stored.id, stored.attempt, reason,
    )  # fmt: skip


async def settle(
    connection: Connection, stored: StoredPrep, state: PrepState, reason: str = "", gmail_id: str | None = None
) -> Prep | None:
    """The brief's end; None where the lease was lost, and nothing was written."""
    record = await connection.fetchrow(
        """
        UPDATE preps SET state = $3, reason = $4, gmail_id = $5, leased_until = now(), updated_at = now()
        WHERE id = $1 AND attempts = $2 AND state = 'sending'
        RETURNING *
        """,
        stored.id, stored.attempt, state, reason, gmail_id,
    )  # fmt: skip
    return _prep(record) if record else None


async def list_abandoned(connection: Connection, least_lead: timedelta) -> list[StoredPrep]:
    """Briefs that nobody works on any more: cut off for those sent by hand, too late (`least_lead`) for the automatic ones. Locked."""
    records = await connection.fetch(
        f"""
        SELECT {_COLUMNS} FROM preps
        WHERE state = 'sending' AND leased_until < now() - $1::interval AND (by_hand OR starts_at < now() + $2::interval)
        ORDER BY starts_at LIMIT 100 FOR UPDATE SKIP LOCKED
        """,  # noqa: S608 - a constant of this module
        GRACE, least_lead,
    )  # fmt: skip
    return [_stored_prep(record) for record in records]


async def get_prep(connection: Connection, user_id: UserId, prep_id: UUID) -> Prep | None:
    """The brief as it stands now; None where it was purged."""
    record = await connection.fetchrow("SELECT * FROM preps WHERE id = $1 AND user_id = $2", prep_id, user_id)
    return _prep(record) if record else None


async def list_latest(connection: Connection, user_id: UserId, meeting_ids: Sequence[MeetingId]) -> tuple[Prep, ...]:
    """The newest brief of each meeting that has one."""
    records = await connection.fetch(
        """
        SELECT DISTINCT ON (meeting_id) * FROM preps WHERE user_id = $1 AND meeting_id = ANY($2::uuid[])
        ORDER BY meeting_id, updated_at DESC
        """,
        user_id, list(meeting_ids),
    )  # fmt: skip
    return tuple(_prep(record) for record in records)


async def list_tokens(
    connection: Connection, user_id: UserId, account_id: AccountId, tokens: Sequence[str]
) -> frozenset[str]:
    """Of these tokens those of the account's briefs."""
    records = await connection.fetch(
        "SELECT token FROM preps WHERE user_id = $1 AND account_id = $2 AND token = ANY($3::text[])",
        user_id, account_id, list(tokens),
    )  # fmt: skip
    return frozenset(record["token"] for record in records)


async def delete_prep(connection: Connection, stored: StoredPrep) -> None:
    """The brief of an account that is gone leaves no trace."""
    await connection.execute("DELETE FROM preps WHERE id = $1", stored.id)


async def delete_of_account(connection: Connection, account_id: AccountId) -> None:
    await connection.execute("DELETE FROM preps WHERE account_id = $1", account_id)


async def delete_of_user(connection: Connection, user_id: UserId) -> None:
    await connection.execute("DELETE FROM preps WHERE user_id = $1", user_id)


async def list_recent_moments(
    connection: Connection, user_id: UserId, account_id: AccountId | None, within: timedelta
) -> list[Moment]:
    """Which meetings were briefed automatically within this time: those of the user, or of the one account."""
    rows = await connection.fetch(
        """SELECT account_id, event_id, starts_at FROM preps
           WHERE user_id = $1 AND ($2::uuid IS NULL OR account_id = $2) AND NOT by_hand AND updated_at > now() - $3::interval""",
        user_id,
        account_id,
        within,
    )
    return [(row["account_id"], row["event_id"], row["starts_at"]) for row in rows]


def _prep(record: Record) -> Prep:
    return Prep(
        meeting_id=record["meeting_id"],
        account_id=record["account_id"],
        starts_at=record["starts_at"],
        state=record["state"],
        reason=record["reason"],
        gmail_id=record["gmail_id"] or "",
        at=record["updated_at"],
        ai=record["ai"],
        input_tokens=record["input_tokens"],
        output_tokens=record["output_tokens"],
        cost_usd=record["cost_usd"],
    )
