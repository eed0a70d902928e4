"""In which zone a user reads times that no browser asks for: the chosen one, else the calendar's; and never a guess."""

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from libs.common.errors import Outage, Refused
from libs.common.ids import AccountId, UserId
from libs.common.preferences import GmailPreferences, Preferences
from libs.common.requests import GetSettings, SyncStatus, UserPreferences
from services.gateway.context import Context
from services.gateway.user_zones import user_zone

USER, ACCOUNT = UserId(UUID(int=1)), AccountId(UUID(int=2))
GONE, BUG = Refused(404, "not_found", "There is no such user."), Refused(500, "internal", "A bug.")


def stored(zone: str) -> UserPreferences:
    return UserPreferences(version=1, preferences=Preferences(gmail=GmailPreferences(time_zone=zone)))


def context(settings: UserPreferences | Exception, status: SyncStatus | Exception) -> Context:
    """As far as a zone is looked for: whatever `auth` and `sync` reply."""

    async def request(query: Any) -> Any:
        reply = settings if isinstance(query, GetSettings) else status
        if isinstance(reply, Exception):
            raise reply
        return reply

    return cast(Context, SimpleNamespace(bus=SimpleNamespace(request=request)))


CALENDARS = SyncStatus(items=(), time_zones={ACCOUNT: "Asia/Kathmandu"})
ZONES: tuple[tuple[UserPreferences | Exception, SyncStatus | Exception, str], ...] = (
    (stored("Europe/Berlin"), CALENDARS, "Europe/Berlin"),
    (stored("Europe/Berlin"), Outage("away"), "Europe/Berlin"),
    (stored(""), CALENDARS, "Asia/Kathmandu"),
    (stored(""), SyncStatus(items=()), "UTC"),
    (GONE, CALENDARS, "UTC"),
)


@pytest.mark.parametrize(("settings", "status", "zone"), ZONES)
async def test_a_user_reads_times_in_the_chosen_zone_else_in_the_calendar_s(
    settings: UserPreferences | Exception, status: SyncStatus | Exception, zone: str
) -> None:
    assert str(await user_zone(context(settings, status), USER)) == zone


@pytest.mark.parametrize(
    ("settings", "status"), [(Outage("away"), CALENDARS), (BUG, CALENDARS), (stored(""), Outage("away"))]
)
async def test_a_zone_that_can_not_be_known_now_is_not_guessed(
    settings: UserPreferences | Exception, status: SyncStatus | Exception
) -> None:
    with pytest.raises((Outage, Refused)):
        await user_zone(context(settings, status), USER)
