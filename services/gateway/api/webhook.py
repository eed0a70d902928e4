"""The user's webhook: where notifications are posted, and the secret that signs the calls."""

from datetime import datetime

from pydantic import BaseModel, Field, HttpUrl

from libs.common.preferences import WebhookEvent
from libs.common.requests import GetSettings
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.api.settings import TAG
from services.gateway.domain.webhook_delivery import SecretGeneration, secret_hint, webhook_secret
from services.gateway.store.webhook_secrets import get_generation, next_generation


class Webhook(BaseModel):
    """What is called, about what, and by which secret one recognises the calls."""

    url: HttpUrl | None
    events: tuple[WebhookEvent, ...]
    secret: None = Field(
        description="Always null. The secret is shown once, by the call that makes it: `POST /settings/webhook/secret`.",
        json_schema_extra={"deprecated": True},
    )
    secret_hint: str = Field(description="The last four characters of the secret that signs.", examples=["9f3c"])
    secret_made_at: datetime | None = Field(description="Null where the user has not made one yet.")


class MadeWebhookSecret(BaseModel):
    """`secret` is what receivers verify calls with, as the Standard Webhooks specification has it: see `webhooks`."""

    secret: str = Field(description="Shown this once.", examples=["whsec_…"])
    secret_hint: str = Field(description="Its last four characters.", examples=["9f3c"])
    secret_made_at: datetime


@endpoint("GET", "/settings/webhook", tag=TAG, scope="account")
async def show_webhook(call: Call) -> Webhook:
    """Show where notifications are posted, and which secret signs them.

    Of the secret the last four characters are shown. Who has lost it makes a new one.
    """
    settings = (await call.request(GetSettings(user_id=call.user_id))).preferences
    generation = await get_generation(call.context.db, call.user_id)
    return Webhook(
        url=settings.notifications.webhook_url,
        events=settings.notifications.webhook_events,
        secret=None,
        secret_hint=secret_hint(secret_of(call, generation)),
        secret_made_at=generation.made_at if generation.number else None,
    )


@endpoint("POST", "/settings/webhook/secret", tag=TAG, scope="account", status=201)
async def make_webhook_secret(call: Call) -> MadeWebhookSecret:
    """Make a new secret for the webhook.

    It is shown this once, and signs from now on. The former one signs for another day, so that receivers can be given the new one; the
    one before that signs no more. Each call makes another.
    """
    async with call.context.db.acquire() as connection, connection.transaction():
        generation = await next_generation(connection, call.user_id)
    secret = secret_of(call, generation)
    return MadeWebhookSecret(secret=secret, secret_hint=secret_hint(secret), secret_made_at=generation.made_at)


def secret_of(call: Call, generation: SecretGeneration) -> str:
    """The user's secret of this generation, by the newest key."""
    return webhook_secret(call.context.settings.webhook_keys[0], call.user_id, generation.number)


ENDPOINTS = (show_webhook, make_webhook_secret)
