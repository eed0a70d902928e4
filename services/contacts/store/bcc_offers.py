"""Offers to call an address the user's own: found with the mail that gives rise to it, published once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.db import Connection
from libs.common.ids import AccountId, ContactId, UserId
from services.contacts.domain.observations import ObservationKey


@dataclass(frozen=True)
class PendingOffer:
    """An offer that was not published yet. `moot`: its address has become the user's, or its contact is gone."""

    user_id: UserId
    account_id: AccountId
    contact_id: ContactId
    address: str
    name: str
    moot: bool


async def insert_offers(
    connection: Connection, keys: Collection[ObservationKey], now: datetime, at_most: int, window: timedelta
) -> None:
    """Of these observations, remember the authors that carry a contact's hash and are strangers to the user.

    Not those whom nobody would take for the user: robots, lists, and the contact itself, who got to know the address. At most
    `at_most` per user within `window`: who learns a hash must not be able to flood anybody with offers.
    """
    await connection.execute(
        """INSERT INTO bcc_offers (user_id, address, name, account_id, contact_id, at)
           SELECT user_id, value, name, source_id, contact_id, $4::timestamptz FROM (
               SELECT found.*, row_number() OVER (PARTITION BY found.user_id ORDER BY found.value) + (
                   SELECT count(*) FROM bcc_offers o WHERE o.user_id = found.user_id AND o.at > $6
               ) AS nth
               FROM (
                   SELECT DISTINCT ON (i.user_id, author.value)
                       i.user_id, author.value, writer.name, s.source_id, hash.contact_id
                   FROM unnest($1::uuid[], $2::text[], $3::text[]) AS k(source_id, platform, ref)
                   JOIN sightings s USING (source_id, platform, ref)
                   JOIN interactions i ON i.id = s.interaction_id AND i.bcc_logged AND i.automated = '' AND NOT i.via
                   JOIN addresses author ON author.id = i.author_id AND NOT author.is_me AND NOT author.robot
                   JOIN participants writer ON writer.interaction_id = i.id AND writer.address_id = author.id AND writer.role = 'from'
                   JOIN participants logged ON logged.interaction_id = i.id AND logged.role = 'bcc_log'
                   JOIN addresses hash ON hash.id = logged.address_id AND hash.contact_id IS NOT NULL
                       AND hash.contact_id IS DISTINCT FROM author.contact_id
                   WHERE NOT EXISTS (SELECT FROM bcc_offers o WHERE o.user_id = i.user_id AND o.address = author.value)
                   ORDER BY i.user_id, author.value, i.occurred_at, hash.id
               ) found
           ) numbered WHERE nth <= $5
           ON CONFLICT DO NOTHING""",
        *map(list, zip(*keys, strict=True)),
        now,
        at_most,
        now - window,
    )


async def list_pending_offers(connection: Connection, before: datetime, limit: int) -> list[PendingOffer]:
    """Offers that were found before this moment, oldest first; each with the contact into which its own was merged."""
    rows = await connection.fetch(
        """SELECT o.user_id, o.address, o.name, o.account_id, coalesce(k.merged_into, k.id) AS contact_id,
                  k.id IS NULL OR coalesce(a.is_me, true) AS moot
           FROM bcc_offers o
           LEFT JOIN contacts k ON k.id = o.contact_id
           LEFT JOIN addresses a ON a.user_id = o.user_id AND a.kind = 'email' AND a.value = o.address
           WHERE o.told_at IS NULL AND o.at <= $1 ORDER BY o.at, o.address LIMIT $2""",
        before,
        limit,
    )
    return [
        PendingOffer(row["user_id"], row["account_id"], row["contact_id"], row["address"], row["name"], row["moot"])
        for row in rows
    ]


async def mark_published(connection: Connection, offer: PendingOffer, now: datetime) -> None:
    await connection.execute(
        "UPDATE bcc_offers SET told_at = $3 WHERE user_id = $1 AND address = $2 AND told_at IS NULL",
        offer.user_id,
        offer.address,
        now,
    )


async def delete_offer(connection: Connection, offer: PendingOffer) -> None:
    """It was never published: should there be reason for it again, it may be made again."""
    await connection.execute(
        "DELETE FROM bcc_offers WHERE user_id = $1 AND address = $2 AND told_at IS NULL", offer.user_id, offer.address
    )
