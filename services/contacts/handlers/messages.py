"""Gmail's messages: recorded, removed, and on whose timelines one is."""

import asyncio
from collections.abc import Collection, Sequence

from libs.common.db import Connection
from libs.common.events import MessageIngested, MessageRemoved
from libs.common.fault_points import reached
from libs.common.ids import UserId
from libs.common.requests import ContactRefs, GetContactsOfMessage
from services.contacts.bcc_offers import make_offers
from services.contacts.context import Context
from services.contacts.domain.changes import ChangedContacts
from services.contacts.domain.kept_participants import MAX_PARTICIPANTS
from services.contacts.domain.observations import EMAIL, observed_message, removed_message
from services.contacts.domain.text import key
from services.contacts.projector import record_observations
from services.contacts.store import exclusions
from services.contacts.store.timelines import list_contacts_of_message

CONTACTS_OF_MESSAGE = 20


async def record_messages(context: Context, events: Sequence[MessageIngested]) -> None:
    """Each becomes an interaction, or part of one that another account saw already."""
    observations = []
    for event in events:
        observations.append(observed_message(event))
        if len(event.people) > MAX_PARTICIPANTS:
            await asyncio.sleep(0)  # reading thousands of addresses takes a while, and others want to be served, too

    async def record(connection: Connection, users: Collection[UserId]) -> ChangedContacts:
        theirs = [observation for observation in observations if observation.user_id in users]
        changed = await record_observations(connection, theirs)
        await reached("contacts.recorded")
        await make_offers(connection, theirs)
        return changed

    await context.change_users({event.user_id for event in events}, record)


async def remove_messages(context: Context, events: Sequence[MessageRemoved]) -> None:
    """Each interaction goes, or what only this account saw of it."""

    async def remove(connection: Connection, users: Collection[UserId]) -> ChangedContacts:
        return await record_observations(
            connection, [removed_message(event) for event in events if event.user_id in users]
        )

    await context.change_users({event.user_id for event in events}, remove)


async def get_contacts_of_message(context: Context, query: GetContactsOfMessage) -> ContactRefs:
    """The contacts on whose timelines the message is, or the rule of the user that leaves it out."""
    async with context.db.acquire() as connection:
        found = await list_contacts_of_message(
            connection, query.user_id, query.account_id, key(query.gmail_id), CONTACTS_OF_MESSAGE
        )
        observed = query.account_id, EMAIL, key(query.gmail_id)
        rule = "" if found else await exclusions.get_left_out_by(connection, query.user_id, observed)
    return ContactRefs(items=tuple(found), left_out_by=rule)
