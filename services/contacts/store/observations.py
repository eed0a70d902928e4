"""Observations: what each source saw (the table `sightings`), and which interaction it is part of."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.ids import InteractionId
from services.contacts.domain.identities import read_identity
from services.contacts.domain.observations import (
    EMAIL,
    GroupKey,
    Observation,
    ObservationKey,
    ObservedItem,
    Participant,
    SourceId,
)
from services.contacts.domain.projection import StoredObservation, Thread

_COLUMNS = "s.source_id, s.platform, s.ref, s.user_id, s.revision, s.grp, s.interaction_id, s.fact"
# What fields are called in the stored JSON, where that is not their name.
_STORED_NAMES = {"participants": "people", "bcc_tags": "tags"}


async def list_observations(
    connection: Connection, keys: Collection[ObservationKey], groups: Collection[GroupKey]
) -> dict[ObservationKey, StoredObservation]:
    """These observations, and every live one of these groups."""
    # Mail is found by the hash of its group, in an index of half the size; a policy lets nothing but plain columns lead there.
    rows = await connection.fetch(
        f"""SELECT {_COLUMNS} FROM unnest($1::uuid[], $2::text[], $3::text[]) AS k(source_id, platform, ref)
            JOIN sightings s USING (source_id, platform, ref)
            UNION
            SELECT {_COLUMNS} FROM unnest($4::uuid[], $5::text[], $6::text[]) AS g(user_id, platform, grp)
            JOIN sightings s ON s.user_id = g.user_id AND hashtextextended(s.grp, 0) = hashtextextended(g.grp, 0) AND s.grp = g.grp
            WHERE s.platform = 'email' AND s.fact IS NOT NULL
            UNION
            SELECT {_COLUMNS} FROM unnest($7::uuid[], $8::text[], $9::text[]) AS g(user_id, platform, grp)
            JOIN sightings s USING (user_id, platform, grp) WHERE s.platform <> 'email' AND s.fact IS NOT NULL""",  # noqa: S608  (columns above)
        *_arrays(keys),
        *_arrays([group for group in groups if group[1] == EMAIL]),
        *_arrays([group for group in groups if group[1] != EMAIL]),
    )
    return {
        stored.observation.key: stored
        for row in rows
        for stored in [StoredObservation(_observation(row), row["interaction_id"])]
    }


async def list_of_source(connection: Connection, source_id: SourceId, limit: int) -> list[Observation]:
    """Some of what this source saw, gone items included."""
    rows = await connection.fetch(f"SELECT {_COLUMNS} FROM sightings s WHERE source_id = $1 LIMIT $2", source_id, limit)  # noqa: S608
    return [_observation(row) for row in rows]


async def list_of_interactions(connection: Connection, ids: Collection[InteractionId]) -> list[Observation]:
    """Every live observation that these interactions stand on."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM sightings s WHERE interaction_id = ANY($1::uuid[]) AND fact IS NOT NULL",  # noqa: S608
        list(ids),
    )
    return [_observation(row) for row in rows]


async def get_next_revision(connection: Connection, key: ObservationKey) -> int:
    """One more than what is stored under this key; 0 where nothing is."""
    last: int | None = await connection.fetchval(
        "SELECT revision FROM sightings WHERE source_id = $1 AND platform = $2 AND ref = $3", *key
    )
    return 0 if last is None else last + 1


async def list_threads(connection: Connection, interaction_ids: Collection[InteractionId]) -> set[Thread]:
    """The mail threads in which these interactions are."""
    rows = await connection.fetch(
        """SELECT DISTINCT source_id, thread FROM sightings
           WHERE interaction_id = ANY($1::uuid[]) AND thread <> '' AND fact IS NOT NULL""",
        list(interaction_ids),
    )
    return {(row["source_id"], row["thread"]) for row in rows}


async def upsert_observations(
    connection: Connection, observations: Iterable[tuple[Observation, InteractionId | None]]
) -> None:
    """Each with the interaction that it is part of now."""
    rows = [
        (
            observation.source_id,
            observation.platform,
            observation.ref,
            observation.user_id,
            observation.revision,
            observation.group,
            observation.item.thread if observation.item else "",
            interaction_id,
            _to_json(observation.item) if observation.item else None,
        )
        for observation, interaction_id in observations
    ]
    if not rows:
        return
    await connection.execute(
        """INSERT INTO sightings (source_id, platform, ref, user_id, revision, grp, thread, interaction_id, fact)
           SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::uuid[],
                                $9::jsonb[])
           ON CONFLICT (source_id, platform, ref) DO UPDATE SET revision = excluded.revision, grp = excluded.grp,
               thread = excluded.thread, interaction_id = excluded.interaction_id, fact = excluded.fact""",
        *map(list, zip(*rows, strict=True)),
    )


async def delete_observations(connection: Connection, keys: Collection[ObservationKey]) -> None:
    await connection.execute(
        """DELETE FROM sightings s USING unnest($1::uuid[], $2::text[], $3::text[]) AS k(source_id, platform, ref)
           WHERE (s.source_id, s.platform, s.ref) = (k.source_id, k.platform, k.ref)""",
        *_arrays(keys),
    )


def _arrays(keys: Collection[tuple[UUID, str, str]]) -> list[list[Any]]:
    return [list(column) for column in zip(*keys, strict=True)] if keys else [[], [], []]


def _observation(row: Record) -> Observation:
    return Observation(
        row["user_id"], row["source_id"], row["platform"], row["ref"], row["revision"], row["grp"],
        _from_json(row["fact"]) if row["fact"] is not None else None,
    )  # fmt: skip


def _to_json(item: ObservedItem) -> dict[str, Any]:
    """The fields that are not at their defaults; participants as lists."""
    stored = {
        _STORED_NAMES.get(name, name): value
        for name, value in vars(item).items()
        if value or name in ("occurred_at", "kind")
    }
    stored["people"] = [
        [participant.role, participant.kind, participant.value, participant.shown, participant.name]
        for participant in item.participants
    ]
    return stored


def _from_json(stored: dict[str, Any]) -> ObservedItem:
    fields = dict(stored)
    participants, tags, ends_at = fields.pop("people"), fields.pop("tags", ()), fields.pop("ends_at", None)
    return ObservedItem(
        occurred_at=datetime.fromisoformat(fields.pop("occurred_at")),
        ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
        participants=tuple(_participant(*columns) for columns in participants),
        bcc_tags=tuple(tags),
        **fields,
    )


def _participant(role: str, kind: str, value: str, shown: str, name: str = "") -> Participant:
    """Identities of other platforms as they are compared today, whatever they were stored as."""
    found = None if kind in (EMAIL, "bcc") else read_identity(kind, shown)
    return (
        Participant(role, found.kind, found.value, shown, name)
        if found
        else Participant(role, kind, value, shown, name)
    )
