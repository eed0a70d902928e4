"""Mail that nobody has answered: found by the index of mail that people wrote (migration 0014), and looked at one by one."""

from collections.abc import Collection, Sequence
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import ContactId, InteractionId, UserId
from services.contacts.domain.waiting import UnansweredMail

Position = tuple[datetime, InteractionId]


async def list_mail_of_people(
    connection: Connection, user_id: UserId, later_than: datetime, before: Position, limit: int
) -> list[Position]:
    """The next messages before a position that people wrote, whoever they are, the newest first."""
    rows = await connection.fetch(
        """SELECT occurred_at, id FROM interactions
           WHERE user_id = $1 AND platform = 'email' AND automated = '' AND occurred_at > $2 AND (occurred_at, id) < ($3, $4::uuid)
           ORDER BY occurred_at DESC, id DESC LIMIT $5""",
        user_id,
        later_than,
        *before,
        limit,
    )
    return [(row["occurred_at"], row["id"]) for row in rows]


async def list_unanswered(connection: Connection, ids: Sequence[InteractionId]) -> list[UnansweredMail]:
    """Those of these messages that a contact wrote, that are the newest of their thread and were not dismissed; the newest first.

    Not mail that a list sent, nor mail that fails DMARC: who forges a contact's address waits for nothing.
    """
    # What has a LIMIT of its own is looked up for each message: together the planner would read all mail that there is for some of it.
    rows = await connection.fetch(
        """SELECT unanswered.*, mine.found IS NOT NULL AS in_my_thread, me.found IS NOT NULL AS to_me
           FROM (
               SELECT i.id AS interaction_id, c.id AS contact_id, c.name, c.score, i.title, i.text, i.occurred_at
               FROM unnest($1::uuid[]) AS candidate(id)
               JOIN interactions i ON i.id = candidate.id
               JOIN addresses author ON author.id = i.author_id AND NOT author.is_me AND NOT author.robot
               JOIN contacts c ON c.id = author.contact_id AND NOT c.archived
               -- Every account's own thread: who has answered from another address of theirs has answered.
               LEFT JOIN LATERAL (
                   SELECT true AS found FROM sightings own
                   JOIN sightings s ON s.source_id = own.source_id AND s.thread = own.thread AND s.fact IS NOT NULL
                   JOIN interactions other ON other.id = s.interaction_id AND other.automated = ''
                   JOIN addresses writer ON writer.id = other.author_id
                   WHERE own.interaction_id = i.id AND own.fact IS NOT NULL AND own.thread <> ''
                     AND (other.occurred_at, other.id) > (i.occurred_at, i.id) LIMIT 1
               ) later ON true
               WHERE NOT i.via AND NOT i.unauthenticated AND i.dismissed_at IS NULL AND later.found IS NULL OFFSET 0
           ) unanswered
           LEFT JOIN LATERAL (
               SELECT true AS found FROM sightings own
               JOIN sightings s ON s.source_id = own.source_id AND s.thread = own.thread AND s.fact IS NOT NULL
               JOIN interactions other ON other.id = s.interaction_id AND NOT other.unauthenticated
               JOIN addresses writer ON writer.id = other.author_id AND writer.is_me
               WHERE own.interaction_id = unanswered.interaction_id AND own.fact IS NOT NULL AND own.thread <> '' LIMIT 1
           ) mine ON true
           LEFT JOIN LATERAL (
               SELECT true AS found FROM participants p JOIN addresses a ON a.id = p.address_id
               WHERE p.interaction_id = unanswered.interaction_id AND p.role = 'to' AND a.is_me LIMIT 1
           ) me ON true
           ORDER BY unanswered.occurred_at DESC, unanswered.interaction_id DESC""",
        list(ids),
    )
    written_to = await _list_written_to(connection, {row["contact_id"] for row in rows})
    return [UnansweredMail(**row, written_to=row["contact_id"] in written_to) for row in rows]


async def _list_written_to(connection: Connection, contact_ids: Collection[ContactId]) -> set[ContactId]:
    """Those of these contacts whom the user has written to."""
    rows = await connection.fetch(
        """SELECT known.contact_id FROM unnest($1::uuid[]) AS known(contact_id) CROSS JOIN LATERAL (
               SELECT FROM addresses theirs
               JOIN participants p ON p.address_id = theirs.id AND p.role IN ('to', 'cc', 'bcc')
               JOIN interactions sent ON sent.id = p.interaction_id AND NOT sent.unauthenticated
               JOIN addresses writer ON writer.id = sent.author_id AND writer.is_me
               WHERE theirs.contact_id = known.contact_id LIMIT 1
           ) written""",
        list(contact_ids),
    )
    return {row["contact_id"] for row in rows}


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
