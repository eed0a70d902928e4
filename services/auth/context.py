"""What the handlers work with: made once in `__main__`, handed to each of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import SecretStr

from libs.common import outbox
from libs.common.bus import Bus
from libs.common.cache import Cache
from libs.common.db import Pool
from libs.common.errors import Outage
from libs.common.google.id_token import GoogleKeys
from libs.common.google.oauth import GoogleOAuth
from libs.common.service import Resources
from services.auth.domain.sign_up import SignUpPolicy
from services.auth.keyring import BadKey, Keyring


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Context:
    """`now` is the wall clock; leases and sessions go by the database's, which all replicas share."""

    db: Pool
    cache: Cache
    bus: Bus
    oauth: GoogleOAuth
    google_keys: GoogleKeys
    keyring: Keyring
    secret_keys: tuple[SecretStr, ...]
    sign_up: SignUpPolicy
    now: Callable[[], datetime] = utc_now

    @classmethod
    def of(cls, r: Resources) -> "Context":
        """Raises Outage where PINGCRM_SECRET_KEYS can't be used: without a key nothing works, `run` ends with its sentence."""
        oauth = GoogleOAuth.of(r.settings, r.http)
        try:
            keyring = Keyring.of(r.settings)
        except BadKey as error:
            raise Outage(str(error)) from error
        sign_up = SignUpPolicy(r.settings.sign_up, frozenset(r.settings.operators))
        google_keys = GoogleKeys(r.http, oauth.certs_url)
        return cls(r.db, r.cache, r.bus, oauth, google_keys, keyring, r.settings.secret_keys, sign_up)

    async def relay_outbox(self) -> None:
        """Publish at once what the last commit put into the outbox; what fails now is published by `keep_relaying` within seconds."""
        await self.bus.run_guarded(lambda: outbox.relay(self.db, self.bus), pause_seconds=0)
