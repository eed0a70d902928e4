"""A service account: how a program, not a person, proves to Google who it is."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic import BaseModel, Field, SecretStr, ValidationError

from libs.common.errors import Outage
from libs.common.google.oauth import Misconfigured
from libs.common.resources.reading import integer, mapping, text

SCOPE = "https://www.googleapis.com/auth/pubsub"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)
_ASSERTION_SECONDS = 3600
_MARGIN = timedelta(seconds=60)


class KeyFile(BaseModel):
    """A service account's key, as the Cloud console hands it out."""

    client_email: str = Field(min_length=3)
    private_key_id: str = ""
    private_key: SecretStr


def read_key_file(path: Path) -> KeyFile:
    """Misconfigured: not there, or no key file. Its content is never quoted."""
    try:
        return KeyFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise Misconfigured(
            "PINGCRM_GOOGLE_APPLICATION_CREDENTIALS must be the path of a file that you may read, and it can't be read:"
            f" {error.strerror}."
        ) from error
    except ValidationError:
        raise Misconfigured(
            "PINGCRM_GOOGLE_APPLICATION_CREDENTIALS names no service account's key file (JSON with client_email and private_key)."
        ) from None


@dataclass
class ServiceAccount:
    """Access tokens of a service account, by the JWT-bearer grant (RFC 7523); each is kept until shortly before its end."""

    http: aiohttp.ClientSession
    path: Path
    token_url: str
    _token: str = field(default="", init=False, repr=False)
    _ends_at: datetime = field(default=datetime.min.replace(tzinfo=UTC), init=False)

    async def token(self, rejected: str | None = None) -> str:
        """A token that Pub/Sub has not just refused. Misconfigured, Outage."""
        now = datetime.now(UTC)
        if not self._token or self._token == rejected or self._ends_at - now <= _MARGIN:
            self._token, lifetime = await self._ask(now)
            self._ends_at = now + lifetime
        return self._token

    async def _ask(self, now: datetime) -> tuple[str, timedelta]:
        key = await asyncio.to_thread(read_key_file, self.path)  # read anew: keys are rotated
        form = {"grant_type": GRANT, "assertion": _assertion(key, self.token_url, now)}
        status, body = await post(self.http, self.token_url, TIMEOUT, data=form)
        if status >= 500 or status == 429:
            raise Outage(f"Google's OAuth server answered {status}.")
        if status != 200:
            raise Misconfigured(
                "Google does not accept the service account's key: was it deleted, or is this machine's clock wrong?"
            )
        response = json_object(body)
        return text(response.get("access_token")), timedelta(seconds=integer(response.get("expires_in")) or 300)


def _assertion(key: KeyFile, audience: str, now: datetime) -> str:
    """The signed claim that we are this service account."""
    issued = int(now.timestamp())
    claims = {
        "iss": key.client_email, "scope": SCOPE, "aud": audience, "iat": issued, "exp": issued + _ASSERTION_SECONDS,
    }  # fmt: skip
    header = {"alg": "RS256", "typ": "JWT"} | ({"kid": key.private_key_id} if key.private_key_id else {})
    try:
        return jwt.encode(header, claims, RSAKey.import_key(key.private_key.get_secret_value()))
    except (JoseError, ValueError):
        raise Misconfigured("The private key in PINGCRM_GOOGLE_APPLICATION_CREDENTIALS is no RSA key.") from None


async def post(
    http: aiohttp.ClientSession, url: str, timeout: aiohttp.ClientTimeout, **options: Any
) -> tuple[int, bytes]:
    """Status and body. Outage: no complete answer in time."""
    try:
        async with http.post(url, timeout=timeout, allow_redirects=False, **options) as response:
            return response.status, await response.read()
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise Outage(f"Google could not be reached: {type(error).__name__}.") from error


def json_object(body: bytes) -> Mapping[str, Any]:
    """Outage: the answer broke off."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Outage("Google's answer broke off or is not JSON.") from None
    return mapping(parsed)
