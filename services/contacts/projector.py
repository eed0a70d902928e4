"""Keeps interactions true to the sightings, and contacts true to the interactions. One transaction, a handful of statements."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import new_id
from libs.common.log import get_logger
from services.contacts import identity_resolution
from services.contacts.domain.projection import Observation, Participant, ProjectedInteraction, latest, project
from services.contacts.store import addresses, contacts, interactions, observations, owners, users

Changed = dict[UUID, set[UUID]]
"""contacts that changed, by user"""


@dataclass
class Effects:
    """What a change of sightings did: interactions written, addresses whose support or name may be gone, threads touched."""

    written: set[UUID] = field(default_factory=set)
    loosened: set[int] = field(default_factory=set)
    threads: set[tuple[UUID, str]] = field(default_factory=set)


async def record(connection: Connection, told: Iterable[Observation]) -> Changed:
    """Record sightings: a later revision wins, the same one again does nothing. Takes the users' locks."""
    newest = latest(told)
    user_ids = {one.user_id for one in newest.values()}
    await users.lock_users(connection, user_ids)
    purged = await users.list_purged(connection, user_ids | {one.source_id for one in newest.values()})
    wanted = [one for one in newest.values() if one.user_id not in purged and one.source_id not in purged]
    return await settle(connection, await apply(connection, wanted))


async def apply(connection: Connection, told: Collection[Observation]) -> Effects:
    """Store what is news and write every interaction that it touches anew. The caller holds the users' locks."""
    groups = {one.group_key for one in told if one.item is not None}
    known = {
        one.observation.key: one
        for one in await observations.list_sightings(connection, [one.key for one in told], groups)
    }
    news = [one for one in told if one.key not in known or one.revision > known[one.key].observation.revision]
    before = [known[one.key].observation for one in news if one.key in known]
    left = {one.group_key for one in before if one.item is not None}
    if missing := left - {one.group_key for one in news if one.item is not None}:
        known |= {one.observation.key: one for one in await observations.list_sightings(connection, [], missing)}
    touched = left | {one.group_key for one in news if one.item is not None}
    state = {key: one.observation for key, one in known.items()} | {one.key: one for one in news}
    by_group: dict[observations.GroupKey, list[Observation]] = defaultdict(list)
    for one in state.values():
        if one.item is not None and one.group_key in touched:
            by_group[one.group_key].append(one)
    written = {
        one.interaction_id for one in known.values() if one.interaction_id and one.observation.group_key in touched
    }
    present = await interactions.interaction_refs(connection, written) if written else {}
    return await _write(connection, by_group, present, news, state, before)


async def _write(
    connection: Connection,
    by_group: Mapping[observations.GroupKey, Sequence[Observation]],
    present: Mapping[tuple[UUID, str, str], UUID],
    news: Sequence[Observation],
    state: Mapping[observations.Key, Observation],
    before: Sequence[Observation],
) -> Effects:
    effects = Effects()
    desired = [
        (present.get((one.user_id, one.platform, one.ref)) or new_id(), one)
        for group in by_group.values()
        for one in project(group)
    ]
    effects.written = {id_ for id_, _ in desired}
    rewritten = effects.written & set(present.values())
    if rewritten:
        effects.loosened |= await interactions.clear_participants(connection, rewritten)
    if gone := set(present.values()) - effects.written:
        effects.loosened |= await interactions.delete_interactions(connection, gone)
    ids = await addresses.ensure_addresses(
        connection, {(one.user_id, who.kind, who.value): who for _, one in desired for who in one.item.people}
    )
    logged = await _bcc_participants(connection, [one for _, one in desired])
    await interactions.put_interactions(
        connection,
        [(id_, one, _author(one, ids), bool(logged[one.user_id, one.platform, one.ref])) for id_, one in desired],
        rewritten,
    )
    people_on = {
        id_: [
            *((ids[one.user_id, who.kind, who.value], who.role, who.name) for who in one.item.people),
            *((address, "bcc_log", "") for address in logged[one.user_id, one.platform, one.ref]),
        ]
        for id_, one in desired
    }
    await interactions.insert_participants(connection, desired, people_on)
    belongs = {key: id_ for id_, one in desired for key in one.observations}
    changed = {one.key for one in news} | set(belongs)
    await observations.upsert_sightings(connection, [(state[key], belongs.get(key)) for key in changed])
    effects.threads = {(one.source_id, one.item.thread) for one in (*news, *before) if one.item and one.item.thread}
    return effects


def _author(one: ProjectedInteraction, ids: Mapping[addresses.Key, int]) -> int | None:
    author: Participant | None = next((who for who in one.item.people if who.role == "from"), None)
    return ids[one.user_id, author.kind, author.value] if author else None


async def _bcc_participants(
    connection: Connection, desired: Sequence[ProjectedInteraction]
) -> dict[tuple[UUID, str, str], list[int]]:
    """The BCC addresses under which each interaction is logged. A hash that was rotated logs no later mail."""
    tags = {(one.user_id, tag) for one in desired for tag in one.item.tags}
    known = await addresses.bcc_addresses(connection, tags) if tags else {}
    found: dict[tuple[UUID, str, str], list[int]] = {}
    for one in desired:
        matched = []
        for tag in one.item.tags:
            address_id, retired_at = known.get((one.user_id, tag), (None, None))
            if address_id is None:
                get_logger().info("bcc_hash_unknown", user=str(one.user_id))
            elif retired_at is None or one.item.occurred_at < retired_at:
                matched.append(address_id)
        found[one.user_id, one.platform, one.ref] = matched
    return found


async def settle(connection: Connection, effects: Effects) -> Changed:
    """Bring everything that follows from interactions up to date: answered lists, names, contacts."""
    if not (effects.written or effects.loosened or effects.threads):
        return {}
    began, stopped = await interactions.refresh_answered(connection, effects.threads) if effects.threads else ([], [])
    written = effects.written | set(began)
    renamed = await addresses.learn_names(connection, written)
    loosened = effects.loosened | (await owners.people_on(connection, stopped) if stopped else set())
    looked_at: set[UUID] = set()
    if loosened:
        renamed |= await addresses.relearn_names(connection, loosened)
    made = await identity_resolution.make_contacts(connection, written)
    if loosened:
        looked_at = await identity_resolution.drop_unwanted(connection, loosened)
    if stale := renamed - made - looked_at:
        await contacts.refresh(connection, stale)
    changed = await interactions.mark_due(connection, await owners.people_on(connection, written) | loosened)
    return (
        joined(changed, await contacts.users_of(connection, looked_at | renamed)) if looked_at or renamed else changed
    )


def joined(*several: Mapping[UUID, Collection[UUID]]) -> Changed:
    everything: Changed = {}
    for changed in several:
        for user_id, ids in changed.items():
            everything.setdefault(user_id, set()).update(ids)
    return everything
