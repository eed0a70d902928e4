"""Meetings, as they stand in the calendars. A changed row is published (`said` in the table) only once its event is on the bus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from libs.common.db import Connection, Record
from libs.common.events import Meeting
from libs.common.ids import AccountId, MeetingId, UserId, new_id
from libs.common.requests import HeldItem, PublishedItem
from services.sync.domain.audit import MAX_RETRIES


@dataclass(frozen=True, slots=True)
class Unpublished:
    """A meeting whose newest state is not published yet."""

    meeting: Meeting
    cancelled: bool


async def upsert_meetings(
    connection: Connection, account_id: AccountId, calendar_id: str, meetings: Sequence[Meeting], generation: int
) -> tuple[int, int]:
    """Meetings as they are now; how many are new and how many have changed. What is read once more counts no second time."""
    bodies = {meeting.event_id: meeting for meeting in meetings}
    row = await connection.fetchrow(
        """
        WITH before AS (
            SELECT event_id, revision FROM meetings
            WHERE account_id = $2 AND calendar_id = $3 AND event_id = ANY ($6::text[])
        ), written AS (
            INSERT INTO meetings (meeting_id, user_id, account_id, calendar_id, event_id, starts_at, generation, meeting)
            SELECT meeting_id, $1, $2, $3, event_id, starts_at, $4, meeting
            FROM unnest($5::uuid[], $6::text[], $7::timestamptz[], $8::text[]::jsonb[])
                 AS read (meeting_id, event_id, starts_at, meeting)
            ON CONFLICT (account_id, calendar_id, event_id) DO UPDATE SET
                generation = $4, starts_at = excluded.starts_at, meeting = excluded.meeting, cancelled = false,
                revision = meetings.revision + (meetings.cancelled OR meetings.meeting <> excluded.meeting)::int,
                said = meetings.said AND NOT meetings.cancelled AND meetings.meeting = excluded.meeting
            RETURNING event_id, revision
        )
        SELECT count(*) FILTER (WHERE before.revision IS NULL) AS new,
               count(*) FILTER (WHERE before.revision < written.revision) AS updated
        FROM written LEFT JOIN before USING (event_id)
        """,
        next(iter(bodies.values())).user_id if bodies else None,
        account_id,
        calendar_id,
        generation,
        [new_id() for _ in bodies],
        list(bodies),
        [meeting.starts_at for meeting in bodies.values()],
        [_body(meeting) for meeting in bodies.values()],
    )
    assert row is not None, "an aggregate has one row"
    return row["new"], row["updated"]


def _body(meeting: Meeting) -> str:
    """What is compared: without the id and the revision, which are the row's, and the primary calendar's zone, which is the account's.

    The number of guests is there where not all of them are; that they are hidden, where they are.
    """
    left_out = {"meeting_id", "revision", "calendar_time_zone"}
    if not meeting.guests_hidden:
        left_out.add("guests_hidden")
    if meeting.guests_total == len(meeting.guests):
        left_out.add("guests_total")
    return orjson.dumps(meeting.model_dump(mode="json", exclude=left_out)).decode()


async def cancel_events(
    connection: Connection, account_id: AccountId, calendar_id: str, event_ids: Sequence[str]
) -> int:
    """Events that are no meetings any more; how many were. The id of a series stands for all its instances: `ID_20260304T120000Z`."""
    status = await connection.execute(
        r"""
        WITH gone AS (
            SELECT meeting_id FROM meetings WHERE account_id = $1 AND calendar_id = $2 AND event_id = ANY ($3::text[])
            UNION
            SELECT m.meeting_id FROM unnest($3::text[]) AS series (id)
            JOIN meetings m ON m.account_id = $1 AND m.calendar_id = $2 AND m.event_id > id || '_' AND m.event_id < id || '`'
            WHERE substr(m.event_id, length(id) + 1) ~ '^_\d{8}(T\d{6}Z)?$'
        )
        UPDATE meetings SET cancelled = true, said = false, revision = revision + 1
        FROM gone WHERE meetings.meeting_id = gone.meeting_id AND NOT cancelled
        """,
        account_id, calendar_id, list(event_ids),
    )  # fmt: skip
    return _affected(status)


async def cancel_older(
    connection: Connection, account_id: AccountId, calendar_id: str, generation: int, earliest: datetime | None
) -> int:
    """Meetings that a complete listing from `earliest` on did not meet; how many there were."""
    status = await connection.execute(
        """
        UPDATE meetings SET cancelled = true, said = false, revision = revision + 1
        WHERE account_id = $1 AND calendar_id = $2 AND generation < $3 AND NOT cancelled
          AND ($4::timestamptz IS NULL OR starts_at >= $4)
        """,
        account_id, calendar_id, generation, earliest,
    )  # fmt: skip
    return _affected(status)


_SELECT = "SELECT m.*, a.time_zone AS calendar_time_zone FROM meetings m JOIN accounts a USING (account_id)"

# What is in two calendars of an account is one meeting: its copy in the primary calendar stands for it, else the oldest one.
_IS_FIRST_COPY = """NOT EXISTS (
    SELECT FROM meetings copy
    WHERE copy.account_id = m.account_id AND copy.starts_at = m.starts_at AND NOT copy.cancelled
      AND copy.meeting->>'ical_uid' = m.meeting->>'ical_uid' AND copy.meeting->>'ical_uid' <> ''
      AND copy.meeting->>'original_start' = m.meeting->>'original_start'
      AND (copy.calendar_id <> 'primary', copy.meeting_id) < (m.calendar_id <> 'primary', m.meeting_id))"""


async def list_unpublished(
    connection: Connection, account_id: AccountId, calendar_id: str, limit: int
) -> list[Unpublished]:
    rows = await connection.fetch(
        f"{_SELECT} WHERE account_id = $1 AND calendar_id = $2 AND NOT said ORDER BY starts_at LIMIT $3",
        account_id, calendar_id, limit,
    )  # fmt: skip
    return [Unpublished(_meeting(row), row["cancelled"]) for row in rows]


async def list_unpublished_calendars(connection: Connection, account_id: AccountId) -> list[str]:
    """The calendars of which something is not published yet, also those that are read no longer."""
    rows = await connection.fetch(
        "SELECT DISTINCT calendar_id FROM meetings WHERE account_id = $1 AND NOT said", account_id
    )
    return [row["calendar_id"] for row in rows]


async def list_published(
    connection: Connection, account_id: AccountId, after: PublishedItem | None, limit: int
) -> list[PublishedItem]:
    """What was published of each meeting, cancelled ones too, by calendar and event. What is to be published is not among it."""
    rows = await connection.fetch(
        """
        SELECT calendar_id || '/' || event_id AS id, revision, cancelled AS removed FROM meetings
        WHERE account_id = $1 AND said AND ($2::text IS NULL OR calendar_id || '/' || event_id > $2)
        ORDER BY calendar_id || '/' || event_id LIMIT $3
        """,
        account_id, after.id if after else None, limit,
    )  # fmt: skip
    return [PublishedItem(**dict(row)) for row in rows]


async def mark_lost(
    connection: Connection, account_id: AccountId, lost: Sequence[tuple[PublishedItem, HeldItem]]
) -> tuple[int, int]:
    """Meetings that contacts do not hold as published are to be published again, with a revision above both. How many are, and how many
    were so too often. What has changed meanwhile is left alone.
    """
    row = await connection.fetchrow(
        """
        WITH lost (id, revision, held) AS (SELECT * FROM unnest($2::text[], $3::bigint[], $4::bigint[])),
        found AS (SELECT m.meeting_id, m.retries < $5 AS may_retry, lost.held FROM meetings m
                  JOIN lost ON m.calendar_id || '/' || m.event_id = lost.id AND m.revision = lost.revision
                  WHERE m.account_id = $1 AND m.said),
        retried AS (UPDATE meetings m SET said = false, retries = m.retries + 1, revision = GREATEST(m.revision, found.held) + 1
                    FROM found WHERE m.meeting_id = found.meeting_id AND found.may_retry)
        SELECT count(*) FILTER (WHERE may_retry) AS again, count(*) FILTER (WHERE NOT may_retry) AS given_up FROM found
        """,
        account_id, [item.id for item, _ in lost], [item.revision for item, _ in lost], [held.revision for _, held in lost],
        MAX_RETRIES,
    )  # fmt: skip
    return (row["again"], row["given_up"]) if row else (0, 0)


async def mark_meetings_published(connection: Connection, revisions: Mapping[MeetingId, int]) -> None:
    await connection.execute(
        """
        UPDATE meetings SET said = true FROM unnest($1::uuid[], $2::bigint[]) AS published (meeting_id, revision)
        WHERE meetings.meeting_id = published.meeting_id AND meetings.revision = published.revision
        """,
        list(revisions), list(revisions.values()),
    )  # fmt: skip


async def list_upcoming(connection: Connection, account_id: AccountId, start: datetime, end: datetime) -> list[Meeting]:
    """Meetings of one account that start in [start, end), each once."""
    rows = await connection.fetch(
        f"""
        {_SELECT} WHERE account_id = $1 AND NOT cancelled AND starts_at >= $2 AND starts_at < $3 AND {_IS_FIRST_COPY}
        ORDER BY starts_at
        """,
        account_id, start, end,
    )  # fmt: skip
    return [_meeting(row) for row in rows]


async def list_meetings(
    connection: Connection,
    user_id: UserId,
    start: datetime,
    end: datetime,
    account_id: AccountId | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Meeting]:
    """Meetings of a user that start in [start, end), by start; after the key `after`. Each account has each of them once."""
    rows = await connection.fetch(
        f"""
        {_SELECT}
        WHERE m.user_id = $1 AND NOT cancelled AND starts_at >= $2 AND starts_at < $3
          AND ($4::uuid IS NULL OR account_id = $4) AND {_IS_FIRST_COPY}
          AND ($5::timestamptz IS NULL OR (starts_at, meeting_id) > ($5, $6::uuid))
        ORDER BY starts_at, meeting_id LIMIT $7
        """,
        user_id, start, end, account_id, after[0] if after else None, after[1] if after else None, limit,
    )  # fmt: skip
    return [_meeting(row) for row in rows]


async def get_meeting(connection: Connection, user_id: UserId, meeting_id: MeetingId) -> Meeting | None:
    row = await connection.fetchrow(
        f"{_SELECT} WHERE m.user_id = $1 AND meeting_id = $2 AND NOT cancelled", user_id, meeting_id
    )
    return _meeting(row) if row else None


def _meeting(row: Record) -> Meeting:
    body: dict[str, Any] = row["meeting"]
    whole = {
        "guests_total": len(body["guests"]),
        **body,
        "meeting_id": row["meeting_id"],
        "revision": row["revision"],
        "calendar_time_zone": row["calendar_time_zone"],
    }
    return Meeting.model_validate(whole)


def _affected(status: str) -> int:
    return int(status.rpartition(" ")[2])
