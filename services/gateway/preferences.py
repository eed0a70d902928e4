"""The settings of a user: read, changed while somebody else may be changing them too, and what has to be known of them all the time.

Every change of a contact asks whether its user wants calls about contacts, and every notification whether there is anybody to call, so that
is remembered in Redis. Settings change through
`change_preferences` alone. While it waits for `auth` nothing is remembered, and it remembers the new choice before anybody has the
response: what changes from then on is judged by it, on every replica, also where the response is lost. Of two answers the one with the
higher version of the settings stays, however late the other is.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from libs.common.bus import Bus
from libs.common.cache import Cache
from libs.common.errors import Refused
from libs.common.ids import UserId
from libs.common.preferences import CONTACT_CHANGED, Preferences
from libs.common.requests import GetSettings, PutSettings, UserPreferences
from services.gateway.domain.webhook_delivery import webhook_url

ATTEMPTS = 5
REMEMBERED = timedelta(minutes=5)

_REMEMBER = """
local known = redis.call('get', KEYS[1])
if not known or tonumber(string.match(known, '^%d+')) <= tonumber(ARGV[1]) then
    redis.call('set', KEYS[1], ARGV[1] .. ARGV[2], 'px', ARGV[3])
end
return {}
"""
# Calls about contacts, none about contacts, none at all, and what is being changed just now.
_YES, _NO, _NONE, _UNKNOWN = " yes", " no", " none", " unknown"


class Changed(NamedTuple):
    """The settings before a change and after it."""

    before: Preferences
    after: Preferences


async def get_preferences(bus: Bus, user_id: UserId) -> UserPreferences | None:
    """None: the user is gone. Outage or Refused: they can't be known right now."""
    try:
        return await bus.request(GetSettings(user_id=user_id))
    except Refused as refused:
        if refused.status == 404:
            return None
        raise


async def change_preferences(
    bus: Bus, cache: Cache, user_id: UserId, changed: Callable[[Preferences], Preferences]
) -> Changed:
    """Apply `changed` to the settings as they are; anew, where another change came in between. Refused: `settings_changed` (409)."""
    for attempt in range(1, ATTEMPTS + 1):
        before = await bus.request(GetSettings(user_id=user_id))
        after = changed(before.preferences)
        await _remember(cache, user_id, before.version + 1, _UNKNOWN)
        try:
            stored = await bus.request(PutSettings(user_id=user_id, preferences=after, if_version=before.version))
        except Refused as refused:
            if refused.code != "settings_changed" or attempt == ATTEMPTS:
                raise
        else:
            await remember(cache, user_id, stored)
            return Changed(before.preferences, stored.preferences)
    raise AssertionError("the last attempt returns or raises")


async def wants_contact_calls(bus: Bus, cache: Cache, user_id: UserId) -> bool:
    """Whether the user's webhook is to be called about contacts that change. Outage or Refused: it can't be known right now."""
    known = (await cache.get(_key(user_id)) or b"").decode()
    if known.endswith((_YES, _NO, _NONE)):
        return known.endswith(_YES)
    settings = await get_preferences(bus, user_id)
    if settings is None:
        return False
    await remember(cache, user_id, settings)
    return webhook_url(settings.preferences, CONTACT_CHANGED) is not None


async def has_no_webhook(cache: Cache, user_id: UserId) -> bool:
    """Whether it is remembered that the user has no webhook; False also where nothing is."""
    return (await cache.get(_key(user_id)) or b"").decode().endswith(_NONE)


async def remember(cache: Cache, user_id: UserId, settings: UserPreferences) -> None:
    """What the user wants by these settings, unless it is known by later ones."""
    if webhook_url(settings.preferences, CONTACT_CHANGED) is not None:
        choice = _YES
    else:
        choice = _NONE if settings.preferences.notifications.webhook_url is None else _NO
    await _remember(cache, user_id, settings.version, choice)


async def forget(cache: Cache, user_id: UserId) -> None:
    """Nothing is remembered of a user who is gone."""
    await cache.release(_key(user_id))


async def _remember(cache: Cache, user_id: UserId, version: int, choice: str) -> None:
    await cache.run(_REMEMBER, [_key(user_id)], version, choice, round(REMEMBERED / timedelta(milliseconds=1)))


def _key(user_id: UserId) -> str:
    return f"contact_calls:{user_id}"
