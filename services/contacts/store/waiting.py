"""Mail that nobody has answered: found by the index of mail that people wrote (migration 0014)."""

from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import InteractionId, UserId
from services.contacts.domain.waiting import UnansweredMail


async def list_unanswered(
    connection: Connection, user_id: UserId, after: datetime, before: datetime, limit: int
) -> list[UnansweredMail]:
    """The newest `limit` messages of a time that a contact wrote, that are the newest of their thread and were not dismissed.

    Not mail that a program or a list sent, nor mail that fails DMARC: who forges a contact's address waits for nothing.
    """
    rows = await connection.fetch(
        """SELECT i.id AS interaction_id, c.id AS contact_id, c.name, c.score, i.title, i.text, i.occurred_at, thread.in_my_thread,
               EXISTS (SELECT FROM participants p JOIN addresses a ON a.id = p.address_id
                       WHERE p.interaction_id = i.id AND p.role = 'to' AND a.is_me) AS to_me,
               EXISTS (SELECT FROM addresses theirs
                       JOIN participants p ON p.address_id = theirs.id AND p.role IN ('to', 'cc', 'bcc')
                       JOIN interactions sent ON sent.id = p.interaction_id AND NOT sent.unauthenticated
                       JOIN addresses writer ON writer.id = sent.author_id AND writer.is_me
                       WHERE theirs.contact_id = c.id) AS written_to
           FROM interactions i
           JOIN addresses author ON author.id = i.author_id AND NOT author.is_me AND NOT author.robot
           JOIN contacts c ON c.id = author.contact_id AND NOT c.archived
           -- Every account's own thread: who has answered from another address of theirs has answered.
           CROSS JOIN LATERAL (
               SELECT coalesce(bool_or((other.occurred_at, other.id) > (i.occurred_at, i.id) AND other.automated = ''), false) AS continued,
                      coalesce(bool_or(writer.is_me AND NOT other.unauthenticated), false) AS in_my_thread
               FROM sightings own
               JOIN sightings s ON s.source_id = own.source_id AND s.thread = own.thread AND s.fact IS NOT NULL
               JOIN interactions other ON other.id = s.interaction_id
               JOIN addresses writer ON writer.id = other.author_id
               WHERE own.interaction_id = i.id AND own.fact IS NOT NULL AND own.thread <> ''
           ) thread
           WHERE i.user_id = $1 AND i.platform = 'email' AND i.automated = '' AND i.occurred_at > $2 AND i.occurred_at < $3
             AND NOT i.via AND NOT i.unauthenticated AND i.dismissed_at IS NULL AND NOT thread.continued
           ORDER BY i.occurred_at DESC, i.id DESC LIMIT $4""",
        user_id,
        after,
        before,
        limit,
    )
    return [UnansweredMail(**row) for row in rows]


async def dismiss(connection: Connection, user_id: UserId, interaction_id: InteractionId, now: datetime) -> bool:
    """This message waits no more; whether the user has it."""
    found = await connection.fetchval(
        """UPDATE interactions SET dismissed_at = coalesce(dismissed_at, $3)
           WHERE id = $1 AND user_id = $2 AND platform = 'email' RETURNING id""",
        interaction_id,
        user_id,
        now,
    )
    return found is not None


async def restore(connection: Connection, user_id: UserId, interaction_id: InteractionId) -> bool:
    """This message is no longer dismissed, or never was; whether the user has it."""
    found = await connection.fetchval(
        """UPDATE interactions SET dismissed_at = NULL
           WHERE id = $1 AND user_id = $2 AND platform = 'email' RETURNING id""",
        interaction_id,
        user_id,
    )
    return found is not None
