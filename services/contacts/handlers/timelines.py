"""What passed between the user and a contact: read page by page, and written by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from libs.common.errors import Refused, not_found
from libs.common.idempotency import creation_id
from libs.common.ids import InteractionId
from libs.common.pagination import cut_page, decode_page_token
from libs.common.requests import AddInteraction, GetTimeline, Interaction, Timeline
from services.contacts.contact_views import get_contact_id
from services.contacts.context import Context
from services.contacts.domain.changes import ChangedContacts
from services.contacts.domain.observations import RESERVED, is_reserved, written_interaction
from services.contacts.domain.text import cleaned
from services.contacts.projector import record_observations
from services.contacts.store import contact_edits, observations, timelines
from services.contacts.store.timeline_threads import list_folded_lines, list_single_lines
from services.contacts.store.timelines import TimelineFilter
from services.contacts.timelines import list_interaction_views, list_timeline_items

MAX_TEXT = 500


async def get_timeline(context: Context, query: GetTimeline) -> Timeline:
    """A page of a contact's timeline, newest first."""
    now = datetime.now(UTC)
    wanted = TimelineFilter(
        platform=query.platform,
        direction=query.direction,
        text=cleaned(query.q, MAX_TEXT),
        thread=query.thread,
        until=now if query.when == "past" else None,
        later_than=now if query.when == "ahead" else None,
        down_to=_position(query.down_to),
        with_older=query.older,
    )
    after = _position(query.cursor)
    async with context.db.acquire() as connection:
        contact_id = await get_contact_id(connection, query.user_id, query.contact_id)
        list_page = list_folded_lines if query.group else list_single_lines
        lines = await list_page(connection, contact_id, wanted, after, query.limit + 1)
        found = await list_timeline_items(connection, lines)
    items, next_cursor = cut_page(found, query.limit, lambda view: (view.occurred_at.isoformat(), view.id))
    return Timeline(items=items, next_cursor=next_cursor or query.down_to)


def _position(cursor: str | None) -> tuple[datetime, InteractionId] | None:
    """Refused: `invalid_cursor`."""
    position = decode_page_token(cursor, datetime, UUID)
    return (position[0], InteractionId(position[1])) if position else None


async def add_interaction(context: Context, command: AddInteraction) -> Interaction:
    """Write on a timeline by hand. Refused: `reserved_platform`; mail and meetings come from Google alone.

    What has neither a reference nor a time is known by its command: tried again, it is there already.
    """
    if is_reserved(command.platform):
        raise Refused(422, "reserved_platform", RESERVED)
    at = command.occurred_at or datetime.now(UTC)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    created_as = "" if command.ref or command.occurred_at else f"note:{creation_id(command.model_dump_json())}"
    async with context.locked_for_request(command.user_id) as connection:
        contact_id = await get_contact_id(connection, command.user_id, command.contact_id)
        contact = await contact_edits.get_editable_contact(connection, contact_id)
        first = written_interaction(command, contact_id, contact.bcc_hash, at, created_as)
        changed: ChangedContacts = {}
        line = await timelines.get_line(connection, contact_id, first.platform, first.ref) if created_as else None
        if line is None:
            revision = await observations.get_next_revision(connection, first.key)
            changed = await record_observations(connection, [replace(first, revision=revision)])
            line = await timelines.get_line(connection, contact_id, first.platform, first.ref)
        if line is None:
            raise not_found("user")  # purged: what is reported about them is not recorded
        [interaction] = await list_interaction_views(connection, [line])
    await context.publish_changed(changed)
    return interaction
