"""The user's settings."""

from pydantic import ConfigDict

from libs.common.errors import Refused
from libs.common.preferences import GmailPreferences, NotificationPreferences, Preferences
from libs.common.requests import GetSettings
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.api.input_schemas import without_defaults
from services.gateway.domain.preferences import merged
from services.gateway.domain.public_hosts import is_private_host, private_hosts_allowed
from services.gateway.preferences import Changed, change_preferences

TAG = "Settings"


@endpoint("GET", "/settings", tag=TAG, scope="read")
async def get_settings(call: Call) -> Preferences:
    """Show all settings."""
    return (await call.request(GetSettings(user_id=call.user_id))).preferences


class GmailChanges(GmailPreferences):
    """The fields of the group `gmail` that change."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=without_defaults)


class NotificationChanges(NotificationPreferences):
    """The fields of the group `notifications` that change."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=without_defaults)


class SettingsChanges(Preferences):
    """The settings that change. What does not exist is refused, so that a slip of the pen is no silence."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=without_defaults)

    gmail: GmailChanges = GmailChanges()
    notifications: NotificationChanges = NotificationChanges()


@endpoint("PUT", "/settings", tag=TAG, scope="account")
async def put_settings(call: Call, body: SettingsChanges) -> Preferences:
    """Change settings.

    What is left out keeps its value, so that sending back what GET gave, changed, and sending one field alone both do what they say.
    """
    return (await store_settings(call, body)).after


async def store_settings(call: Call, body: SettingsChanges) -> Changed:
    """The settings before and after. Refused: `private_webhook` (422), `settings_changed` (409)."""
    url = body.notifications.webhook_url
    if url and not private_hosts_allowed(call.context.settings.base_url) and is_private_host(url.host or ""):
        raise Refused(422, "private_webhook", "The webhook's host is not on the public internet. Choose another.")
    changes = body.model_dump(exclude_unset=True)
    return await change_preferences(
        call.context.bus,
        call.user_id,
        lambda before: Preferences.model_validate(merged(before.model_dump(), changes)),
    )


ENDPOINTS = (get_settings, put_settings)
