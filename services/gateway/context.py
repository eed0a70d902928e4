"""What the gateway's handlers, endpoints and pages work with: made in `__main__`, handed around as one value."""

from dataclasses import dataclass

from libs.common.bus import Bus
from libs.common.cache import Cache
from libs.common.config import Settings
from libs.common.db import Pool
from libs.common.google.id_token import GoogleKeys
from services.gateway.live import Hub
from services.gateway.pages.render import Renderer


@dataclass(frozen=True)
class Context:
    settings: Settings
    db: Pool
    cache: Cache
    bus: Bus
    hub: Hub
    pages: Renderer
    google_keys: GoogleKeys
