"""Mail that nobody has answered: found by the index of mail that people wrote (migration 0017), and looked at one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import InteractionId, UserId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.scoring import WARM
from services.contacts.domain.waiting import UnansweredMail

Position = tuple[datetime, InteractionId]


@dataclass(frozen=True)
class MailOfPeople:
    """A message that a person wrote, as far as the index has it."""

    occurred_at: datetime
    interaction_id: InteractionId
    author_id: AddressId

    @property
    def position(self) -> Position:
        return (self.occurred_at, self.interaction_id)


async def list_mail_of_people(
    connection: Connection, user_id: UserId, later_than: datetime, before: Position, limit: int
) -> list[MailOfPeople]:
    """The next messages before a position that people wrote, whoever they are, and that were not dismissed; the newest first.

    Not mail that a list sent, nor mail that fails DMARC: who forges a contact's address waits for nothing.
    """
    rows = await connection.fetch(
        """SELECT occurred_at, id AS interaction_id, author_id FROM interactions
           WHERE user_id = $1 AND platform = 'email' AND automated = '' AND NOT via AND NOT unauthenticated AND dismissed_at IS NULL
             AND author_id IS NOT NULL AND occurred_at > $2 AND (occurred_at, id) < ($3, $4::uuid)
           ORDER BY occurred_at DESC, id DESC LIMIT $5""",
        user_id,
        later_than,
        *before,
        limit,
    )
    return [MailOfPeople(**row) for row in rows]


async def list_unanswered(connection: Connection, mails: Sequence[MailOfPeople]) -> list[UnansweredMail]:
    """Those of these messages that are the newest of their thread, from contacts who are close to the user, or whom they have written
    to; the newest first.

    Most mail is from others, who wait for nothing (domain/waiting.py): more than who they are is not read of it.
    """
    # Step by step, as OFFSET 0 has it. What has a LIMIT of its own is looked up for each message: together the planner would read all
    # mail that there is for some of it.
    rows = await connection.fetch(
        """SELECT unanswered.*, mine.found IS NOT NULL AS in_my_thread, me.found IS NOT NULL AS to_me
           FROM (
               SELECT i.id AS interaction_id, known.contact_id, known.name, known.score, known.written_to, i.title, i.text, i.occurred_at
               FROM (
                   SELECT mail.id, c.id AS contact_id, c.name, c.score, c.written_to
                   FROM unnest($1::uuid[], $2::bigint[]) AS mail(id, author_id)
                   JOIN addresses author ON author.id = mail.author_id AND NOT author.is_me AND NOT author.robot
                   JOIN contacts c ON c.id = author.contact_id AND NOT c.archived AND (c.written_to OR c.score >= $3) OFFSET 0
               ) known JOIN interactions i ON i.id = known.id
               -- Every account's own thread: who has answered from another address of theirs has answered.
               LEFT JOIN LATERAL (
                   SELECT true AS found FROM sightings own
                   JOIN sightings s ON s.source_id = own.source_id AND s.thread = own.thread AND s.fact IS NOT NULL
                   JOIN interactions other ON other.id = s.interaction_id AND other.automated = ''
                   JOIN addresses writer ON writer.id = other.author_id
                   WHERE own.interaction_id = i.id AND own.fact IS NOT NULL AND own.thread <> ''
                     AND (other.occurred_at, other.id) > (i.occurred_at, i.id) LIMIT 1
               ) later ON true
               WHERE later.found IS NULL OFFSET 0
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
        [mail.interaction_id for mail in mails],
        [mail.author_id for mail in mails],
        WARM,
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
