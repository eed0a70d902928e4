"""What became of the briefs of all users, and what the model took of all of them: numbers for operators."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.common.db import Connection


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What all calls of the model within so many days took: those for briefs, for looks at them, and those that came to nothing."""

    days: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


async def count_briefs_of_day(connection: Connection) -> Mapping[str, int]:
    """Those that were touched last within the last 24 hours, by state."""
    rows = await connection.fetch(
        "SELECT state, count(*) AS briefs FROM preps WHERE updated_at > now() - interval '1 day' GROUP BY 1"
    )
    return {row["state"]: row["briefs"] for row in rows}


async def list_model_use(connection: Connection) -> list[ModelUse]:
    """Of a day, and of the thirty for which calls are on record."""
    rows = await connection.fetch(
        """
        SELECT days, COALESCE(sum(input_tokens), 0) AS input_tokens, COALESCE(sum(output_tokens), 0) AS output_tokens,
               COALESCE(sum(cost_usd), 0) AS cost_usd
        FROM unnest(ARRAY[1, 30]) AS days LEFT JOIN model_calls ON called_at > now() - days * interval '1 day'
        GROUP BY days ORDER BY days
        """
    )
    return [ModelUse(**dict(row)) for row in rows]
