"""Changing settings that somebody else may be changing at the same time."""

from collections.abc import Callable
from typing import NamedTuple

from libs.common.bus import Bus
from libs.common.errors import Refused
from libs.common.ids import UserId
from libs.common.preferences import Preferences
from libs.common.requests import GetSettings, PutSettings

ATTEMPTS = 5


class Changed(NamedTuple):
    """The settings before a change and after it."""

    before: Preferences
    after: Preferences


async def change_preferences(bus: Bus, user_id: UserId, changed: Callable[[Preferences], Preferences]) -> Changed:
    """Apply `changed` to the settings as they are; anew, where another change came in between. Refused: `settings_changed` (409)."""
    for attempt in range(1, ATTEMPTS + 1):
        before = await bus.request(GetSettings(user_id=user_id))
        after = changed(before.preferences)
        try:
            stored = await bus.request(PutSettings(user_id=user_id, preferences=after, if_version=before.version))
        except Refused as refused:
            if refused.code != "settings_changed" or attempt == ATTEMPTS:
                raise
        else:
            return Changed(before.preferences, stored.preferences)
    raise AssertionError("the last attempt returns or raises")
