"""The users' settings."""

from libs.common import outbox
from libs.common.errors import Refused, not_found
from libs.common.events import SettingsChanged
from libs.common.log import get_logger
from libs.common.requests import GetSettings, PutSettings, UserPreferences
from services.auth.context import Context
from services.auth.store import preferences, users


async def get_settings(context: Context, query: GetSettings) -> UserPreferences:
    async with context.db.acquire() as connection:
        found = await preferences.get_preferences(connection, query.user_id)
    if found is None:
        raise not_found("user")
    return found


async def put_settings(context: Context, command: PutSettings) -> UserPreferences:
    """Replace the settings. The same again is no change: nothing is stored or published."""
    async with context.db.acquire() as connection, connection.transaction():
        await users.lock_user(connection, command.user_id)
        before = await preferences.get_preferences(connection, command.user_id)
        if before is None:
            raise not_found("user")
        if command.if_version not in (None, before.version):
            raise Refused(409, "settings_changed", "The settings were changed meanwhile. Load them and try again.")
        if before.preferences == command.preferences:
            return before
        after = UserPreferences(version=before.version + 1, preferences=command.preferences)
        await preferences.upsert_preferences(connection, command.user_id, after.version, after.preferences)
        await outbox.add(
            connection,
            SettingsChanged(
                user_id=command.user_id,
                version=after.version,
                before=before.preferences,
                after=after.preferences,
            ),
        )
    await context.relay_outbox()
    get_logger().info("settings_changed", user=command.user_id, version=after.version)
    return after
