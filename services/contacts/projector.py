"""Projects observations to interactions, and follows up what hangs on those: one transaction, a handful of statements."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from libs.common.db import Connection
from libs.common.ids import InteractionId, new_id
from libs.common.log import get_logger
from services.contacts import contact_reasons
from services.contacts.contact_fields import refresh_fields
from services.contacts.domain.addresses import AddressId, AddressKey
from services.contacts.domain.changes import ChangedContacts, joined
from services.contacts.domain.observations import GroupKey, Observation, ObservationKey
from services.contacts.domain.projection import (
    InteractionRef,
    ProjectedInteraction,
    StoredObservation,
    Thread,
    latest_observations,
    live_by_group,
    live_groups,
    newer_observations,
    projected_interactions,
    threads_of,
)
from services.contacts.exclusions import leave_out_excluded
from services.contacts.kept_participants import leave_out_strangers
from services.contacts.names import learn_names, relearn_names
from services.contacts.store import addresses, bcc, contacts, interactions, observations, scores, users
from services.contacts.store.interactions import InteractionRow, ParticipantRow

Projected = Mapping[InteractionId, ProjectedInteraction]


@dataclass(frozen=True)
class Effects:
    """What a change of observations, or of who is me, has to be followed up for.

    `written`: interactions that are new or other than before. `recheck`: addresses that were on one; their reason to be a contact,
    or the name learned for them, may be gone. `threads`: those in which somebody wrote, or did not after all.
    """

    written: frozenset[InteractionId] = frozenset()
    recheck: frozenset[AddressId] = frozenset()
    threads: frozenset[Thread] = frozenset()

    def __or__(self, other: "Effects") -> "Effects":
        return Effects(self.written | other.written, self.recheck | other.recheck, self.threads | other.threads)


async def record_observations(connection: Connection, seen: Iterable[Observation]) -> ChangedContacts:
    """Record observations: a later revision wins, the same one again does nothing. The caller holds the users' locks."""
    latest = latest_observations(seen)
    user_ids = {observation.user_id for observation in latest}
    purged = await users.list_purged(connection, user_ids | {observation.source_id for observation in latest})
    wanted = [found for found in latest if found.user_id not in purged and found.source_id not in purged]
    kept = await leave_out_strangers(connection, await leave_out_excluded(connection, wanted))
    return await follow_up(connection, await project_observations(connection, kept))


async def project_observations(connection: Connection, seen: Collection[Observation]) -> Effects:
    """Store what is newer than before, and write every interaction that it touches anew. The caller holds the users' locks.

    An example. Account A holds mail 1 with the Message-ID <x>: one observation, A/1, and one interaction, "<x>#1". Now mail 2 of
    A and mail 9 of B arrive, both with that Message-ID. Step by step:

    1. Known are A/1, the only live observation of the group <x>, and nothing about A/2 and B/9.
    2. Both are newer than nothing. They replace nothing, so no group is left that has to be loaded, too.
    3. The group <x> is touched; alive in it are A/1, A/2 and B/9.
    4. Of the interactions that stood there, "<x>#1" is present, with its id.
    5. The projection: the first mail of each account is the same one, "<x>#1" from A/1 and B/9, which keeps its id; "<x>#2" from
       A/2 gets a new one.
    6. "<x>#1" is written over, "<x>#2" inserted, the participants of both are put on them; nothing has to be deleted.
    7. A/2 and B/9 are stored, and A/1 again: each with the interaction that it is part of.

    Had A/1 come as removed instead: A/1 is newer, it leaves <x>, nothing is alive there, and "<x>#1" is deleted.
    """
    # 1. What is known of these items, and everything alive in the groups that they are in now.
    known = await observations.list_observations(connection, [found.key for found in seen], live_groups(seen))
    return await _replace(connection, known, newer_observations(seen, known))


async def replace_observations(connection: Connection, changed: Collection[Observation]) -> Effects:
    """As `project_observations`, for what is held and is to be held otherwise from now on, under the revision that it has."""
    known = await observations.list_observations(connection, [found.key for found in changed], live_groups(changed))
    return await _replace(connection, known, changed)


async def _replace(
    connection: Connection, known: dict[ObservationKey, StoredObservation], newer: Collection[Observation]
) -> Effects:
    """The steps from the second on."""
    # 2. What is newer, and what it replaces; the groups that an item has left are needed, too.
    replaced = [known[found.key].observation for found in newer if found.key in known]
    entered, left = live_groups(newer), live_groups(replaced)
    if left - entered:
        known |= await observations.list_observations(connection, [], left - entered)
    effects = await _project(connection, known, newer, entered | left)
    return replace(effects, threads=frozenset(threads_of([*newer, *replaced])))


async def project_groups(connection: Connection, groups: Collection[GroupKey]) -> Effects:
    """Write the interactions of these groups anew, as after a change of the rules. The caller holds the users' locks."""
    known = await observations.list_observations(connection, [], groups)
    effects = await _project(connection, known, [], groups)
    return replace(effects, threads=frozenset(threads_of(stored.observation for stored in known.values())))


async def _project(
    connection: Connection,
    known: Mapping[ObservationKey, StoredObservation],
    newer: Collection[Observation],
    touched: Collection[GroupKey],
) -> Effects:
    """The steps from the third on, whatever was touched; the threads are the caller's."""
    # 3. What is alive now in each group that this touches.
    current = {key: stored.observation for key, stored in known.items()} | {found.key: found for found in newer}
    groups = live_by_group(current.values(), touched)
    # 4. The interactions that stood there before.
    present = await _list_present(connection, known.values(), touched)
    # 5. The interactions that are to stand there. One that is known under its reference keeps its id.
    projected = {
        present.get(interaction.full_ref) or InteractionId(new_id()): interaction
        for group in groups
        for interaction in projected_interactions(group)
    }
    # 6. Make it so.
    recheck = await _write_interactions(connection, projected, set(present.values()))
    # 7. Every observation with its interaction.
    await _write_observations(connection, current, newer, projected)
    return Effects(frozenset(projected), frozenset(recheck))


