"""Does in committed chunks what follows from a change of who is me, of who becomes a contact, or of what one account saw.

    change (an address becomes mine)    the rule for contacts changes    an account is purged
        │ stage 3                           │ stage 1                        │ stage 2
        ▼                                   │                                │
    its interactions, newest first:         │                                │
    answered lists, names, new contacts     │                                │
        │ everybody on them: stage 2        ▼                                ▼
        └──────────────────────────► name learned anew (2), contact or not (1, 2)

The change itself and what is due for it are committed together (store/rechecks.py), so a crash loses nothing: the event comes again, and
its handler goes on with what is due. Views derive the direction of mail from who is me, so timelines are right at once.
"""

from collections.abc import Sequence

from libs.common.db import Connection
from libs.common.fault_points import reached
from libs.common.ids import UserId
from services.contacts.contact_reasons import make_contacts_of
from services.contacts.context import Context, pause_between_chunks
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.changes import ChangedContacts, joined
from services.contacts.projector import Effects, follow_additions, review
from services.contacts.store import contacts, interactions, observations, rechecks
from services.contacts.store.rechecks import Stage, Walk

INTERACTIONS_AT_ONCE = 500
ADDRESSES_AT_ONCE = 200


async def work_off_rechecks(context: Context, user_id: UserId) -> None:
    """Until nothing is due for this user. Raises UserBusy: the rest stays due."""
    while await _recheck_some(context, user_id):
        await reached("contacts.rechecks.chunk")
        await pause_between_chunks()


async def _recheck_some(context: Context, user_id: UserId) -> bool:
    """One chunk; False where nothing is due."""
    async with context.locked(user_id) as connection:
        if walk := await rechecks.get_walk(connection, user_id, INTERACTIONS_AT_ONCE):
            changed = await _follow_walk(connection, user_id, walk)
        elif due := await rechecks.delete_rechecks(connection, user_id, ADDRESSES_AT_ONCE):
            changed = await _decide(connection, due)
        else:
            return False
    await context.publish_changed(changed)
    return True


async def _decide(connection: Connection, due: Sequence[tuple[AddressId, Stage]]) -> ChangedContacts:
    """Which of these addresses become contacts, and which contacts go."""
    address_ids = [address_id for address_id, _ in due]
    made = await make_contacts_of(connection, address_ids)
    changed = await review(connection, address_ids, [id_ for id_, stage in due if stage is Stage.NAME])
    return joined(changed, await contacts.list_by_user(connection, made))


async def _follow_walk(connection: Connection, user_id: UserId, walk: Walk) -> ChangedContacts:
    """What follows for these interactions; whose reason to be a contact may be gone is decided when all of them are followed up."""
    written = frozenset(walk.interaction_ids)
    threads = frozenset(await observations.list_threads(connection, written))
    changed, others = await follow_additions(connection, Effects(written=written, threads=threads))
    others |= await interactions.list_participants(connection, written)
    await rechecks.insert_rechecks(connection, user_id, others, Stage.NAME)
    await rechecks.update_walk(connection, user_id, walk)
    return changed
