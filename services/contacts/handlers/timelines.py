"""Questions about what passed between the user and somebody: the timeline, a note, the people of a meeting."""

from collections import defaultdict
from datetime import UTC, datetime
from uuid import UUID

from libs.common.addresses import canonical, is_me
from libs.common.db import Connection, Record
from libs.common.errors import Refused, not_found
from libs.common.ids import ContactId
from libs.common.pagination import decode_page_token, encode_page_token
from libs.common.requests import AddInteraction, Attendee, Attendees, GetAttendees, GetTimeline, Interaction, Timeline
from services.contacts import contact_views, projector
from services.contacts.context import Context
from services.contacts.domain import observations
from services.contacts.domain.projection import Observation, ObservedItem, Participant
from services.contacts.domain.scoring import counted_interactions, score
from services.contacts.domain.text import cleaned, key
from services.contacts.handlers.contacts import resolved
from services.contacts.store import addresses, connectors, contact_edits, contact_search, timelines, users

MAX_GUESTS = 500


async def show_timeline(context: Context, query: GetTimeline) -> Timeline:
    position = decode_page_token(query.cursor, datetime, UUID)
    async with context.db.acquire() as connection:
        contact_id = await resolved(connection, query.user_id, query.contact_id)
        lines = await timelines.list_lines(
            connection,
            contact_id,
            platform=query.platform,
            direction=query.direction,
            q=cleaned(query.q, 500),
            group=query.group,
            after=(position[0], position[1]) if position else None,
            limit=query.limit + 1,
        )
        page = lines[: query.limit]
        items = tuple(await timelines.show(connection, page))
    more = len(lines) > query.limit
    last = page[-1] if page else None
    next_cursor = encode_page_token(last["occurred_at"].isoformat(), last["interaction_id"]) if more and last else None
    return Timeline(items=items, next_cursor=next_cursor)


async def add_interaction(context: Context, command: AddInteraction) -> Interaction:
    """Write on a timeline by hand. Refused: `reserved_platform`; mail and meetings come from Google alone."""
    if command.platform in ("email", "calendar"):
        raise Refused(422, "reserved_platform", "Email and calendar entries come from the connected accounts.")
    at = command.occurred_at or datetime.now(UTC)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    async with context.transaction() as connection:
        await users.lock_users(connection, [command.user_id])
        contact_id = await resolved(connection, command.user_id, command.contact_id)
        hash_ = (await contact_edits.get_contact(connection, contact_id))["bcc_hash"]
        # The contact's own hash stands for it: every contact has one, and it moves with merges.
        item = ObservedItem(
            occurred_at=at,
            kind=cleaned(command.kind, 32) or "note",
            people=(Participant("other", "bcc", hash_, hash_),),
            title=cleaned(command.title, observations.MAX_TITLE),
            text=cleaned(command.text, observations.MAX_NOTE),
            thread=key(command.thread),
            direction=command.direction,
        )
        given = key(command.ref or "")
        ref = given or observations.note_ref(
            command.user_id, contact_id, at, f"{command.platform}{item.title}{item.text}"
        )
        one = Observation(command.user_id, command.user_id, command.platform, ref, 0, ref, item)
        revision = await connectors.next_revision(connection, one)
        changed = await projector.record(
            connection, [Observation(one.user_id, one.source_id, one.platform, ref, revision, ref, item)]
        )
        line = await timelines.get_line(connection, contact_id, command.platform, ref)
        if line is None:
            raise not_found("user")  # purged: what is told about them is not recorded
        [shown] = await timelines.show(connection, [line])
    await context.tell(changed)
    return shown


async def show_attendees(context: Context, query: GetAttendees) -> Attendees:
    """Who the guests of a meeting are, as of `now`."""
    wanted = [(written, canonical(written)) for written in query.addresses[:MAX_GUESTS]]
    async with context.db.acquire() as connection:
        known = await addresses.owners_of(connection, query.user_id, "email", [value for _, value in wanted if value])
        mine = await users.list_own(connection, query.user_id)
        ids = [row["contact_id"] for row in known.values() if row["contact_id"]]
        people = await _people(connection, ids, query.now, query.last)
    return Attendees(
        items=tuple(
            _attendee(written, known.get(value or ""), people, me=bool(value) and is_me(value or "", mine))
            for written, value in wanted
        )
    )


async def _people(connection: Connection, ids: list[UUID], now: datetime, last: int) -> dict[UUID, Attendee]:
    interactions = await timelines.list_scored_interactions(connection, ids)
    bios = await contact_views.list_bios(connection, ids)
    lines = await timelines.last_lines(connection, ids, now, last)
    shown: dict[UUID, list[Interaction]] = defaultdict(list)
    for line, interaction in zip(lines, await timelines.show(connection, lines), strict=True):
        shown[line["contact_id"]].append(interaction)
    found = {}
    for id_ in ids:
        row = await contact_search.get_summary(connection, id_)
        if row is not None:
            had = [one.occurred_at for one in counted_interactions(interactions[id_], now)]
            found[id_] = Attendee(
                address="",
                contact_id=ContactId(id_),
                name=row["name"],
                company=row["company"],
                title=row["title"],
                score=score(interactions[id_], now),
                last_contact_at=max(had, default=None),
                bios=bios.get(id_, {}),
                last=tuple(shown[id_]),
            )
    return found


def _attendee(written: str, row: Record | None, people: dict[UUID, Attendee], *, me: bool) -> Attendee:
    if row is not None and row["contact_id"] in people:
        return people[row["contact_id"]].model_copy(update={"address": written, "me": me})
    return Attendee(address=written, name=row["name"] if row else "", me=me)
