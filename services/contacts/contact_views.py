"""Contacts as replies show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.addresses import phone_key
from libs.common.db import Connection
from libs.common.errors import not_found
from libs.common.ids import ContactId, UserId
from libs.common.requests import BccAddress, Contact, ContactIdentity, ContactSummary, Phone
from services.contacts.domain.bcc import bcc_address
from services.contacts.domain.identities import profile_url
from services.contacts.domain.relationships import DetailedRelationship, continued, detailed_relationship
from services.contacts.domain.scoring import label
from services.contacts.store.accounts import Account, list_accounts
from services.contacts.store.addresses import list_contact_addresses
from services.contacts.store.contact_search import ListedContact
from services.contacts.store.contact_views import ContactDetails, list_details
from services.contacts.store.contacts import get_living_id
from services.contacts.store.identities import StoredIdentity, list_identities
from services.contacts.store.profiles import list_bios
from services.contacts.store.scores import list_interaction_times


async def get_contact_id(connection: Connection, user_id: UserId, contact_id: ContactId) -> ContactId:
    """The id of the living contact: for one that was merged away, of the one it went into. Refused: `not_found`."""
    found = await get_living_id(connection, user_id, contact_id)
    if found is None:
        raise not_found("contact")
    return found


async def get_contact_view(connection: Connection, user_id: UserId, contact_id: ContactId, now: datetime) -> Contact:
    """A contact of the user in full, with its score as of `now`."""
    [contact] = await list_contact_views(connection, user_id, [contact_id], now)
    return contact


async def list_contact_views(
    connection: Connection, user_id: UserId, contact_ids: Sequence[ContactId], now: datetime
) -> list[Contact]:
    """Contacts in full, in the order of `contact_ids`, with scores as of `now`; those with very many lines as they were computed last."""
    details = await list_details(connection, user_id, contact_ids)
    emails: dict[ContactId, list[str]] = {contact_id: [] for contact_id in contact_ids}
    for address in await list_contact_addresses(connection, contact_ids):
        if address.kind == "email":
            emails[address.contact_id].append(address.shown)
    identities: dict[ContactId, list[ContactIdentity]] = {contact_id: [] for contact_id in contact_ids}
    for identity in await list_identities(connection, contact_ids):
        identities[identity.contact_id].append(_identity(identity))
    known = {found.id: found.relationship for found in details if found.relationship}
    times = await list_interaction_times(connection, [found.id for found in details if found.id not in known])
    bios = await list_bios(connection, contact_ids)
    accounts = await list_accounts(connection, user_id)
    relationships = {contact_id: detailed_relationship(found, now) for contact_id, found in times.items()}
    relationships |= {id_: found.model_copy(update={"history": continued(found, now)}) for id_, found in known.items()}
    return [
        contact_view(
            ViewSources(
                found,
                tuple(emails[found.id]),
                tuple(identities[found.id]),
                relationships[found.id],
                bios.get(found.id, {}),
                accounts,
            )
        )
        for found in details
    ]


@dataclass(frozen=True)
class ViewSources:
    """What one contact is shown from."""

    details: ContactDetails
    emails: tuple[str, ...]
    identities: tuple[ContactIdentity, ...]
    relationship: DetailedRelationship
    bios: dict[str, str]
    accounts: Sequence[Account]


def contact_view(sources: ViewSources) -> Contact:
    """The contact with what is known of the relationship."""
    details, known = sources.details, sources.relationship
    return Contact(
        id=details.id,
        name=details.name,
        emails=sources.emails,
        company=details.company,
        title=details.title,
        photo_url=details.photo_url,
        score=known.score.total,
        label=known.score.label,
        last_interaction_at=known.last_at,
        first_interaction_at=known.first_at,
        next_meeting_at=known.next_meeting_at,
        going_cold=known.going_cold,
        interactions=known.lines,
        phones=tuple(_phone(shown) for shown in details.phones),
        identities=sources.identities,
        birthday=details.birthday,
        urls=details.urls,
        notes=details.notes,
        tags=details.tags,
        bios=sources.bios,
        bcc_hash=details.bcc_hash,
        bcc_addresses=tuple(
            BccAddress(account_id=account.id, address=bcc_address(account.address, details.bcc_hash))
            for account in sources.accounts
        ),
        relationship=known.score,
        numbers=known.numbers,
        history=known.history,
        imported=details.linked,
        archived=details.archived,
        created_at=details.created_at,
    )


def _phone(shown: str) -> Phone:
    number = phone_key(shown).partition(";")[0]  # E.164 has no extensions
    return Phone(shown=shown, e164=number if number.startswith("+") else None)


def _identity(stored: StoredIdentity) -> ContactIdentity:
    return ContactIdentity(
        kind=stored.kind,
        value=stored.value,
        shown=stored.shown,
        url=profile_url(stored.kind, stored.shown),
        emails=tuple(stored.emails),
        phones=tuple(stored.phones),
    )


def summary(contact: ListedContact) -> ContactSummary:
    """A line of a list."""
    return ContactSummary(
        id=contact.id,
        name=contact.name,
        emails=contact.emails,
        company=contact.company,
        title=contact.title,
        photo_url=contact.photo_url,
        score=contact.score,
        label=label(contact.score),
        last_interaction_at=contact.last_at,
        next_meeting_at=contact.next_meeting_at,
        going_cold=contact.going_cold,
    )
