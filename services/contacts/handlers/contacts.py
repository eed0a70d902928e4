"""Contacts: found, shown, made, changed, deleted."""

from datetime import UTC, datetime

from libs.common.db import Connection
from libs.common.errors import Refused
from libs.common.idempotency import creation_id
from libs.common.ids import ContactId
from libs.common.pagination import cut_page, json_bytes
from libs.common.requests import (
    Contact,
    ContactPage,
    CreateContact,
    DeleteContact,
    Done,
    GetContact,
    GetPhoto,
    ListTags,
    PhotoSource,
    RotateBcc,
    SearchContacts,
    Tags,
    UpdateContact,
)
from services.contacts.contact_edits import apply_fields, edit_contact
from services.contacts.contact_search import list_by_words, list_sorted
from services.contacts.contact_views import get_contact_id, get_contact_view, summary
from services.contacts.context import Context
from services.contacts.domain.text import search_terms
from services.contacts.store import bcc, contact_edits
from services.contacts.store.contact_search import list_tags
from services.contacts.store.contact_views import get_photo_url
from services.contacts.store.contacts import get_living_id, insert_contacts

TAGS_SHOWN = 200


async def search_contacts(context: Context, query: SearchContacts) -> ContactPage:
    """By text, best first; without text in the order that is asked for."""
    terms = search_terms(query.q)
    if query.q.strip() and not terms.begins:
        return ContactPage(items=())  # nothing but signs: no name has any
    async with context.acquire_for_full_text() if terms.begins else context.db.acquire() as connection:
        found = await (list_by_words(connection, query, terms) if terms.begins else list_sorted(connection, query))
    page, next_cursor = cut_page(
        found.contacts, query.limit, found.position, size_bytes=lambda contact: json_bytes(summary(contact))
    )
    return ContactPage(items=tuple(map(summary, page)), next_cursor=next_cursor)


async def get_tags(context: Context, query: ListTags) -> Tags:
    """The tags to choose from."""
    async with context.db.acquire() as connection:
        return Tags(items=tuple(await list_tags(connection, query.user_id, TAGS_SHOWN)))


async def get_contact(context: Context, query: GetContact) -> Contact:
    """The contact; for the id of one that was merged away, the one it went into."""
    async with context.db.acquire() as connection:
        contact_id = await get_contact_id(connection, query.user_id, query.contact_id)
        return await get_contact_view(connection, query.user_id, contact_id, datetime.now(UTC))


async def get_photo(context: Context, query: GetPhoto) -> PhotoSource:
    """Where the contact's photo is. Refused: `not_found`."""
    async with context.db.acquire() as connection:
        contact_id = await get_contact_id(connection, query.user_id, query.contact_id)
        return PhotoSource(url=await get_photo_url(connection, contact_id))


async def create_contact(context: Context, command: CreateContact) -> Contact:
    """Where it is there already, its creator got no reply and tries again. Refused: `empty_contact`, and as `apply_fields`."""
    fields = command.fields
    if not any((fields.name, fields.emails, fields.phones, fields.identities, fields.company)):
        raise Refused(422, "empty_contact", "A contact needs a name, an email, a phone, a handle or a company.")

    async def create(connection: Connection) -> ContactId:
        contact_id = ContactId(creation_id())
        if created := await get_living_id(connection, command.user_id, contact_id):
            return created
        await insert_contacts(connection, [(contact_id, command.user_id)])
        await apply_fields(connection, command.user_id, contact_id, fields)
        return contact_id

    return await edit_contact(context, command.user_id, create)


async def update_contact(context: Context, command: UpdateContact) -> Contact:
    """What is given is from now on the user's. Refused: as `apply_fields`."""

    async def update(connection: Connection) -> ContactId:
        contact_id = await get_contact_id(connection, command.user_id, command.contact_id)
        await apply_fields(connection, command.user_id, contact_id, command.fields)
        return contact_id

    return await edit_contact(context, command.user_id, update)


async def rotate_bcc(context: Context, command: RotateBcc) -> Contact:
    """A new BCC hash; the earlier ones log no later mail."""

    async def rotate(connection: Connection) -> ContactId:
        contact_id = await get_contact_id(connection, command.user_id, command.contact_id)
        await bcc.rotate_hash(connection, command.user_id, contact_id, datetime.now(UTC))
        return contact_id

    return await edit_contact(context, command.user_id, rotate)


async def delete_contact(context: Context, command: DeleteContact) -> Done:
    """The contact and its notes go; neither mail nor its card brings it back."""
    async with context.locked_for_request(command.user_id) as connection:
        contact_id = await get_contact_id(connection, command.user_id, command.contact_id)
        await contact_edits.delete_contact(connection, command.user_id, contact_id)
    await context.publish_changed({command.user_id: {contact_id}})
    return Done()
