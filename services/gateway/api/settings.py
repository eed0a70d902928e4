"""The user's settings."""

from pydantic import ConfigDict, HttpUrl

from libs.common.errors import Refused
from libs.common.preferences import GmailPreferences, NotificationPreferences, Preferences
from libs.common.requests import GetSettings
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.api.input_schemas import without_defaults
from services.gateway.domain.preferences import merged
from services.gateway.preferences import Changed, change_preferences
from services.gateway.webhook_delivery.http_client import can_be_called

TAG = "Settings"
PRIVATE_WEBHOOK = (
    "The webhook's host can't be found, or is not on the public internet. Choose another, or have whoever runs this PingCRM name its "
    "network in PINGCRM_WEBHOOK_ALLOW."
)


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
    await _refuse_private_webhook(call, body.notifications.webhook_url)
    changes = body.model_dump(exclude_unset=True)
    return await change_preferences(
        call.context.bus,
        call.context.cache,
        call.user_id,
        lambda before: Preferences.model_validate(merged(before.model_dump(), changes)),
    )


async def _refuse_private_webhook(call: Call, url: HttpUrl | None) -> None:
    """A URL that can't be called is refused as it is set, and not only found out by its first call. One that is set already stays.

    One sentence for a name that is not found and for one that leads inside: names of the own network are no user's to explore.
    """
    if url is None or await can_be_called(call.context.webhooks.hosts, url.host or ""):
        return
    stored = (await call.request(GetSettings(user_id=call.user_id))).preferences
    if stored.notifications.webhook_url != url:
        raise Refused(422, "private_webhook", PRIVATE_WEBHOOK)


ENDPOINTS = (get_settings, put_settings)
