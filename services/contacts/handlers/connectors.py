"""What connectors of other platforms report: interactions and bios."""

from libs.common.events import InteractionReported, ProfileReported
from services.contacts.context import Context
from services.contacts.domain.changes import ChangedContacts
from services.contacts.domain.observations import identity_participant, reported_interaction
from services.contacts.domain.text import cleaned
from services.contacts.exclusions import is_excluded, leave_out_excluded
from services.contacts.projector import record_observations
from services.contacts.store import addresses, observations, users
from services.contacts.store.profiles import Bio, upsert_bio

MAX_BIO = 2_000


async def record_report(context: Context, event: InteractionReported) -> None:
    """What a connector saw. Reported again, with the same `ref`, it replaces what was reported before.

    Unprocessable: a reserved platform.
    """
    async with context.locked(event.user_id) as connection:
        if await users.list_purged(connection, [event.user_id]):
            return
        [first] = await leave_out_excluded(connection, [reported_interaction(event, revision=0)])
        revision = await observations.get_next_revision(connection, first.key)
        phones = {
            (event.user_id, participant.kind, participant.value): participant
            for participant in (first.item.participants if first.item else ())
            if participant.kind == "phone"
        }
        if phones:
            ids = await addresses.get_or_insert_addresses(connection, phones)
            await addresses.update_owners_of_phones(connection, ids.values())
        changed = await record_observations(connection, [reported_interaction(event, revision)])
    await context.publish_changed(changed)


async def record_profile(context: Context, event: ProfileReported) -> None:
    """A bio, kept with the address under which it was read."""
    participant = identity_participant("other", event.identity)
    if participant is None:
        return
    address = (event.user_id, participant.kind, participant.value)
    async with context.locked(event.user_id) as connection:
        if await users.list_purged(connection, [event.user_id]):
            return
        if await is_excluded(connection, event.user_id, participant):
            return
        ids = await addresses.get_or_insert_addresses(connection, {address: participant})
        bio = Bio(event.platform, cleaned(event.bio, MAX_BIO), event.at)
        contact_id = await upsert_bio(connection, ids[address], bio)
    changed: ChangedContacts = {event.user_id: {contact_id}} if contact_id else {}
    await context.publish_changed(changed)
