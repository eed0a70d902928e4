"""What the gateway's handlers, endpoints and pages work with: made in `__main__`, handed around as one value."""

from dataclasses import dataclass

from libs.common.bus import Bus
from libs.common.cache import Cache
from libs.common.config import Settings
from libs.common.db import Pool
from libs.common.google.id_token import GoogleKeys
from libs.common.google.oauth import certs_url
from libs.common.measuring import Measuring
from libs.common.service import Resources
from services.gateway.live_updates import Hub
from services.gateway.pages.render import Renderer
from services.gateway.photos import PhotoFetcher
from services.gateway.webhook_delivery.sender import WebhookSender

# Anybody may send tokens with unknown keys; Google's are not fetched anew for each of them.
KEYS_REST_SECONDS = 60.0


@dataclass(frozen=True)
class Context:
    """`hub` holds the live streams of this replica; `webhooks` sends what the store says is due."""

    settings: Settings
    db: Pool
    cache: Cache
    bus: Bus
    hub: Hub
    webhooks: WebhookSender
    pages: Renderer
    google_keys: GoogleKeys
    photos: PhotoFetcher
    measuring: Measuring

    @classmethod
    def of(cls, r: Resources, webhooks: WebhookSender) -> "Context":
        google_keys = GoogleKeys(r.http, certs_url(r.settings.google_oauth_root), rest_seconds=KEYS_REST_SECONDS)
        photos = PhotoFetcher(r.http, r.cache, r.settings.google_api_root)
        return cls(r.settings, r.db, r.cache, r.bus, Hub(), webhooks, Renderer(), google_keys, photos, r.measuring)
