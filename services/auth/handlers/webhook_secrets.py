"""Former secrets of webhooks, for the gateway: it signs with them too, so that receivers go on verifying."""

from libs.common.requests import GetFormerWebhookSecrets, WebhookSecrets
from services.auth.context import Context
from services.auth.domain.webhook_secrets import former_webhook_secrets


async def get_former_webhook_secrets(context: Context, query: GetFormerWebhookSecrets) -> WebhookSecrets:
    keys = [key.get_secret_value() for key in context.secret_keys]
    return WebhookSecrets(items=former_webhook_secrets(keys, query.user_id))
