"""Sightings: what each source saw, and which interaction it belongs to."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.db import Connection, Record
from services.contacts.domain.projection import Observation, ObservedItem, Participant

Key = tuple[UUID, str, str]
GroupKey = tuple[UUID, str, str]


@dataclass(frozen=True)
class Stored:
    """A sighting as it lies in the database."""

    observation: Observation
    interaction_id: UUID | None


_COLUMNS = "s.source_id, s.platform, s.ref, s.user_id, s.revision, s.grp, s.interaction_id, s.fact"


async def list_sightings(connection: Connection, keys: Collection[Key], groups: Collection[GroupKey]) -> list[Stored]:
    """These sightings, and every live one of these groups."""
    rows = await connection.fetch(
        f"""SELECT {_COLUMNS} FROM unnest($1::uuid[], $2::text[], $3::text[]) AS k(source_id, platform, ref)
            JOIN sightings s USING (source_id, platform, ref)
            UNION
            SELECT {_COLUMNS} FROM unnest($4::uuid[], $5::text[], $6::text[]) AS g(user_id, platform, grp)
            JOIN sightings s USING (user_id, platform, grp) WHERE s.fact IS NOT NULL""",  # noqa: S608  (columns above)
        *_columns(keys),
        *_columns(groups),
    )
    return [_stored(row) for row in rows]


async def list_of_source(connection: Connection, source_id: UUID, limit: int) -> list[Observation]:
    rows = await connection.fetch(f"SELECT {_COLUMNS} FROM sightings s WHERE source_id = $1 LIMIT $2", source_id, limit)  # noqa: S608
    return [_stored(row).observation for row in rows]


async def upsert_sightings(connection: Connection, sightings: Iterable[tuple[Observation, UUID | None]]) -> None:
    rows = [
        (
            one.source_id,
            one.platform,
            one.ref,
            one.user_id,
            one.revision,
            one.group,
            one.item.thread if one.item else "",
            interaction_id,
            to_json(one.item) if one.item else None,
        )
        for one, interaction_id in sightings
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


async def delete_sightings(connection: Connection, keys: Collection[Key]) -> None:
    await connection.execute(
        """DELETE FROM sightings s USING unnest($1::uuid[], $2::text[], $3::text[]) AS k(source_id, platform, ref)
           WHERE (s.source_id, s.platform, s.ref) = (k.source_id, k.platform, k.ref)""",
        *_columns(keys),
    )


def _columns(keys: Collection[tuple[UUID, str, str]]) -> list[list[Any]]:
    return [list(column) for column in zip(*keys, strict=True)] if keys else [[], [], []]


def _stored(row: Record) -> Stored:
    observation = Observation(
        row["user_id"], row["source_id"], row["platform"], row["ref"], row["revision"], row["grp"],
        from_json(row["fact"]) if row["fact"] is not None else None,
    )  # fmt: skip
    return Stored(observation, row["interaction_id"])


def to_json(item: ObservedItem) -> dict[str, Any]:
    """The fields that are not at their defaults; people as lists."""
    fields = {name: value for name, value in vars(item).items() if value or name in ("occurred_at", "kind")}
    fields["people"] = [[who.role, who.kind, who.value, who.shown, who.name] for who in item.people]
    return fields


def from_json(event: dict[str, Any]) -> ObservedItem:
    ends_at = event.get("ends_at")
    return ObservedItem(
        **{
            **event,
            "occurred_at": datetime.fromisoformat(event["occurred_at"]),
            "ends_at": datetime.fromisoformat(ends_at) if ends_at else None,
            "people": tuple(Participant(*who) for who in event["people"]),
            "tags": tuple(event.get("tags", ())),
        }
    )
