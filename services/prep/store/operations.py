"""What became of the briefs of all users, and what they cost: numbers for operators."""

from dataclasses import dataclass

from libs.common.db import Connection


@dataclass(frozen=True, slots=True)
class Briefs:
    """Those that were touched last within the last 24 hours (`recent`), or within thirty days before, with what they cost together."""

    state: str
    recent: bool
    briefs: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


async def list_briefs_of_month(connection: Connection) -> list[Briefs]:
    """By state, those of the last 24 hours apart."""
    rows = await connection.fetch(
        """
        SELECT state, updated_at > now() - interval '1 day' AS recent, count(*) AS briefs, sum(input_tokens) AS input_tokens,
               sum(output_tokens) AS output_tokens, sum(cost_usd) AS cost_usd
        FROM preps WHERE updated_at > now() - interval '30 days' GROUP BY 1, 2
        """
    )
    return [Briefs(**dict(row)) for row in rows]
