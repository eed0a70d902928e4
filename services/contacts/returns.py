"""What an undoing of a merge gives back, and what is to be known about it before."""

from collections.abc import Sequence

from libs.common.db import Connection
from libs.common.requests import MergeRecord
from services.contacts.domain.arrivals import Returning, returning
from services.contacts.domain.merges import SinceMerge, Taken, consequences
from services.contacts.store import bcc, merges, returns
from services.contacts.store.contact_edits import Belongings, EditableContact, get_editable_contact
from services.contacts.store.merges import Merge
from services.contacts.store.returns import Held


async def list_returning(connection: Connection, record: Merge, later: Sequence[Merge]) -> Belongings:
    """The addresses and cards that go back to the other contact when this merge is undone now. `later`: merges into the same contact."""
    return _find_returning(record, later, await returns.list_held(connection, record.survivor_id))


def _find_returning(record: Merge, later: Sequence[Merge], held: Held) -> Belongings:
    came_with_others = {id_ for merge in later for id_ in merge.belongings.address_ids}
    cards_of_others = {key for merge in later for key in merge.belongings.cards}
    own = record.own or Belongings([address.id for address in held.addresses], [card.key for card in held.cards])
    theirs = Returning(
        frozenset(record.belongings.address_ids) - came_with_others,
        frozenset(record.belongings.cards) - cards_of_others - set(own.cards),
    )
    known = {*record.belongings.address_ids, *own.address_ids, *came_with_others}
    known_cards = {*record.belongings.cards, *own.cards, *cards_of_others}
    arrived = Returning(
        frozenset(address.id for address in held.addresses if address.id not in known),
        frozenset(card.key for card in held.cards if card.key not in known_cards),
    )
    found = returning(held.cards, held.emails, theirs, arrived)
    return Belongings(found.address_ids, found.cards)


async def list_merge_records(connection: Connection, standing: Sequence[Merge]) -> list[MergeRecord]:
    """Merges that stand, as replies show them: with what their undoing would do now."""
    records = []
    for merge in standing:
        survivor = await get_editable_contact(connection, merge.survivor_id)
        other = await get_editable_contact(connection, merge.other_id)
        blocked_by = await merges.get_merge_away(connection, merge.survivor_id) if survivor.merged_into else None
        emails = await returns.list_emails(connection, merge.belongings.address_ids)
        records.append(
            MergeRecord(
                id=merge.id,
                merged_at=merge.at,
                other_id=merge.other_id,
                other_name=other.fields.name,
                other_emails=tuple(email.shown for email in emails),
                consequences=() if blocked_by else await _consequences(connection, merge, survivor, other),
                blocked_by=blocked_by,
            )
        )
    return records


async def _consequences(
    connection: Connection, merge: Merge, survivor: EditableContact, other: EditableContact
) -> tuple[str, ...]:
    later = await merges.list_later(connection, merge)
    held = await returns.list_held(connection, merge.survivor_id)
    back = _find_returning(merge, later, held)
    known = {*merge.belongings.address_ids, *(merge.own.address_ids if merge.own else ())}
    known |= {id_ for following in later for id_ in following.belongings.address_ids} | set(back.address_ids)
    came = await returns.list_addresses(connection, merge.belongings.address_ids)
    since = SinceMerge(
        survivor_name=survivor.fields.name,
        other_name=other.fields.name,
        returning=[
            address.shown for address in held.addresses if address.kind == "email" and address.id in back.address_ids
        ],
        handles=[
            address.shown
            for address in held.addresses
            if address.kind not in ("email", "phone", "bcc") and address.id in back.address_ids
        ],
        staying=[
            address.shown
            for address in held.addresses
            if merge.own and address.kind not in ("phone", "bcc") and address.id not in known
        ],
        elsewhere=[address.shown for address in came if address.id not in {there.id for there in held.addresses}],
        notes=await returns.count_written(connection, merge, later, role="other"),
        logged=await returns.count_written(connection, merge, later, role="bcc_log"),
        rotated=await bcc.is_retired(connection, merge.other_id),
    )
    stood = later[-1].after if later else merge.after
    return consequences(since, survivor.fields, stood, Taken(other.fields, other.phones))
