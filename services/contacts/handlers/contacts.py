"""Questions about contacts: find, show, make, change, delete."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.errors import Refused, not_found
from libs.common.ids import new_id
from libs.common.pagination import INFINITE_PAST, decode_page_token, encode_page_token
from libs.common.requests import (
    Contact,
    ContactFields,
    ContactPage,
    CreateContact,
    DeleteContact,
    Done,
    GetContact,
    RotateBcc,
    SearchContacts,
    UpdateContact,
)
from services.contacts import contact_views, identity_resolution
from services.contacts.context import Context
from services.contacts.domain.contact_fields import FIELDS, dropped
from services.contacts.domain.observations import email_of
from services.contacts.domain.projection import Participant
from services.contacts.domain.text import cleaned, words
from services.contacts.store import addresses, contact_edits, contact_search, contacts, users

MAX_WORDS = 10


async def search_contacts(context: Context, query: SearchContacts) -> ContactPage:
    """By text, best first; without text by the asked order."""
    found = words(query.q).split()[:MAX_WORDS]
    if query.q.strip() and not found:
        return ContactPage(items=())  # nothing but signs: no name has any
    async with context.db.acquire() as connection:
        rows, position = await (_by_text(connection, query, found) if found else _sorted(connection, query))
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    next_cursor = encode_page_token(*position(rows[-1])) if more else None
    return ContactPage(items=tuple(map(contact_views.summary, rows)), next_cursor=next_cursor)


Listed = tuple[list[Record], Callable[[Record], tuple[object, ...]]]


async def _by_text(connection: Connection, request: SearchContacts, found: list[str]) -> Listed:
    """Every word must begin one of the contact's."""
    after = decode_page_token(request.cursor, int, UUID)
    query = " & ".join(f"{word}:*" for word in found)
    rows = await contact_search.by_text(connection, request.user_id, query, after, request.limit + 1)
    return rows, lambda row: (row["rank"], row["id"])


async def _sorted(connection: Connection, query: SearchContacts) -> Listed:
    user_id, size = query.user_id, query.limit + 1
    if query.sort == "name":
        by_name: Any = decode_page_token(query.cursor, str, UUID)
        return await contact_search.by_name(connection, user_id, by_name, size), lambda row: (
            row["name_key"],
            row["id"],
        )
    if query.sort == "score":
        by_score: Any = decode_page_token(query.cursor, int, datetime, UUID)
        return await contact_search.by_score(connection, user_id, by_score, size), lambda row: (
            row["score"],
            _last(row),
            row["id"],
        )
    by_recent: Any = decode_page_token(query.cursor, datetime, UUID)
    return await contact_search.by_recent(connection, user_id, by_recent, size), lambda row: (_last(row), row["id"])


def _last(row: Record) -> str:
    return (row["last_at"] or INFINITE_PAST).isoformat()


async def show_contact(context: Context, query: GetContact) -> Contact:
    """The contact; for the id of one that was merged away, the one it went into."""
    async with context.db.acquire() as connection:
        contact_id = await resolved(connection, query.user_id, query.contact_id)
        return await _portrait(connection, query.user_id, contact_id)


async def _portrait(connection: Connection, user_id: UUID, contact_id: UUID) -> Contact:
    [contact] = await contact_views.list_portraits(connection, user_id, [contact_id], datetime.now(UTC))
    return contact


async def resolved(connection: Connection, user_id: UUID, contact_id: UUID) -> UUID:
    """The id of the living contact. Refused: `not_found`."""
    found = await contacts.resolve(connection, user_id, contact_id)
    if found is None:
        raise not_found("contact")
    return found


async def create_contact(context: Context, command: CreateContact) -> Contact:
    fields = command.fields
    if not any((fields.name, fields.emails, fields.phones, fields.company)):
        raise Refused(422, "empty_contact", "A contact needs a name, an email, a phone or a company.")

    async def create(connection: Connection) -> UUID:
        contact_id = new_id()
        await contacts.insert_contacts(connection, [(contact_id, command.user_id)])
        await _put(connection, command.user_id, contact_id, fields)
        return contact_id

    return await _edit(context, command.user_id, create)


