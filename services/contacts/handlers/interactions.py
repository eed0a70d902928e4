"""Messages, meetings and reports become interactions."""

from collections.abc import Sequence

from libs.common.events import (
    InteractionReported,
    MeetingCancelled,
    MeetingIngested,
    MessageIngested,
    MessageRemoved,
    ProfileReported,
)
from services.contacts import bcc_offers, projector
from services.contacts.context import Context
from services.contacts.domain import observations
from services.contacts.domain.projection import Observation
from services.contacts.domain.text import cleaned
from services.contacts.store import connectors, users

MAX_BIO = 2_000


async def _record(context: Context, told: Sequence[Observation]) -> None:
    async with context.transaction() as connection:
        changed = await projector.record(connection, told)
        await bcc_offers.note(connection, told)
    await context.tell(changed)


async def record_messages(context: Context, events: Sequence[MessageIngested]) -> None:
    await _record(context, [observations.message(event) for event in events])


async def remove_messages(context: Context, events: Sequence[MessageRemoved]) -> None:
    await _record(context, [observations.removed_message(event) for event in events])


async def record_meetings(context: Context, events: Sequence[MeetingIngested]) -> None:
    await _record(context, [observations.meeting(event) for event in events])


async def cancel_meeting(context: Context, event: MeetingCancelled) -> None:
    await _record(context, [observations.cancelled_meeting(event)])


async def record_report(context: Context, event: InteractionReported) -> None:
    """What a connector saw. Told again, with the same `ref`, it replaces what was told before."""
    async with context.transaction() as connection:
        await users.lock_users(connection, [event.user_id])
        if await users.list_purged(connection, [event.user_id]):
            return
        one = observations.reported(event, 0)
        revision = await connectors.next_revision(connection, one)
        await connectors.match_phones(connection, event.user_id, one)
        changed = await projector.record(connection, [observations.reported(event, revision)])
    await context.tell(changed)


async def record_profile(context: Context, event: ProfileReported) -> None:
    """A bio, kept with the address under which it was read."""
    who = observations.participant_of("other", event.identity)
    if who is None:
        return
    async with context.transaction() as connection:
        await users.lock_users(connection, [event.user_id])
        if event.user_id in await users.list_purged(connection, [event.user_id]):
            return
        changed = await connectors.put_bio(
            connection, event.user_id, who, event.platform, cleaned(event.bio, MAX_BIO), event.at
        )
    await context.tell(changed)
