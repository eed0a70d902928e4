"""Questions of `sync` about single messages: did what it said arrive, and whose timelines show it."""

from collections.abc import Awaitable, Callable

from libs.common.ids import ContactId
from libs.common.requests import (
    CompareMessages,
    Comparison,
    ContactRef,
    ContactRefs,
    GetContactsOfMessage,
    HeldMessage,
)
from services.contacts.context import Context
from services.contacts.domain.text import key
from services.contacts.store import audits, users

CONTACTS_OF_MESSAGE = 20


async def compare_messages(
    context: Context, waiting: Callable[[], Awaitable[int]], query: CompareMessages
) -> Comparison:
    """`waiting` is asked first: what was said before that, and is not waiting, has to be in the database by now."""
    still_waiting = await waiting()
    async with context.db.acquire() as connection:
        if await users.list_purged(connection, [query.user_id, query.account_id]):
            return Comparison(differing=(), waiting=still_waiting)
        rows = await audits.list_differing(
            connection,
            query.account_id,
            [(one.gmail_id, key(one.gmail_id), one.revision, one.removed) for one in query.published],
        )
    return Comparison(
        differing=tuple(HeldMessage(gmail_id=row["gmail_id"], revision=row["revision"]) for row in rows),
        waiting=still_waiting,
    )


async def list_contacts(context: Context, query: GetContactsOfMessage) -> ContactRefs:
    async with context.db.acquire() as connection:
        rows = await audits.list_contacts(
            connection, query.user_id, query.account_id, key(query.gmail_id), CONTACTS_OF_MESSAGE
        )
    return ContactRefs(items=tuple(ContactRef(id=ContactId(row["id"]), name=row["name"]) for row in rows))
