"""Contacts as answers show them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.addresses import phone_key
from libs.common.db import Connection, Record
from libs.common.ids import AccountId, ContactId
from libs.common.requests import BccAddress, Contact, ContactSummary, Phone
from services.contacts.domain.bcc import bcc_address
from services.contacts.domain.scoring import ScoredInteraction, counted_interactions, label, score
from services.contacts.store.addresses import list_addresses
from services.contacts.store.timelines import list_scored_interactions
from services.contacts.store.users import list_accounts


def summary(row: Record) -> ContactSummary:
    """A line of a list. `row` has the columns of store.search."""
    return ContactSummary(
        id=ContactId(row["id"]),
        name=row["name"],
        emails=tuple(row["emails"]),
        company=row["company"],
        title=row["title"],
        photo_url=row["photo_url"],
        score=row["score"],
        label=label(row["score"]),
        last_interaction_at=row["last_at"],
    )


async def list_portraits(connection: Connection, user_id: UUID, ids: Sequence[UUID], now: datetime) -> list[Contact]:
    """Contacts in full, in the order of `ids`, with scores as of `now`."""
    rows = await connection.fetch(
        """SELECT c.*, EXISTS (SELECT FROM cards k WHERE k.contact_id = c.id AND k.live) AS linked
           FROM contacts c WHERE c.id = ANY($1::uuid[]) AND c.user_id = $2""",
        list(ids),
        user_id,
    )
    by_id = {row["id"]: row for row in rows}
    emails: dict[UUID, list[str]] = defaultdict(list)
    for row in await list_addresses(connection, ids):
        if row["kind"] == "email":
            emails[row["contact_id"]].append(row["shown"])
    interactions = await list_scored_interactions(connection, ids)
    bios = await list_bios(connection, ids)
    accounts = await list_accounts(connection, user_id)
    return [
        _portrait(by_id[id_], tuple(emails[id_]), interactions[id_], bios.get(id_, {}), accounts, now)
        for id_ in ids
        if id_ in by_id
    ]


async def list_bios(connection: Connection, ids: Collection[UUID]) -> dict[UUID, dict[str, str]]:
    """The newest bio per contact and platform."""
    bios: dict[UUID, dict[str, str]] = defaultdict(dict)
    for row in await connection.fetch(
        """SELECT DISTINCT ON (a.contact_id, p.platform) a.contact_id, p.platform, p.bio
           FROM profiles p JOIN addresses a ON a.id = p.address_id
           WHERE a.contact_id = ANY($1::uuid[]) ORDER BY a.contact_id, p.platform, p.at DESC, a.id""",
        list(ids),
    ):
        bios[row["contact_id"]][row["platform"]] = row["bio"]
    return bios


def _portrait(
    row: Record,
    emails: tuple[str, ...],
    interactions: Sequence[ScoredInteraction],
    bios: dict[str, str],
    accounts: Sequence[Record],
    now: datetime,
) -> Contact:
    had = [one.occurred_at for one in counted_interactions(interactions, now)]
    relationship = score(interactions, now)
    hash_: str = row["bcc_hash"]
    return Contact(
        id=ContactId(row["id"]),
        name=row["name"],
        emails=emails,
        company=row["company"],
        title=row["title"],
        photo_url=row["photo_url"],
        score=relationship.total,
        label=relationship.label,
        last_interaction_at=max(had, default=None),
        first_interaction_at=min(had, default=None),
        interactions=len(interactions),
        phones=tuple(_phone(shown) for shown in row["phones"]),
        birthday=row["birthday"],
        urls=tuple(row["urls"]),
        notes=row["notes"],
        tags=tuple(row["tags"]),
        bios=bios,
        bcc_hash=hash_,
        bcc_addresses=tuple(
            BccAddress(account_id=AccountId(account["id"]), address=bcc_address(account["address"], hash_))
            for account in accounts
        ),
        relationship=relationship,
        imported=row["linked"],
        archived=row["archived"],
        created_at=row["created_at"],
    )


def _phone(shown: str) -> Phone:
    key = phone_key(shown)
    return Phone(shown=shown, e164=key if key.startswith("+") else None)
