"""What the tables and indexes of all services take on the disk, each by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from libs.common.ids import SERVICES

Database: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# Whole files with their maps of free space and visibility; a table with what is kept apart of its long values.
_SIZES = """
    SELECT n.nspname AS schema, c.relname AS table, i.relname AS index, c.oid::regclass::text AS place,
           CASE WHEN i.oid IS NULL THEN pg_table_size(c.oid) ELSE pg_total_relation_size(i.oid) END AS bytes
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (
        SELECT NULL::oid AS oid, NULL::name AS relname
        UNION ALL SELECT x.oid, x.relname FROM pg_index d JOIN pg_class x ON x.oid = d.indexrelid WHERE d.indrelid = c.oid
    ) i
    WHERE c.relkind = 'r' AND n.nspname = ANY($1::text[])
"""


@dataclass(frozen=True)
class Relation:
    """A table, or one of its indexes."""

    schema: str
    table: str
    index: str | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}" if self.index is None else f"{self.schema}.{self.index} (index)"


async def relation_sizes(database: Database) -> dict[Relation, int]:
    """Bytes of each relation of every service, dead rows taken away before."""
    await database.execute("VACUUM ANALYZE")
    rows = await database.fetch(_SIZES, list(SERVICES))
    return {Relation(row["schema"], row["table"], row["index"]): row["bytes"] for row in rows}


async def row_widths(database: Database, tables: Mapping[Relation, int]) -> dict[Relation, tuple[int, float]]:
    """How many rows each of these tables has, and how many bytes one has in the mean, its header included."""
    found: dict[Relation, tuple[int, float]] = {}
    for table in tables:
        row = await database.fetchrow(
            f"SELECT count(*) AS rows, coalesce(avg(pg_column_size(t)), 0)::float8 AS width FROM {table} t"
        )
        assert row is not None, "an aggregate has one row"
        found[table] = row["rows"], row["width"]
    return found


def growth(before: Mapping[Relation, int], after: Mapping[Relation, int]) -> dict[Relation, int]:
    """By how many bytes each relation has grown, the largest first; those that have not are not there."""
    grown = {relation: size - before.get(relation, 0) for relation, size in after.items()}
    return {relation: size for relation, size in sorted(grown.items(), key=lambda item: -item[1]) if size > 0}
