"""What connectors of other platforms report: interactions and bios."""

from libs.common.db import Connection
from libs.common.events import Identity, InteractionReported, ProfileReported
from services.contacts.context import Context
from services.contacts.domain.changes import ChangedContacts
from services.contacts.domain.identities import identity_kind
from services.contacts.domain.identity_evidence import BIO, PROFILE, bio_evidence, reported_evidence
from services.contacts.domain.observations import MAX_IDENTITIES, identity_participant, reported_interaction
from services.contacts.domain.text import cleaned
from services.contacts.exclusions import is_excluded, leave_out_excluded
from services.contacts.identity_evidence import Shown, record_evidence
from services.contacts.projector import record_observations
from services.contacts.store import addresses, observations, users
from services.contacts.store.profiles import Bio, get_bio, upsert_bio

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
        for identity in event.identities[:MAX_IDENTITIES]:
            await _record_reported(connection, event, identity)
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
        await _record_reported(connection, event, event.identity)
        newest = await get_bio(connection, ids[address], event.platform)
        shown = Shown(participant.address, (BIO, event.platform), bio_evidence(event.platform, newest))
        await record_evidence(connection, event.user_id, shown)
    changed: ChangedContacts = {event.user_id: {contact_id}} if contact_id else {}
    await context.publish_changed(changed)


async def _record_reported(
    connection: Connection, event: InteractionReported | ProfileReported, identity: Identity
) -> None:
    """The emails and phones that a connector states with an identity: by them the user may know whose it is."""
    participant = identity_participant("other", identity) if identity.emails or identity.phones else None
    if participant is not None:
        platform = identity_kind(event.platform)
        shown = Shown(participant.address, (PROFILE, platform), reported_evidence(platform, identity))
        await record_evidence(connection, event.user_id, shown)
