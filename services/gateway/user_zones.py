"""In which zone a user reads times that no browser asks for: in notifications, webhook calls, and pages without JavaScript."""

from collections.abc import Awaitable
from zoneinfo import ZoneInfo

from libs.common.ids import UserId
from libs.common.requests import GetSyncStatus, SyncStatus
from services.gateway.context import Context
from services.gateway.domain.moments import UTC_ZONE, reader_zone
from services.gateway.preferences import get_preferences


async def user_zone(context: Context, user_id: UserId, status: Awaitable[SyncStatus] | None = None) -> ZoneInfo:
    """That of the settings, else that of a primary calendar, the oldest account's first; else UTC. Outage: it can't be known now.

    `status`: where it is on its way already.
    """
    settings = await get_preferences(context.bus, user_id)
    if settings is None:
        return UTC_ZONE
    if chosen := settings.preferences.gmail.time_zone:
        return reader_zone(chosen)
    known = await (status or context.bus.request(GetSyncStatus(user_id=user_id)))
    return reader_zone(*known.time_zones.values())
