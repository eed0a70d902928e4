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
from services.contacts import claiming, recording
from services.contacts.context import Context
from services.contacts.domain import seeing
from services.contacts.domain.projection import Sighting
from services.contacts.domain.text import cleaned
from services.contacts.store import reports, users

MAX_BIO = 2_000


async def _record(context: Context, told: Sequence[Sighting]) -> None:
    async with context.transaction() as c:
        changed = await recording.record(c, told)
        await claiming.note(c, told)
    await context.tell(changed)


async def record_messages(context: Context, facts: Sequence[MessageIngested]) -> None:
    await _record(context, [seeing.message(fact) for fact in facts])


async def remove_messages(context: Context, facts: Sequence[MessageRemoved]) -> None:
    await _record(context, [seeing.removed_message(fact) for fact in facts])


async def record_meetings(context: Context, facts: Sequence[MeetingIngested]) -> None:
    await _record(context, [seeing.meeting(fact) for fact in facts])


async def cancel_meeting(context: Context, fact: MeetingCancelled) -> None:
    await _record(context, [seeing.cancelled_meeting(fact)])


async def record_report(context: Context, fact: InteractionReported) -> None:
    """What a connector saw. Told again, with the same `ref`, it replaces what was told before."""
    async with context.transaction() as c:
        await users.lock_users(c, [fact.user_id])
        if await users.list_purged(c, [fact.user_id]):
            return
        one = seeing.reported(fact, 0)
        revision = await reports.next_revision(c, one)
        await reports.match_phones(c, fact.user_id, one)
        changed = await recording.record(c, [seeing.reported(fact, revision)])
    await context.tell(changed)


async def record_profile(context: Context, fact: ProfileReported) -> None:
    """A bio, kept with the address under which it was read."""
    who = seeing.who_of("other", fact.identity)
    if who is None:
        return
    async with context.transaction() as c:
        await users.lock_users(c, [fact.user_id])
        if fact.user_id in await users.list_purged(c, [fact.user_id]):
            return
        changed = await reports.put_bio(c, fact.user_id, who, fact.platform, cleaned(fact.bio, MAX_BIO), fact.at)
    await context.tell(changed)
