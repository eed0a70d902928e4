"""The users' settings."""

from libs.common.errors import Refused, not_found
from libs.common.events import SettingsChanged
from libs.common.log import get_logger
from libs.common.outbox import owe
from libs.common.questions import GetSettings, PutSettings, UserPreferences
from services.auth.dependencies import Auth
from services.auth.store import users


async def get_settings(auth: Auth, question: GetSettings) -> UserPreferences:
    async with auth.db.acquire() as db:
        found = await users.get_preferences(db, question.user_id)
    if found is None:
        raise not_found("user")
    return found


async def put_settings(auth: Auth, question: PutSettings) -> UserPreferences:
    """Replace the settings. The same again is no change: nothing is stored or said."""
    async with auth.db.acquire() as db, db.transaction():
        await users.lock_user(db, question.user_id)
        before = await users.get_preferences(db, question.user_id)
        if before is None:
            raise not_found("user")
        if question.if_version not in (None, before.version):
            raise Refused(409, "settings_changed", "The settings were changed meanwhile. Load them and try again.")
        if before.preferences == question.preferences:
            return before
        after = UserPreferences(version=before.version + 1, preferences=question.preferences)
        await users.upsert_preferences(db, question.user_id, after.version, after.preferences)
        await owe(
            db,
            SettingsChanged(
                user_id=question.user_id,
                version=after.version,
                before=before.preferences,
                after=after.preferences,
            ),
        )
    await auth.tell()
    get_logger().info("settings_changed", user=question.user_id, version=after.version)
    return after
