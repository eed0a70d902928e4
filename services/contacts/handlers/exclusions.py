"""What the user asked not to record: listed, added, taken back; and the background loop that makes it so for what was recorded before."""

import asyncio
from collections.abc import Iterable

from libs.common.addresses import is_me
from libs.common.bus import Bus
from libs.common.db import Connection
from libs.common.errors import Refused, not_found
from libs.common.idempotency import creation_id
from libs.common.ids import UserId
from libs.common.requests import (
    AddExclusion,
    Done,
    ExcludeContact,
    Exclusion,
    Exclusions,
    ListExclusions,
    RemoveExclusion,
)
from services.contacts.contact_views import get_contact_id
from services.contacts.context import Context
from services.contacts.domain.exclusions import DOMAIN, EMAIL, PHONE, Wanted, wanted_exclusion
from services.contacts.domain.public_mail_domains import is_public
from services.contacts.exclusion_work import work_off_exclusions
from services.contacts.store import contact_edits, exclusions, users
from services.contacts.store.contact_search import list_listed_contacts
from services.contacts.store.exclusion_work import list_addresses_of
from services.contacts.store.exclusions import StoredExclusion
from services.contacts.store.own_addresses import list_own_addresses

MAX_EXCLUSIONS = 1_000
EVERY_SECONDS = 2.0


async def list_exclusions(context: Context, query: ListExclusions) -> Exclusions:
    async with context.db.acquire() as connection:
        found = await exclusions.list_exclusions(connection, query.user_id)
    return Exclusions(items=tuple(map(_shown, found)))


async def add_exclusion(context: Context, command: AddExclusion) -> Exclusion:
    """In force from the commit on. Refused: `invalid_address`, `public_domain`, `own_address` (422), `too_many` (409)."""
    wanted = wanted_exclusion(command.value)
    if wanted is None:
        raise Refused(422, "invalid_address", "Give an email address (ann@example.com) or a domain (example.com).")
    if wanted.kind == DOMAIN and is_public(wanted.value):
        raise Refused(
            422,
            "public_domain",
            f"Anybody can have an address at {wanted.shown}: a rule for it would be about half the world. Give the person's address.",
        )
    async with context.locked_for_request(command.user_id) as connection:
        own = await list_own_addresses(connection, command.user_id)
        if wanted.kind == EMAIL and is_me(wanted.value, own):
            raise Refused(
                422, "own_address", f"{wanted.shown} is you. Choose somebody else, or disconnect the account."
            )
        [stored] = await _insert(connection, command.user_id, [wanted])
    return _shown(stored)


async def exclude_contact(context: Context, command: ExcludeContact) -> Exclusions:
    """The contact goes at once, what it was on in the background. Refused: `not_found`, `nothing_to_recognise` (422), `too_many` (409)."""
    user_id = command.user_id
    async with context.locked_for_request(user_id) as connection:
        contact_id = await get_contact_id(connection, user_id, command.contact_id)
        own = await list_own_addresses(connection, user_id)
        held = (await list_addresses_of(connection, [contact_id]))[contact_id].values()
        contact = (await list_listed_contacts(connection, [contact_id]))[contact_id]
        identities = dict.fromkeys([*held, *((PHONE, number) for number in contact.phone_keys)])
        wanted = [Wanted(kind, value, value) for kind, value in identities if kind != EMAIL or not is_me(value, own)]
        if not wanted:
            raise Refused(
                422,
                "nothing_to_recognise",
                "This contact has no address and no phone by which it could be recognised. Delete it instead.",
            )
        stored = await _insert(connection, user_id, wanted)
        await contact_edits.delete_contact(connection, user_id, contact_id)
    await context.publish_changed({user_id: {contact_id}})
    return Exclusions(items=tuple(map(_shown, stored)))


async def _insert(connection: Connection, user_id: UserId, wanted: Iterable[Wanted]) -> list[StoredExclusion]:
    if await users.list_purged(connection, [user_id]):
        raise not_found("user")
    stored = [
        await exclusions.insert_exclusion(connection, user_id, creation_id(f"{rule.kind} {rule.value}"), rule)
        for rule in wanted
    ]
    if await exclusions.count_in_force(connection, user_id) > MAX_EXCLUSIONS:
        raise Refused(
            409, "too_many", f"More than {MAX_EXCLUSIONS:,} rules are too many. A domain can stand for many addresses."
        )
    return stored


async def remove_exclusion(context: Context, command: RemoveExclusion) -> Done:
    """Not in force any more from the commit on. Refused: `not_found`."""
    async with context.locked_for_request(command.user_id) as connection:
        if await exclusions.get_exclusion(connection, command.user_id, command.exclusion_id) is None:
            raise not_found("rule")
        await exclusions.mark_ended(connection, command.exclusion_id)
    return Done()


def _shown(stored: StoredExclusion) -> Exclusion:
    return Exclusion(
        id=stored.id,
        kind=stored.kind,
        value=stored.shown,
        added_at=stored.added_at,
        removing=stored.applied_at is None,
        left_out=stored.left_out,
    )


async def keep_working_off_exclusions(context: Context, bus: Bus) -> None:
    """Runs until cancelled; as many replicas as you like."""
    while True:
        await bus.run_guarded(lambda: work_off_exclusions(context))
        await asyncio.sleep(EVERY_SECONDS)
