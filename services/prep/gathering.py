"""What the other services know before a meeting: its owner, the meeting as it stands, and its people."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.common.addresses import canonical
from libs.common.bus import Bus
from libs.common.errors import Refused, not_found
from libs.common.events import Guest, Meeting
from libs.common.ids import AccountId, MeetingId, UserId
from libs.common.preferences import GmailPreferences
from libs.common.requests import (
    Account,
    Attendee,
    Attendees,
    GetAttendees,
    GetMeeting,
    GetSettings,
    GroupMeeting,
    ListAccounts,
    ListMeetings,
)
from services.prep.domain.dossier import INTERACTIONS_REQUESTED, Dossier, collect, pair
from services.prep.domain.rules import MAX_GUESTS, guests_of

MOST_MEETINGS = 5_000
ADDRESSES_PER_REQUEST = 200


@dataclass(frozen=True)
class Owner:
    """The user as `auth` knows them; `own_addresses` are theirs in canonical form."""

    accounts: tuple[Account, ...]
    preferences: GmailPreferences
    own_addresses: frozenset[str]

    @property
    def names(self) -> list[str]:
        """What they are called, by their accounts."""
        return [account.name for account in self.accounts if account.name]

    def account(self, account_id: AccountId) -> Account | None:
        """The account with this id; None where it was purged."""
        return next((account for account in self.accounts if account.id == account_id), None)


@dataclass(frozen=True)
class Gathered:
    """A meeting as it stands, the account whose calendar holds it, and what is known of its people."""

    meeting: Meeting
    account: Account | None
    dossier: Dossier


@dataclass(frozen=True)
class People:
    """The other people of a meeting with what is known of them, and when just these met last."""

    pairs: tuple[tuple[Guest, Attendee], ...]
    met_together: GroupMeeting | None = None

    @property
    def attendees(self) -> list[Attendee]:
        return [attendee for _, attendee in self.pairs]


NOBODY = People(())


async def gather(bus: Bus, user_id: UserId, meeting_id: MeetingId) -> Gathered:
    """Everything for a brief that a user requests. Refused: `not_found`."""
    meeting = await get_current_meeting(bus, user_id, meeting_id)
    owner = await get_owner(bus, user_id)
    if meeting is None or owner is None or meeting.user_id != user_id:
        raise not_found("meeting")
    people = await get_people(bus, meeting, owner, datetime.now(UTC))
    dossier = collect(meeting, people.pairs, owner.preferences.time_zone, people.met_together, owner.names)
    return Gathered(meeting, owner.account(meeting.account_id), dossier)


async def get_owner(bus: Bus, user_id: UserId) -> Owner | None:
    """None: there is no such user any more."""
    try:
        settings, accounts = await asyncio.gather(
            bus.request(GetSettings(user_id=user_id)), bus.request(ListAccounts(user_id=user_id))
        )
    except Refused as refusal:
        if refusal.status == 404:
            return None
        raise
    preferences = settings.preferences.gmail
    written = [account.address for account in accounts.items] + list(preferences.own_addresses)
    return Owner(accounts.items, preferences, frozenset(filter(None, map(canonical, written))))


async def get_current_meeting(bus: Bus, user_id: UserId, meeting_id: MeetingId) -> Meeting | None:
    """The meeting as it stands; None where it was cancelled, or is not this user's."""
    try:
        return await bus.request(GetMeeting(user_id=user_id, meeting_id=meeting_id))
    except Refused as refusal:
        if refusal.status == 404:
            return None
        raise


async def get_people(bus: Bus, meeting: Meeting, owner: Owner, now: datetime) -> People:
    """The other people of a meeting with what is known of them, by one request. With too many for a brief they are only counted."""
    guests = guests_of(meeting, owner.own_addresses)
    if len(guests) > MAX_GUESTS:
        return People(pair(guests, [Attendee(address=guest.address) for guest in guests]))
    addresses = [guest.address for guest in guests]
    found = await _get_attendees(bus, meeting.user_id, addresses, now, INTERACTIONS_REQUESTED)
    return People(pair(guests, found.items), found.met_together)


async def list_meetings(bus: Bus, user_id: UserId, start: datetime, end: datetime) -> list[Meeting]:
    """The user's meetings of a time: each account's once per event and start, as each gets one brief. At most some 5,000."""
    found: dict[object, Meeting] = {}
    cursor: str | None = None
    while len(found) < MOST_MEETINGS:
        page = await bus.request(ListMeetings(user_id=user_id, start=start, end=end, cursor=cursor))
        for meeting in page.items:
            found.setdefault((meeting.account_id, meeting.event_id, meeting.starts_at), meeting)
        cursor = page.next_cursor
        if cursor is None:
            break
    return list(found.values())


async def get_attendees_by_address(
    bus: Bus, user_id: UserId, addresses: Sequence[str], now: datetime
) -> dict[str, Attendee]:
    """What is known behind each address, without interactions. Spellings of the same address are requested once."""
    by_canonical = {canonical(address) or address: address for address in dict.fromkeys(addresses)}
    requested = list(by_canonical.values())
    found: dict[str, Attendee] = {}
    for begin in range(0, len(requested), ADDRESSES_PER_REQUEST):
        chunk = requested[begin : begin + ADDRESSES_PER_REQUEST]
        attendees = (await _get_attendees(bus, user_id, chunk, now, last=0)).items
        found |= {canonical(address) or address: known for address, known in zip(chunk, attendees, strict=True)}
    return {address: found[canonical(address) or address] for address in addresses}


async def _get_attendees(bus: Bus, user_id: UserId, addresses: Sequence[str], now: datetime, last: int) -> Attendees:
    """What `contacts` knows behind each address, in the same order, with the `last` interactions of each."""
    if not addresses:
        return Attendees(items=())
    return await bus.request(GetAttendees(user_id=user_id, addresses=tuple(addresses), now=now, last=last))