async def update_contact(context: Context, command: UpdateContact) -> Contact:
    async def update(connection: Connection) -> UUID:
        contact_id = await resolved(connection, command.user_id, command.contact_id)
        await _put(connection, command.user_id, contact_id, command.fields)
        return contact_id

    return await _edit(context, command.user_id, update)


async def rotate_bcc(context: Context, command: RotateBcc) -> Contact:
    async def rotate(connection: Connection) -> UUID:
        contact_id = await resolved(connection, command.user_id, command.contact_id)
        await contact_edits.rotate_hash(connection, command.user_id, contact_id, datetime.now(UTC))
        return contact_id

    return await _edit(context, command.user_id, rotate)


async def delete_contact(context: Context, command: DeleteContact) -> Done:
    async with context.transaction() as connection:
        await users.lock_users(connection, [command.user_id])
        contact_id = await resolved(connection, command.user_id, command.contact_id)
        await contact_edits.delete_contact(connection, command.user_id, contact_id)
    await context.tell({command.user_id: {contact_id}})
    return Done()


async def _edit(context: Context, user_id: UUID, edit: Callable[[Connection], Awaitable[UUID]]) -> Contact:
    """Under the user's lock: edit, group anew what hangs on it, show the contact."""
    async with context.transaction() as connection:
        await users.lock_users(connection, [user_id])
        if await users.list_purged(connection, [user_id]):
            raise not_found("user")
        contact_id = await edit(connection)
        changed = await identity_resolution.regroup(connection, user_id, contacts=[contact_id]) | {contact_id}
        contact = await _portrait(connection, user_id, contact_id)
    await context.tell({user_id: changed})
    return contact


async def _put(connection: Connection, user_id: UUID, contact_id: UUID, fields: ContactFields) -> None:
    """Store what was typed. Refused: `address_taken`, `invalid_address`, `invalid_url`."""
    before = await contact_edits.get_contact(connection, contact_id)
    values: dict[str, Any] = {}
    for name in FIELDS:
        if (value := getattr(fields, name)) is not None:
            values[name] = _typed(name, value)
    edited = set(before["edited"]) | set(values)
    if fields.phones is not None:
        phones = _typed("phones", fields.phones)
        values["typed_phones"] = phones
        values["dropped_phones"] = sorted(dropped([*before["phones"], *before["dropped_phones"]], phones))
    if fields.archived is not None:
        values["archived"] = fields.archived
        edited.add("archived")
    await contact_edits.put_columns(connection, contact_id, {**values, "edited": sorted(edited)})
    if fields.emails is not None:
        emails = [_email(one) for one in fields.emails]
        await _refuse_taken(connection, user_id, contact_id, emails)
        await contact_edits.put_emails(
            connection, user_id, contact_id, list({who.value: who for who in emails}.values())
        )


def _typed(name: str, value: str | tuple[str, ...]) -> str | list[str]:
    limit = 50_000 if name == "notes" else 2_000
    if isinstance(value, str):
        text = cleaned(value, limit)
        return _link(text) if name == "photo_url" and text else text
    texts = [text for one in value if (text := cleaned(one, limit))]
    return [_link(text) for text in texts] if name == "urls" else list(dict.fromkeys(texts))


def _link(url: str) -> str:
    if not url.lower().startswith(("https://", "http://")):
        raise Refused(422, "invalid_url", "A link must begin with https:// or http://.")
    return url


def _email(written: str) -> Participant:
    who = email_of("other", written)
    if who is None:
        raise Refused(422, "invalid_address", f"{cleaned(written, 320)!r} is not an email address.")
    return who


async def _refuse_taken(connection: Connection, user_id: UUID, contact_id: UUID, emails: list[Participant]) -> None:
    owners = await addresses.owners_of(connection, user_id, "email", [who.value for who in emails])
    for who in emails:
        other = owners[who.value]["contact_id"] if who.value in owners else None
        if other not in (None, contact_id):
            raise Refused(
                409,
                "address_taken",
                f"{who.shown} belongs to another contact. Merge the two, or take it off there first.",
                contact_id=str(other),
            )
