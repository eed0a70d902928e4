"""How much there is of a user."""

from libs.common.db import Connection
from libs.common.ids import UserId
from libs.common.requests import Counts


async def get_counts(connection: Connection, user_id: UserId) -> Counts:
    """A meeting counts where somebody besides me is invited."""
    row = await connection.fetchrow(
        """SELECT
            (SELECT count(*) FROM contacts WHERE user_id = $1 AND merged_into IS NULL AND NOT archived) AS contacts,
            counted.messages,
            (SELECT count(*) FROM interactions i WHERE user_id = $1 AND platform = 'calendar' AND EXISTS (
                SELECT FROM participants p JOIN addresses a ON a.id = p.address_id
                WHERE p.interaction_id = i.id AND p.role = 'attendee' AND NOT a.is_me)) AS meetings,
            counted.other,
            (SELECT count(*) FROM cards WHERE user_id = $1 AND live AND contact_id IS NOT NULL) AS imported
           FROM (
               SELECT coalesce(sum(total) FILTER (WHERE platform = 'email'), 0)::bigint AS messages,
                      coalesce(sum(total) FILTER (WHERE platform NOT IN ('email', 'calendar')), 0)::bigint AS other
               FROM interaction_counts WHERE user_id = $1
           ) counted""",
        user_id,
    )
    assert row is not None  # sums are one row
    return Counts(**row)
