"""Contacts that may be one person: found in the background, listed, and dismissed by the user."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from uuid import UUID

from libs.common.bus import Bus
from libs.common.errors import Refused
from libs.common.ids import ContactId
from libs.common.pagination import INFINITE_PAST, cut_page, decode_page_token, encode_page_token
from libs.common.requests import (
    DismissDuplicate,
    Done,
    Duplicate,
    DuplicatePair,
    DuplicatePairs,
    Duplicates,
    FindDuplicates,
    ListDuplicates,
)
from libs.common.time_slice import rest_after
from services.contacts.contact_views import get_contact_id, summary
from services.contacts.context import Context
from services.contacts.duplicates import refresh_due_duplicates
from services.contacts.store import duplicates
from services.contacts.store.contact_search import ListedContact, list_listed_contacts
from services.contacts.store.duplicates import Position, Suggestion

SHOWN = 20
COUNTED = 1_000
EVERY_SECONDS = 2.0


async def keep_finding_duplicates(context: Context, bus: Bus) -> None:
    """Runs until cancelled; as many replicas as you like."""
    while True:
        began = monotonic()
        await bus.run_guarded(lambda: refresh_due_duplicates(context))
        await asyncio.sleep(rest_after(monotonic() - began, EVERY_SECONDS))


async def find_duplicates(context: Context, query: FindDuplicates) -> Duplicates:
    """Contacts that may be the same person, the surest first, with the evidence."""
    async with context.db.acquire() as connection:
        contact_id = await get_contact_id(connection, query.user_id, query.contact_id)
        found = await duplicates.list_suggestions_of(connection, query.user_id, contact_id, SHOWN)
        others = [pair.second_id if pair.first_id == contact_id else pair.first_id for pair in found]
        listed = await list_listed_contacts(connection, others)
    return Duplicates(
        items=tuple(
            Duplicate(contact=summary(listed[other_id]), evidence=pair.evidence, confidence=pair.confidence)
            for other_id, pair in zip(others, found, strict=True)
            if other_id in listed  # not deleted in this moment
        )
    )


async def list_duplicates(context: Context, query: ListDuplicates) -> DuplicatePairs:
    """All pairs that may be one person, the surest first."""
    after: Position | None = decode_page_token(query.cursor, float, UUID, UUID)
    async with context.db.acquire() as connection:
        read = await duplicates.list_suggestions(connection, query.user_id, after, query.limit + 1)
        ids = {contact_id for pair in read for contact_id in (pair.first_id, pair.second_id)}
        listed = await list_listed_contacts(connection, ids)
        found = [pair for pair in read if {pair.first_id, pair.second_id} <= listed.keys()]
        total = await duplicates.count_suggestions(connection, query.user_id, COUNTED)
    page, next_cursor = cut_page(
        found, query.limit, _position, size_bytes=lambda pair: len(_pair(pair, listed).model_dump_json())
    )
    # Where a pair went in this moment, all others that were read are on this page.
    if next_cursor is None and len(read) > query.limit:
        next_cursor = encode_page_token(*_position(read[-1]))
    return DuplicatePairs(items=tuple(_pair(pair, listed) for pair in page), total=total, next_cursor=next_cursor)


def _position(pair: Suggestion) -> Position:
    return pair.confidence, pair.first_id, pair.second_id


def _pair(pair: Suggestion, listed: Mapping[ContactId, ListedContact]) -> DuplicatePair:
    first, second = listed[pair.first_id], listed[pair.second_id]
    if (second.score, second.last_at or INFINITE_PAST) > (first.score, first.last_at or INFINITE_PAST):
        first, second = second, first
    return DuplicatePair(
        contact=summary(first), other=summary(second), evidence=pair.evidence, confidence=pair.confidence
    )


async def dismiss_duplicate(context: Context, command: DismissDuplicate) -> Done:
    """These two are not the same: neither a suggestion nor a card makes them one any more. Refused: `same_contact` (409)."""
    user_id = command.user_id
    async with context.locked_for_request(user_id) as connection:
        contact_id = await get_contact_id(connection, user_id, command.contact_id)
        other_id = await get_contact_id(connection, user_id, command.other_id)
        if contact_id == other_id:
            raise Refused(409, "same_contact", "These are one contact already: undo their merge instead.")
        await duplicates.insert_distinct(connection, user_id, contact_id, other_id)
    await context.publish_changed({user_id: {contact_id, other_id}})
    return Done()
