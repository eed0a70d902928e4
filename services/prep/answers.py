"""The questions about briefs: preview, send now, what became of them, and what would have been sent."""

from datetime import UTC, datetime, timedelta

from libs.common.addresses import canonical
from libs.common.errors import Outage, Refused, Unprocessable, not_found
from libs.common.events import Guest, Meeting
from libs.common.google.errors import GoogleError
from libs.common.ids import MeetingId, UserId
from libs.common.requests import (
    Account,
    Attendee,
    Brief,
    DryRun,
    DryRunLine,
    DryRunPreps,
    GetPreps,
    ListMeetings,
    Prep,
    Preps,
    PreviewPrep,
    SendPrep,
)  # fmt: skip
from services.prep import sending, settling
from services.prep.context import Context, Owner, attendees, meeting_now, owner_of, people_of
from services.prep.domain.dossier import Dossier, collect, pair
from services.prep.domain.rules import SENTENCES, SkipReason, cannot_send, guests_of, skip_reason
from services.prep.sending import Unconfirmed
from services.prep.store import preps
from services.prep.store.preps import StoredPrep
from services.prep.writing import write

PREVIEW_TOKEN = "preview"  # noqa: S105 — stands where a sent brief has its reference
USUAL_LEAD = timedelta(minutes=35)
MOST_MEETINGS = 5_000
ADDRESSES_AT_ONCE = 200


async def preview(context: Context, query: PreviewPrep) -> Brief:
    """The brief as it would be sent now. Takes as long as Claude does: up to 20 s."""
    _, _, dossier = await _gathered(context, query.user_id, query.meeting_id)
    return await write(context.claude, dossier, context.settings.base_url, PREVIEW_TOKEN, datetime.now(UTC))


async def send_now(context: Context, command: SendPrep) -> Prep:
    """Send the brief, whatever was sent before. Refused where it can't be: no permission, nobody to meet, Gmail's no."""
    meeting, account, dossier = await _gathered(context, command.user_id, command.meeting_id)
    if obstacle := cannot_send(account) or (None if dossier.people else "no_guests"):
        raise _refused(obstacle)
    assert account is not None
    async with context.db.acquire() as connection:
        stored = await preps.insert_by_hand(connection, meeting, sending.new_token(), datetime.now(UTC))
    prep = await _sent(context, account, stored, dossier)
    if prep is not None:
        return prep
    async with context.db.acquire() as connection:
        settled = await preps.get_prep(connection, stored)
    if settled is None:
        raise not_found("meeting")  # the account was purged meanwhile
    if settled.reason in SENTENCES:
        raise _refused(settled.reason)
    raise Refused(502, "not_sent", settled.reason)


async def _sent(context: Context, account: Account, stored: StoredPrep, dossier: Dossier) -> Prep | None:
    """Sent, or settled as failed. There is no later attempt: the user asks again."""
    try:
        brief = await write(context.claude, dossier, context.settings.base_url, stored.token, datetime.now(UTC))
        return await sending.deliver(context, account, stored, brief)
    except Unconfirmed:
        try:
            gmail_id = await sending.find_sent(context.gmail(account.id), stored.token)
        except (GoogleError, Outage):
            gmail_id = None
        if gmail_id:
            return await settling.sent(context, stored, gmail_id)
        await settling.failed(context, stored, settling.UNCONFIRMED)
    except (Outage, Unprocessable) as error:
        await settling.failed(context, stored, str(error))
    return None


async def list_preps(context: Context, query: GetPreps) -> Preps:
    async with context.db.acquire() as connection:
        return Preps(items=await preps.list_latest(connection, query.user_id, query.meeting_ids))


async def dry_run(context: Context, query: DryRunPreps) -> DryRun:
    """What the same rules say of past meetings, each as of 35 minutes before its start, with the contacts of today."""
    now = datetime.now(UTC)
    owner = await owner_of(context.bus, query.user_id)
    if owner is None:
        raise not_found("user")
    meetings = await _meetings(context, query.user_id, now - timedelta(days=query.days), now)
    guests = {meeting.meeting_id: guests_of(meeting, owner.mine) for meeting in meetings}
    known = await _known(context, query.user_id, [guest for each in guests.values() for guest in each], now)
    return DryRun(items=tuple(_line(meeting, guests[meeting.meeting_id], known, owner) for meeting in meetings))


def _line(meeting: Meeting, guests: tuple[Guest, ...], known: dict[str, Attendee], owner: Owner) -> DryRunLine:
    people = [attendee for _, attendee in pair(guests, [known[guest.address] for guest in guests])]
    at = meeting.starts_at - USUAL_LEAD
    reason = skip_reason(meeting, owner.account(meeting.account_id), owner.preferences, people, at)
    return DryRunLine(
        meeting_id=meeting.meeting_id,
        title=meeting.title,
        starts_at=meeting.starts_at,
        would_send=reason is None,
        reason=reason or "",
    )


async def _meetings(context: Context, user_id: UserId, start: datetime, end: datetime) -> list[Meeting]:
    """Each account's meeting once per event and start, as each gets one brief."""
    found: dict[object, Meeting] = {}
    cursor: str | None = None
    while len(found) < MOST_MEETINGS:
        page = await context.bus.request(ListMeetings(user_id=user_id, start=start, end=end, cursor=cursor))
        for meeting in page.items:
            found.setdefault((meeting.account_id, meeting.event_id, meeting.starts_at), meeting)
        cursor = page.next_cursor
        if cursor is None:
            break
    return list(found.values())


async def _known(context: Context, user_id: UserId, guests: list[Guest], now: datetime) -> dict[str, Attendee]:
    """What is known behind each address, asked once per person."""
    written = list(dict.fromkeys(guest.address for guest in guests))
    by_canonical = {canonical(address) or address: address for address in written}
    asked = list(by_canonical.values())
    found: dict[str, Attendee] = {}
    for begin in range(0, len(asked), ADDRESSES_AT_ONCE):
        some = asked[begin : begin + ADDRESSES_AT_ONCE]
        answer = await attendees(context.bus, user_id, some, now, last=0)
        found |= {canonical(address) or address: one for address, one in zip(some, answer, strict=True)}
    return {address: found[canonical(address) or address] for address in written}


async def _gathered(
    context: Context, user_id: UserId, meeting_id: MeetingId
) -> tuple[Meeting, Account | None, Dossier]:
    """The meeting as it stands, its account, and what is known of its people. Refused: not_found."""
    meeting = await meeting_now(context.bus, user_id, meeting_id)
    owner = await owner_of(context.bus, user_id)
    if meeting is None or owner is None or meeting.user_id != user_id:
        raise not_found("meeting")
    people = await people_of(context.bus, meeting, owner, datetime.now(UTC))
    return meeting, owner.account(meeting.account_id), collect(meeting, people)


def _refused(reason: SkipReason) -> Refused:
    status = {"missing_scope": 403, "no_guests": 422}.get(reason, 409)
    return Refused(status, reason, SENTENCES[reason])
