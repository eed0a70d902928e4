"""Gmail's messages: recorded, removed, and on whose timelines one is."""

import asyncio
from collections.abc import Sequence

from libs.common.events import MessageIngested, MessageRemoved
from libs.common.requests import ContactRefs, GetContactsOfMessage
from services.contacts.bcc_offers import make_offers
from services.contacts.context import Context
from services.contacts.domain.kept_participants import MAX_PARTICIPANTS
from services.contacts.domain.observations import observed_message, removed_message
from services.contacts.domain.text import key
from services.contacts.projector import record_observations
from services.contacts.store.timelines import list_contacts_of_message

CONTACTS_OF_MESSAGE = 20


async def record_messages(context: Context, events: Sequence[MessageIngested]) -> None:
    """Each becomes an interaction, or part of one that another account saw already."""
    observations = []
    for event in events:
        observations.append(observed_message(event))
        if len(event.people) > MAX_PARTICIPANTS:
            await asyncio.sleep(0)  # reading thousands of addresses takes a while, and others want to be served, too
    async with context.transaction() as connection:
        changed = await record_observations(connection, observations)
        await make_offers(connection, observations)
    await context.publish_changed(changed)


async def remove_messages(context: Context, events: Sequence[MessageRemoved]) -> None:
    """Each interaction goes, or what only this account saw of it."""
    async with context.transaction() as connection:
        changed = await record_observations(connection, [removed_message(event) for event in events])
    await context.publish_changed(changed)


async def get_contacts_of_message(context: Context, query: GetContactsOfMessage) -> ContactRefs:
    """The contacts on whose timelines the message is."""
    async with context.db.acquire() as connection:
        found = await list_contacts_of_message(
            connection, query.user_id, query.account_id, key(query.gmail_id), CONTACTS_OF_MESSAGE
        )
    return ContactRefs(items=tuple(found))
