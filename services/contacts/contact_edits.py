"""Changes what a user typed about a contact."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime

from libs.common.db import Connection
from libs.common.errors import Refused, not_found
from libs.common.ids import ContactId, UserId
from libs.common.requests import Contact, ContactFields, TypedIdentity
from services.contacts.contact_fields import refresh_fields
from services.contacts.contact_views import get_contact_view
from services.contacts.context import Context
from services.contacts.domain.contact_edits import (
    MAX_TYPED,
    edited_fields,
    typed_emails,
    typed_identities,
)
from services.contacts.domain.observations import Participant
from services.contacts.domain.text import cleaned
from services.contacts.exclusions import refuse_excluded
from services.contacts.identity_resolution import resolve_identities
from services.contacts.store import addresses, contact_edits, contacts, identities, profiles, scores, users
from services.contacts.store.identity_resolution import Seeds


async def edit_contact(
    context: Context, user_id: UserId, edit: Callable[[Connection], Awaitable[ContactId]]
) -> Contact:
    """Under the user's lock: `edit` a contact, resolve anew who is who around it, show it. Publishes what changed."""
    async with context.locked_for_request(user_id) as connection:
        if await users.list_purged(connection, [user_id]):
            raise not_found("user")
        contact_id = await edit(connection)
        left = await resolve_identities(connection, user_id, Seeds(contacts=[contact_id]))
        contact = await get_contact_view(connection, user_id, contact_id, datetime.now(UTC))
    await context.publish_changed({user_id: left | {contact_id}})
    return contact


async def apply_fields(connection: Connection, user_id: UserId, contact_id: ContactId, typed: ContactFields) -> None:
    """Store what was typed. Refused: `address_taken`, `not_recorded`, `invalid_address`, `invalid_identity`, `invalid_url`."""
    before = await contact_edits.get_editable_contact(connection, contact_id)
    after = edited_fields(before.fields, before.phones, typed)
    await contact_edits.update_edited_fields(connection, contact_id, after)
    if typed.bios:
        bios: dict[str, str] = {platform: cleaned(bio, MAX_TYPED) for platform, bio in typed.bios.items()}
        await profiles.upsert_typed_bios(connection, contact_id, bios, datetime.now(UTC))
    if typed.emails is not None:
        emails = typed_emails(typed.emails)
        await refuse_excluded(connection, user_id, emails)
        await _refuse_taken(connection, user_id, contact_id, emails)
        await contact_edits.replace_emails(connection, user_id, contact_id, emails)
    if typed.phones is not None:
        await _follow_phones(connection, contact_id, before.phone_keys)
    if typed.identities is not None:
        await _replace_identities(connection, user_id, contact_id, typed.identities)
    if (typed.emails, typed.phones, typed.identities) != (None, None, None):  # other lines are on the timeline now
        await scores.mark_due(connection, [contact_id])


async def _replace_identities(
    connection: Connection, user_id: UserId, contact_id: ContactId, typed: Sequence[TypedIdentity]
) -> None:
    held = await identities.list_identities(connection, [contact_id])
    found = typed_identities(typed, {identity.address for identity in held})
    await refuse_excluded(connection, user_id, found)
    await _refuse_taken(connection, user_id, contact_id, found)
    await identities.replace_identities(connection, user_id, contact_id, found)


async def _follow_phones(connection: Connection, contact_id: ContactId, before: Collection[str]) -> None:
    """What was reported under a phone is on the timeline of the one contact that has it. `before`: its phones until now, comparable."""
    await refresh_fields(connection, [contact_id])
    await identities.take_off_dropped_phones(connection, contact_id, before)
    if free := await identities.list_free_phones(connection, contact_id):
        await addresses.update_owners_of_phones(connection, free)


async def _refuse_taken(
    connection: Connection, user_id: UserId, contact_id: ContactId, typed: Sequence[Participant]
) -> None:
    owners = await addresses.list_owners(connection, user_id, [participant.address for participant in typed])
    for participant in typed:
        other = owners.get(participant.address)
        if other is not None and other != contact_id:
            name = await contacts.get_name(connection, other)
            raise Refused(
                409,
                "address_taken",
                f"{participant.shown} belongs to {name}. Merge the two, or take it off there first.",
                contact_id=str(other),
                contact_name=name,
            )
