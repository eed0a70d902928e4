"""What prep's handlers work with, and what they ask the other services."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.addresses import canonical
from libs.common.bus import Bus
from libs.common.cache import Cache
from libs.common.claude import Claude
from libs.common.config import Settings
from libs.common.db import Pool
from libs.common.errors import Refused
from libs.common.events import Guest, Meeting
from libs.common.google.api import Google
from libs.common.google.gmail import Gmail
from libs.common.google.tokens import AccountTokens
from libs.common.ids import AccountId, MeetingId, UserId
from libs.common.preferences import GmailPreferences
from libs.common.requests import Account, Attendee, GetAttendees, GetMeeting, GetSettings, ListAccounts
from services.prep.domain.dossier import ASKED_INTERACTIONS, pair
from services.prep.domain.rules import MAX_GUESTS, guests_of


@dataclass(frozen=True)
class Context:
    """Everything that a handler needs, made in `__main__`."""

    settings: Settings
    db: Pool
    cache: Cache
    bus: Bus
    google: Google
    claude: Claude

    def gmail(self, account_id: AccountId) -> Gmail:
        return self.google.account(AccountTokens(self.bus, account_id), account_id).gmail


@dataclass(frozen=True)
class Owner:
    """The user as `auth` knows them; `mine` are their addresses in canonical form."""

    accounts: tuple[Account, ...]
    preferences: GmailPreferences
    mine: frozenset[str]

    def account(self, account_id: AccountId) -> Account | None:
        return next((account for account in self.accounts if account.id == account_id), None)


async def owner_of(bus: Bus, user_id: UserId) -> Owner | None:
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


async def meeting_now(bus: Bus, user_id: UserId, meeting_id: MeetingId) -> Meeting | None:
    """The meeting as it stands; None where it was cancelled, or is not this user's."""
    try:
        return await bus.request(GetMeeting(user_id=user_id, meeting_id=meeting_id))
    except Refused as refusal:
        if refusal.status == 404:
            return None
        raise


async def people_of(bus: Bus, meeting: Meeting, owner: Owner, now: datetime) -> tuple[tuple[Guest, Attendee], ...]:
    """The other people of a meeting with what is known of them. A crowd is only counted: it gets no brief."""
    guests = guests_of(meeting, owner.mine)
    if len(guests) > MAX_GUESTS:
        return pair(guests, [Attendee(address=guest.address) for guest in guests])
    addresses = [guest.address for guest in guests]
    return pair(guests, await attendees(bus, meeting.user_id, addresses, now, ASKED_INTERACTIONS))


async def attendees(
    bus: Bus, user_id: UserId, addresses: Sequence[str], now: datetime, last: int
) -> tuple[Attendee, ...]:
    """What `contacts` knows behind each address, in the same order."""
    if not addresses:
        return ()
    return (await bus.request(GetAttendees(user_id=user_id, addresses=tuple(addresses), now=now, last=last))).items
