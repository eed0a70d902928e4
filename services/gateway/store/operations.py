"""What waits here, over all users: numbers for operators."""

from services.gateway.store import Database


async def get_waiting_webhook_calls(connection: Database) -> tuple[int, float]:
    """How many calls are still to be made, about notifications and contacts, and for how many seconds the first of them is overdue."""
    row = await connection.fetchrow(
        """
        SELECT count(*) AS calls, COALESCE(GREATEST(extract(epoch FROM now() - min(due_at)), 0), 0) AS age
        FROM (SELECT due_at FROM webhook_deliveries
              UNION ALL SELECT due_at FROM webhook_contacts WHERE due_at IS NOT NULL) AS waiting
        """
    )
    assert row is not None, "an aggregate has a row"
    return row["calls"], float(row["age"])
