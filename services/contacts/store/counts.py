"""How much there is of a user."""

from libs.common.db import Connection
from libs.common.ids import UserId
from libs.common.requests import Counts


async def get_counts(connection: Connection, user_id: UserId) -> Counts:
    """A meeting counts where somebody besides me is invited."""
    row = await connection.fetchrow(
        """SELECT
            (SELECT count(*) FROM contacts WHERE user_id = $1 AND merged_into IS NULL AND NOT archived) AS contacts,
            (SELECT count(*) FROM interactions WHERE user_id = $1 AND platform = 'email') AS messages,
            (SELECT count(*) FROM interactions i WHERE user_id = $1 AND platform = 'calendar' AND EXISTS (
                SELECT FROM participants p JOIN addresses a ON a.id = p.address_id
                WHERE p.interaction_id = i.id AND p.role = 'attendee' AND NOT a.is_me)) AS meetings,
            (SELECT count(*) FROM interactions WHERE user_id = $1 AND platform NOT IN ('email', 'calendar')) AS other,
            (SELECT count(*) FROM cards WHERE user_id = $1 AND live AND contact_id IS NOT NULL) AS imported""",
        user_id,
    )
    assert row is not None  # a SELECT of sub-selects has one row
    return Counts(**row)
