"""What is looked up about the guests of a meeting: always for all of them together, and no further back than is of use."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import ContactId, InteractionId, UserId
from libs.common.requests import Colleague, FormerWork
from services.contacts.domain.guest_history import PastLine

COLLEAGUES, MOST_OF_DOMAIN = 3, 1_000


async def list_past_lines(
    connection: Connection, contact_ids: Collection[ContactId], before: datetime, limit: int
) -> dict[ContactId, list[PastLine]]:
    """What each contact is on before this moment, newest first: of the newest `limit`, by the index of their addresses.

    As on timelines, what comes under their BCC hash is theirs only where the user wrote it.
    """
    # Each interaction is looked up by itself, as OFFSET 0 has it: together the planner would read all that there are.
    rows = await connection.fetch(
        """SELECT guest.contact_id, found.interaction_id, line.*
           FROM unnest($1::uuid[]) AS guest(contact_id)
           CROSS JOIN LATERAL (
               SELECT piece.occurred_at, piece.interaction_id, bool_or(piece.named) AS named
               FROM addresses a CROSS JOIN LATERAL (
                   SELECT p.occurred_at, p.interaction_id, bool_or(p.role <> 'bcc_log') AS named FROM participants p
                   WHERE p.address_id = a.id AND p.occurred_at < $2
                   GROUP BY 1, 2 ORDER BY 1 DESC, 2 DESC LIMIT $3
               ) piece
               WHERE a.contact_id = guest.contact_id GROUP BY 1, 2 ORDER BY 1 DESC, 2 DESC LIMIT $3
           ) found
           CROSS JOIN LATERAL (
               SELECT i.occurred_at, i.platform, regexp_replace(i.grp, '@[^@]*$', '') AS series, i.title, i.crowd AS people,
                      counts_towards_relationship(i.automated, i.answered)
                          AND NOT (i.unauthenticated AND coalesce(author.is_me, false)) AS counted,
                      coalesce(i.direction IN ('inbound', 'outbound'), author.is_me OR author.contact_id = guest.contact_id, false)
                          AS exchanged
               FROM interactions i LEFT JOIN addresses author ON author.id = i.author_id
               WHERE i.id = found.interaction_id AND (found.named OR (author.is_me AND NOT i.unauthenticated)) OFFSET 0
           ) line
           ORDER BY guest.contact_id, line.occurred_at DESC, found.interaction_id DESC""",
        list(contact_ids),
        before,
        limit,
    )
    lines: dict[ContactId, list[PastLine]] = defaultdict(list)
    for row in rows:
        lines[row["contact_id"]].append(PastLine(**row))
    return lines


async def list_open(connection: Connection, ids: Collection[InteractionId]) -> set[InteractionId]:
    """Those of these interactions after which nobody but their author has written in their thread, in every account that has it.

    Not what the user has dismissed, and not what somebody forged or sent to a list.
    """
    rows = await connection.fetch(
        """SELECT i.id FROM unnest($1::uuid[]) AS candidate(id)
           JOIN interactions i ON i.id = candidate.id
           LEFT JOIN addresses author ON author.id = i.author_id
           LEFT JOIN LATERAL (
               SELECT true AS found FROM sightings own
               JOIN sightings s ON s.source_id = own.source_id AND s.thread = own.thread AND s.fact IS NOT NULL
               JOIN interactions other ON other.id = s.interaction_id AND other.automated = ''
               LEFT JOIN addresses writer ON writer.id = other.author_id
               WHERE own.interaction_id = i.id AND own.fact IS NOT NULL AND own.thread <> ''
                 AND (other.occurred_at, other.id) > (i.occurred_at, i.id)
                 AND CASE WHEN i.direction IS NOT NULL THEN other.direction IS DISTINCT FROM i.direction
                     ELSE NOT coalesce(writer.id = author.id OR (writer.is_me AND author.is_me)
                                       OR writer.contact_id = author.contact_id, false) END
               LIMIT 1
           ) later ON true
           WHERE i.thread <> '' AND i.automated = '' AND i.dismissed_at IS NULL AND NOT i.via AND NOT i.unauthenticated
             AND later.found IS NULL""",
        list(ids),
    )
    return {row["id"] for row in rows}


async def list_written_to_me(connection: Connection, ids: Collection[InteractionId]) -> set[InteractionId]:
    """Those of these messages that have the user in To."""
    rows = await connection.fetch(
        """SELECT candidate.id FROM unnest($1::uuid[]) AS candidate(id) CROSS JOIN LATERAL (
               SELECT FROM participants p JOIN addresses a ON a.id = p.address_id
               WHERE p.interaction_id = candidate.id AND p.role = 'to' AND a.is_me LIMIT 1
           ) mine""",
        list(ids),
    )
    return {row["id"] for row in rows}


async def count_others(connection: Connection, ids: Collection[InteractionId]) -> dict[InteractionId, int]:
    """How many people beside the user are on each of these meetings."""
    rows = await connection.fetch(
        """SELECT p.interaction_id, count(DISTINCT coalesce(a.contact_id::text, a.value)) AS others
           FROM participants p JOIN addresses a ON a.id = p.address_id
           WHERE p.interaction_id = ANY($1::uuid[]) AND NOT a.is_me GROUP BY 1""",
        list(ids),
    )
    return {row["interaction_id"]: row["others"] for row in rows}


async def list_colleagues(
    connection: Connection, user_id: UserId, domains: Collection[str], now: datetime
) -> dict[str, tuple[Colleague, ...]]:
    """By mail domain the people under it with whom there was contact, the last one first."""
    rows = await connection.fetch(
        """SELECT wanted.domain, c.id, c.name, c.last_at FROM unnest($2::text[]) AS wanted(domain) CROSS JOIN LATERAL (
               SELECT DISTINCT c.id, c.name, c.last_at
               FROM (SELECT a.contact_id FROM addresses a
                     WHERE a.user_id = $1 AND a.domain = wanted.domain AND a.contact_id IS NOT NULL LIMIT $4) a
               JOIN contacts c ON c.id = a.contact_id
               WHERE c.last_at <= $3 AND NOT c.archived AND c.merged_into IS NULL ORDER BY c.last_at DESC, c.id LIMIT $5
           ) c""",
        user_id,
        list(domains),
        now,
        MOST_OF_DOMAIN,
        COLLEAGUES,
    )
    found: dict[str, list[Colleague]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["last_at"], row["id"]), reverse=True):
        colleague = Colleague(contact_id=row["id"], name=row["name"], last_contact_at=row["last_at"])
        found[row["domain"]].append(colleague)
    return {domain: tuple(colleagues) for domain, colleagues in found.items()}


async def list_former_work(connection: Connection, contact_ids: Collection[ContactId]) -> dict[ContactId, FormerWork]:
    """What the card that states a contact's work stated before."""
    rows = await connection.fetch(
        """SELECT DISTINCT ON (k.contact_id) k.contact_id, k.company_was, k.title_was, k.work_changed_at
           FROM cards k JOIN contacts c ON c.id = k.contact_id AND (c.company, c.title) = (k.company, k.title)
           WHERE k.contact_id = ANY($1::uuid[]) AND k.live AND k.work_changed_at IS NOT NULL
           ORDER BY k.contact_id, k.work_changed_at DESC""",
        list(contact_ids),
    )
    return {
        row["contact_id"]: FormerWork(
            company=row["company_was"], title=row["title_was"], changed_at=row["work_changed_at"]
        )
        for row in rows
    }


async def list_birthdays(connection: Connection, contact_ids: Collection[ContactId]) -> dict[ContactId, str]:
    """Of those whose birthday is known."""
    rows = await connection.fetch(
        "SELECT id, birthday FROM contacts WHERE id = ANY($1::uuid[]) AND birthday <> ''", list(contact_ids)
    )
    return {row["id"]: row["birthday"] for row in rows}