async def _list_present(
    connection: Connection, known: Iterable[StoredObservation], touched: Collection[GroupKey]
) -> dict[InteractionRef, InteractionId]:
    ids = {
        stored.interaction_id for stored in known if stored.interaction_id and stored.observation.group_key in touched
    }
    return await interactions.list_refs(connection, ids) if ids else {}


async def _write_interactions(
    connection: Connection, projected: Projected, present: Collection[InteractionId]
) -> set[AddressId]:
    """Replace those that are `present` by the projected ones; the addresses that were on them."""
    recheck: set[AddressId] = set()
    rewritten = projected.keys() & present
    if rewritten:
        recheck |= await interactions.delete_participants(connection, rewritten)
    if gone := set(present) - rewritten:
        recheck |= await interactions.delete_interactions(connection, gone)
    address_ids = await addresses.get_or_insert_addresses(
        connection,
        {
            (interaction.user_id, participant.kind, participant.value): participant
            for interaction in projected.values()
            for participant in interaction.item.participants
        },
    )
    logged = await _list_logged(connection, projected)
    rows = [
        InteractionRow(id_, interaction, _author_id(interaction, address_ids), bool(logged[id_]))
        for id_, interaction in projected.items()
    ]
    await interactions.upsert_interactions(connection, rows, rewritten)
    await interactions.insert_participants(connection, _participants(projected, address_ids, logged))
    return recheck


def _author_id(interaction: ProjectedInteraction, address_ids: Mapping[AddressKey, AddressId]) -> AddressId | None:
    author = interaction.item.author
    return address_ids[interaction.user_id, author.kind, author.value] if author else None


def _participants(
    projected: Projected,
    address_ids: Mapping[AddressKey, AddressId],
    logged: Mapping[InteractionId, Sequence[AddressId]],
) -> list[ParticipantRow]:
    """Everybody on these interactions; under the role `bcc_log` the hashes that log them."""
    rows: list[ParticipantRow] = []
    for id_, interaction in projected.items():
        user_id, item = interaction.user_id, interaction.item
        for participant in item.participants:
            address_id = address_ids[user_id, participant.kind, participant.value]
            rows.append(ParticipantRow(address_id, item.occurred_at, id_, participant.role, participant.name))
        rows += [ParticipantRow(address_id, item.occurred_at, id_, "bcc_log", "") for address_id in logged[id_]]
    return rows


async def _list_logged(connection: Connection, projected: Projected) -> dict[InteractionId, list[AddressId]]:
    """The BCC addresses under which each interaction is logged. A hash that was rotated logs no later mail."""
    tags = {(found.user_id, tag) for found in projected.values() for tag in found.item.bcc_tags}
    hashes = await bcc.list_hashes(connection, tags) if tags else {}
    logged: dict[InteractionId, list[AddressId]] = {id_: [] for id_ in projected}
    for id_, interaction in projected.items():
        for tag in interaction.item.bcc_tags:
            stored = hashes.get((interaction.user_id, tag))
            if stored is None:
                get_logger().info("bcc_hash_unknown", user=str(interaction.user_id))
            elif stored.retired_at is None or interaction.item.occurred_at < stored.retired_at:
                logged[id_].append(stored.address_id)
    return logged


async def _write_observations(
    connection: Connection,
    current: Mapping[ObservationKey, Observation],
    newer: Iterable[Observation],
    projected: Projected,
) -> None:
    part_of = {key: id_ for id_, interaction in projected.items() for key in interaction.observations}
    changed = {observation.key for observation in newer} | part_of.keys()
    await observations.upsert_observations(connection, [(current[key], part_of.get(key)) for key in changed])


async def follow_up(connection: Connection, effects: Effects) -> ChangedContacts:
    """Bring everything that follows from interactions up to date: answered lists, names, contacts, scores."""
    changed, recheck = await follow_additions(connection, effects)
    return joined(changed, await review(connection, recheck, recheck)) if recheck else changed


async def follow_additions(connection: Connection, effects: Effects) -> tuple[ChangedContacts, set[AddressId]]:
    """What interactions bring: answered lists, names, contacts. And the addresses for which a name or reason may be gone: `review` them."""
    if not (effects.written or effects.recheck or effects.threads):
        return {}, set()
    began, ended = (
        await interactions.update_answered(connection, effects.threads) if effects.threads else (set(), set())
    )
    written, recheck = effects.written | began, set(effects.recheck)
    if ended:
        recheck |= await interactions.list_participants(connection, ended)
    renamed = await learn_names(connection, written)
    made = await contact_reasons.make_contacts(connection, written)
    if stale := renamed - made:
        await refresh_fields(connection, stale)
    changed = await scores.mark_due_by_address(connection, await interactions.list_participants(connection, written))
    return joined(changed, await contacts.list_by_user(connection, renamed)) if renamed else changed, recheck


async def review(
    connection: Connection, address_ids: Collection[AddressId], to_relearn: Collection[AddressId]
) -> ChangedContacts:
    """Contacts of these addresses that nothing supports any more go; names and scores of `to_relearn` are found anew."""
    renamed = await relearn_names(connection, to_relearn) if to_relearn else set()
    reviewed = await contact_reasons.drop_contacts(connection, address_ids)
    if stale := renamed - reviewed:
        await refresh_fields(connection, stale)
    changed = await scores.mark_due_by_address(connection, to_relearn) if to_relearn else {}
    return joined(changed, await contacts.list_by_user(connection, reviewed | renamed))
