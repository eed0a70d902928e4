"""The calendars of a user's accounts, as Google lists them: which of them are read is a setting."""

import asyncio

from libs.common.errors import Outage
from libs.common.google.errors import GoogleError
from libs.common.ids import AccountId
from libs.common.log import get_logger
from libs.common.requests import AccountCalendar, Calendars, ListCalendars
from libs.common.scopes import CALENDAR_READ
from services.sync.context import Context, GoogleAccounts
from services.sync.store import accounts

SECONDS = 8.0
"""So long somebody who opens the page waits for Google at most."""
MAX_TITLE = 200


async def list_calendars(context: Context, google: GoogleAccounts, query: ListCalendars) -> Calendars:
    """What could be ticked, each under the first account that has it: not the primary calendars, which are always read."""
    async with context.db.acquire() as connection:
        account_ids = await accounts.list_account_ids(connection, query.user_id)
        found = [account for id_ in account_ids if (account := await accounts.get_account(connection, id_))]
    readable = [
        account.account_id for account in found if account.state == "active" and CALENDAR_READ in account.scopes
    ]
    listed = dict(zip(readable, await asyncio.gather(*(_listed(google, id_) for id_ in readable)), strict=True))
    calendars: dict[str, AccountCalendar] = {}
    for calendar in (calendar for of_account in listed.values() for calendar in of_account or ()):
        calendars.setdefault(calendar.calendar_id, calendar)
    for account in found:
        calendars.pop(account.address, None)
    return Calendars(
        items=tuple(calendars.values()),
        unavailable=tuple(account.account_id for account in found if listed.get(account.account_id) is None),
    )


async def _listed(google: GoogleAccounts, account_id: AccountId) -> list[AccountCalendar] | None:
    """Those of one account, by title; None where Google does not list them now."""
    try:
        async with asyncio.timeout(SECONDS):
            entries = await google.open(account_id).calendar.calendars()
    except (GoogleError, Outage, TimeoutError) as error:
        get_logger().info("calendars_not_listed", account=str(account_id), error=type(error).__name__)
        return None
    calendars = [
        AccountCalendar(account_id=account_id, calendar_id=entry.calendar_id, title=entry.title[:MAX_TITLE])
        for entry in entries
        if not entry.primary
    ]
    return sorted(calendars, key=lambda calendar: (calendar.title.casefold(), calendar.calendar_id))
