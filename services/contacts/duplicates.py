"""Finds contacts that may be one person: in the background, of those whose traits changed, a few at a time.

    contacts that are due ──keys──► blocks of those who share one ──likeness──► suggestions

Nothing is compared with everybody: a contact is compared with those who share a key (domain/duplicate_keys.py), and a key that too many
have is passed over. What was found stays until one of the two changes: a block that outgrows its bound brings nothing new.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping

from libs.common.db import Connection
from libs.common.fault_points import reached
from libs.common.ids import ContactId, UserId
from libs.common.log import get_logger
from services.contacts.context import Context, UserBusy, pause_between_chunks
from services.contacts.domain.duplicate_keys import blocking_keys, is_of_name, is_of_similar_names
from services.contacts.domain.duplicates import WORTH_SUGGESTING, Traits, likeness, names_are_alike, similar_names
from services.contacts.store import duplicates
from services.contacts.store.duplicates import Suggestion

CONTACTS_AT_ONCE = 400
SIFTED_AT_ONCE, COMPARED_AT_ONCE = 50, 500
NAMES_KEPT = 100_000
MAX_COMPARED, MAX_KEPT = 200, 20
"""With how many a contact is compared at most, those first with whom it shares the most telling key; and how many are kept."""


async def refresh_due_duplicates(context: Context) -> int:
    """Compare every contact that is due; how many that were."""
    done = 0
    async with context.db.acquire() as connection:
        due_users = await duplicates.list_due_users(connection)
    for user_id in due_users:
        try:
            done += await _refresh_user(context, user_id)
        except UserBusy:  # the next round finds them due as before
            get_logger().info("duplicates_postponed", user=str(user_id))
    return done


async def _refresh_user(context: Context, user_id: UserId) -> int:
    done = 0
    names: dict[ContactId, str] = {}
    while True:
        # The user's lock: what is being changed just now must not be marked as compared.
        async with context.locked(user_id) as connection:
            due = await duplicates.take_due_contacts(connection, user_id, CONTACTS_AT_ONCE)
            if len(names) > NAMES_KEPT:
                names.clear()
            if due:
                await _compare(connection, user_id, due, names)
        await reached("contacts.duplicates.chunk")
        done += len(due)
        if len(due) < CONTACTS_AT_ONCE:
            return done
        await pause_between_chunks()


async def _compare(
    connection: Connection, user_id: UserId, due: Collection[ContactId], names: dict[ContactId, str]
) -> None:
    """`names`: what contacts were called when they were read last; who has been renamed since is due again. It grows."""
    traits = await duplicates.list_traits(connection, due)
    names |= {contact_id: found.name for contact_id, found in traits.items()}
    keys = {contact_id: blocking_keys(found) for contact_id, found in traits.items()}
    await duplicates.replace_keys(connection, user_id, keys)
    blocks = await duplicates.list_blocks(connection, user_id, {key for several in keys.values() for key in several})
    candidates = {contact_id: _candidates(contact_id, several, blocks) for contact_id, several in keys.items()}
    sharing = {other_id for key, block in blocks.items() if not is_of_name(key) for other_id in block}
    called_alike = {other_id for several in candidates.values() for other_id in several} - sharing
    await _read_names(connection, names, called_alike)
    for number, (contact_id, several) in enumerate(candidates.items()):
        close = {
            other_id for key in keys[contact_id] if not is_of_similar_names(key) for other_id in blocks.get(key, ())
        }
        called = {other_id: names[other_id] for other_id in several if other_id in called_alike}
        candidates[contact_id] = _promising(traits[contact_id], several, called, close)
        if number % SIFTED_AT_ONCE == 0:
            await asyncio.sleep(0)  # others want to be served, too
    others = {other_id for several in candidates.values() for other_id in several} - traits.keys()
    if others:
        traits |= await duplicates.list_traits(connection, others)
    found = await _suggestions(traits, candidates)
    await duplicates.replace_suggestions(connection, user_id, due, found)


async def _read_names(connection: Connection, names: dict[ContactId, str], contact_ids: Collection[ContactId]) -> None:
    """Add the names of those of these contacts that are not there yet; empty ones of who is gone."""
    missing = set(contact_ids) - names.keys()
    names |= dict.fromkeys(missing, "")
    if missing:
        names |= await duplicates.list_names(connection, missing)


def _candidates(
    contact_id: ContactId, keys: Collection[str], blocks: Mapping[str, Collection[ContactId]]
) -> list[ContactId]:
    """Whom a contact is compared with, the most promising first."""
    others = dict.fromkeys(other_id for key in keys for other_id in blocks.get(key, ()))
    others.pop(contact_id, None)
    return list(others)[:MAX_COMPARED]


def _promising(
    contact: Traits, others: Collection[ContactId], called: Mapping[ContactId, str], close: Collection[ContactId]
) -> list[ContactId]:
    """The candidates of whom all traits are worth reading: most who share the beginning or ending of a name are called otherwise.

    `called`: the names of those with whom the contact shares no more than something of the name; `close`: with whom more than that.
    """
    similar = similar_names(contact.name, called)
    return [
        other_id
        for other_id in others
        if other_id not in called
        or other_id in similar
        or (other_id in close and names_are_alike(contact, Traits(called[other_id], (), ())))
    ]


async def _suggestions(
    traits: Mapping[ContactId, Traits], candidates: Mapping[ContactId, Collection[ContactId]]
) -> list[Suggestion]:
    """Each pair once, of every contact the surest."""
    pairs = {
        (min(contact_id, other_id), max(contact_id, other_id))
        for contact_id, others in candidates.items()
        for other_id in others
        if other_id in traits
    }
    likely: dict[ContactId, list[Suggestion]] = defaultdict(list)
    for number, (first_id, second_id) in enumerate(sorted(pairs)):
        confidence, evidence = likeness(traits[first_id], traits[second_id])
        if confidence >= WORTH_SUGGESTING:
            suggestion = Suggestion(first_id, second_id, confidence, evidence)
            for contact_id in candidates.keys() & {first_id, second_id}:
                likely[contact_id].append(suggestion)
        if number % COMPARED_AT_ONCE == 0:
            await asyncio.sleep(0)  # others want to be served, too
    kept = [
        suggestion
        for several in likely.values()
        for suggestion in sorted(several, key=lambda found: (-found.confidence, found.first_id, found.second_id))[
            :MAX_KEPT
        ]
    ]
    return list(dict.fromkeys(kept))
