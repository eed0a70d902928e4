"""ID tokens: who signed in, or which service account calls, proven by Google's signature. Rules: https://developers.google.com/identity/openid-connect/openid-connect"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from math import inf
from time import monotonic
from typing import Literal, TypeVar

import aiohttp
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, Field, ValidationError, field_validator

from libs.common.errors import Outage
from libs.common.google.oauth import TIMEOUT

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

ALGORITHMS = ("RS256",)
LEEWAY = timedelta(minutes=1)
DEFAULT_CACHE_SECONDS = 3600.0
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,8})")


class Untrusted(Exception):
    """The ID token proves nothing: the message says which check failed, never what the token held."""


class UnknownKey(Untrusted):
    """It is signed with a key that is not among those at hand; Google may have changed its keys meanwhile."""


class WrongSigner(Untrusted):
    """It is good, and not from the one who may send it."""


class Identity(BaseModel):
    """Who signed in. `sub` identifies the Google account for ever; the address may change, and counts as proven where verified."""

    sub: str = Field(min_length=1, max_length=255)
    address: str = Field(max_length=254, alias="email", pattern=r"^[^\s\x00-\x1f]+@[^\s\x00-\x1f]+$")
    address_verified: bool = Field(False, alias="email_verified")
    name: str = ""

    @field_validator("name")
    @classmethod
    def _in_a_line(cls, value: str) -> str:
        """People write their names themselves: no control characters, and not without end."""
        return "".join(character for character in value if character.isprintable())[:300]


class _Claims(BaseModel):
    iss: Literal["https://accounts.google.com", "accounts.google.com"]
    aud: str
    exp: float
    iat: float
    nonce: str = ""


class _Signer(BaseModel):
    """Whose service account a token stands for."""

    email: str
    email_verified: Literal[True]


def verify(token: str, keys: KeySet, *, client_id: str, nonce: str, now: datetime) -> Identity:
    """The identity in an ID token, after checking signature, issuer, audience, lifetime and nonce. Raises Untrusted."""
    claims, identity = _signed(token, keys, Identity, audience=client_id, now=now)
    if not nonce or claims.nonce != nonce:
        raise Untrusted("It belongs to another sign-in.")
    return identity


def verify_service(token: str, keys: KeySet, *, audience: str, email: str, now: datetime) -> None:
    """That this service account of Google's sends it to us. Untrusted: it proves nothing; WrongSigner: somebody else does."""
    _, signer = _signed(token, keys, _Signer, audience=audience, now=now)
    if signer.email.casefold() != email.casefold():
        raise WrongSigner("It is signed for another service account.")


def _signed(token: str, keys: KeySet, shape: type[M], *, audience: str, now: datetime) -> tuple[_Claims, M]:
    """The claims of a token, after checking signature, issuer, audience and lifetime. Raises Untrusted."""
    try:
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
    except InvalidKeyIdError:
        raise UnknownKey("It is signed with an unknown key.") from None
    except (JoseError, ValueError) as error:
        raise Untrusted(f"Its signature or form is wrong ({type(error).__name__}).") from None
    try:
        claims = _Claims.model_validate(decoded.claims)
        shaped = shape.model_validate(decoded.claims)
    except ValidationError as error:
        names = ", ".join(sorted({str(each["loc"][0]) for each in error.errors(include_input=False)}))
        raise Untrusted(f"Missing or wrong in it: {names}.") from None
    leeway, instant = LEEWAY.total_seconds(), now.timestamp()
    if claims.aud != audience:
        raise Untrusted("It is meant for another application.")
    if claims.exp + leeway <= instant:
        raise Untrusted("It has expired.")
    if claims.iat - leeway > instant:
        raise Untrusted("It is from the future: check this machine's clock.")
    return claims, shaped


def cache_seconds(cache_control: str) -> float:
    """How long an answer with this Cache-Control may be used; an hour where it does not say."""
    lowered = cache_control.lower()
    if "no-store" in lowered or "no-cache" in lowered:
        return 0.0
    found = _MAX_AGE.search(lowered)
    return float(found[1]) if found else DEFAULT_CACHE_SECONDS


@dataclass
class GoogleKeys:
    """Google's public signing keys, fetched when needed and kept for as long as Google says.

    `rest_seconds`: how long fresh keys are kept, whatever a token names. Where anybody may present a token, each one with an
    unknown key would else make us ask Google.
    """

    http: aiohttp.ClientSession
    url: str
    rest_seconds: float = 0.0
    _keys: KeySet | None = field(default=None, init=False, repr=False)
    _good_until: float = field(default=0.0, init=False)
    _fetched_at: float = field(default=-inf, init=False)
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    async def verified(self, token: str, *, client_id: str, nonce: str, now: datetime) -> Identity:
        """`verify` with the current keys. Raises Untrusted, Outage."""
        return await self._checked(partial(verify, token, client_id=client_id, nonce=nonce, now=now))

    async def verify_service(self, token: str, *, audience: str, email: str, now: datetime) -> None:
        """`verify_service` with the current keys. Raises Untrusted, WrongSigner, Outage."""
        await self._checked(partial(verify_service, token, audience=audience, email=email, now=now))

    async def _checked(self, check: Callable[[KeySet], T]) -> T:
        """The check with the current keys; they are fetched once more where the token names an unknown one."""
        keys = await self._current()
        try:
            return check(keys)
        except UnknownKey:
            if monotonic() - self._fetched_at < self.rest_seconds:
                raise
            return check(await self._current(instead_of=keys))

    async def _current(self, instead_of: KeySet | None = None) -> KeySet:
        """The kept keys while they are good and not the ones to be replaced, else fresh ones. One fetch at a time."""
        async with self._fetching:
            if self._keys is None or self._keys is instead_of or monotonic() >= self._good_until:
                self._keys, seconds = await self._fetch()
                self._fetched_at = monotonic()
                self._good_until = self._fetched_at + max(seconds, self.rest_seconds)
            return self._keys

    async def _fetch(self) -> tuple[KeySet, float]:
        try:
            async with self.http.get(self.url, timeout=TIMEOUT, allow_redirects=False) as response:
                if response.status != 200:
                    raise Outage(f"Google's signing keys could not be fetched: {response.status}.")
                keys = KeySet.import_key_set(await response.json(content_type=None))
                return keys, cache_seconds(response.headers.get("Cache-Control", ""))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Outage(f"Google's signing keys could not be fetched: {type(error).__name__}.") from error
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise Outage(f"Google's signing keys could not be read: {type(error).__name__}.") from error
