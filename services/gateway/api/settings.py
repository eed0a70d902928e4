"""The user's settings, and the key with which webhook calls are signed."""

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from libs.common.errors import Refused
from libs.common.preferences import GmailPreferences, NotificationPreferences, Preferences
from libs.common.requests import GetSettings
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.api.input_schemas import without_defaults
from services.gateway.domain.preferences import merged
from services.gateway.domain.public_hosts import is_private_host, private_hosts_allowed
from services.gateway.domain.webhook_delivery import webhook_secret
from services.gateway.preferences import Changed, change_preferences
from services.gateway.store.webhook_secrets import get_generation

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


class Webhook(BaseModel):
    """`secret` is the key of the signature: `PingCRM-Signature: t=<unix time>,v1=<HMAC-SHA256 of "<t>.<body>" in hex>`."""

    url: HttpUrl | None
    secret: str = Field(examples=["whsec_…"])


@endpoint("GET", "/settings/webhook", tag=TAG, scope="account")
async def show_webhook(call: Call) -> Webhook:
    """Show where notifications are posted, and the key that signs them."""
    settings = (await call.request(GetSettings(user_id=call.user_id))).preferences
    generation = await get_generation(call.context.db, call.user_id)
    secret = webhook_secret(call.context.settings.webhook_keys[0], call.user_id, generation.number)
    return Webhook(url=settings.notifications.webhook_url, secret=secret)


ENDPOINTS = (get_settings, put_settings, show_webhook)
