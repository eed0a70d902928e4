"""`auth`'s work without NATS and without Google: its own database and Redis are real, the bus and Google's OAuth are plain values."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

import asyncpg

from libs.common import scopes
from libs.common.cache import Cache, open_cache
from libs.common.config import Settings
from libs.common.db import Pool, open_pool
from libs.common.events import Event
from libs.common.google.id_token import GoogleKeys, Identity
from libs.common.google.oauth import GoogleOAuth, Grant
from libs.common.ids import UserId
from libs.common.requests import BeginSignIn, FinishSignIn, GetToken, SignedIn
from libs.local.secrets import SECRET_KEYS, generate
from services.auth.context import Context
from services.auth.domain.sign_up import SignUpPolicy
from services.auth.handlers.sign_in import begin_sign_in, finish_sign_in
from services.auth.keyring import Keyring
from tests.support.database import Database
from tests.support.plain_bus import PlainBus

TABLES = ("users", "google_accounts", "removed_accounts", "sessions", "api_tokens", "preferences", "outbox")
SCOPES = frozenset(scopes.ALL)


def grant(access_token: str = "access", refresh_token: str | None = "refresh", **fields: Any) -> Grant:
    """A response of Google's token endpoint for an hour."""
    return replace(Grant(access_token, timedelta(hours=1), SCOPES, refresh_token, "id token"), **fields)


async def _grants(_: str) -> Grant:
    return grant("refreshed", None)


@dataclass
class PlainOAuth:
    """Google's OAuth server as functions: `refresh_once` of the refresh token, `exchanged` for every code."""

    refresh_once: Callable[[str], Awaitable[Grant]] = _grants
    exchanged: Grant = field(default_factory=grant)
    revoking: Exception | None = None
    refreshes: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    exchanges: list[tuple[str, str]] = field(default_factory=list)
    authorizations: list[dict[str, Any]] = field(default_factory=list)
    configured: bool = True
    client_id: str = "client"

    def authorize_url(self, **parameters: Any) -> str:
        self.authorizations.append(parameters)
        return f"https://google.example/auth?state={parameters['state']}"

    async def exchange(self, code: str, verifier: str) -> Grant:
        self.exchanges.append((code, verifier))
        return self.exchanged

    async def refresh(self, refresh_token: str) -> Grant:
        self.refreshes.append(refresh_token)
        return await self.refresh_once(refresh_token)

    async def revoke(self, token: str) -> None:
        if self.revoking is not None:
            raise self.revoking
        self.revoked.append(token)


@dataclass
class PlainKeys:
    """Vouches for whoever is at Google at the moment."""

    who: Identity
    nonces: list[str] = field(default_factory=list)
    together: asyncio.Barrier | None = None

    async def verified(self, id_token: str, *, client_id: str, nonce: str, now: datetime) -> Identity:
        """`together`: so many are kept waiting until they all have come this far."""
        self.nonces.append(nonce)
        who = self.who
        if self.together is not None:
            await self.together.wait()
        return who


def identity(name: str, number: int) -> Identity:
    return Identity.model_validate(
        {"sub": f"10{number}", "email": f"{name}@gmail.com", "email_verified": True, "name": f"{name.title()} Berg"}
    )


ANNA, WORK, BOB = identity("anna", 1), identity("anna.at.work", 2), identity("bob", 3)


@dataclass
class AuthAlone:
    """Change what Google does, then call the handlers with `context`."""

    context: Context
    bus: PlainBus
    oauth: PlainOAuth
    keys: PlainKeys
    admin_url: str
    secret_key: str
    sessions: dict[UserId, str] = field(default_factory=dict)

    @property
    def db(self) -> Pool:
        return self.context.db

    async def begin(self, **fields: Any) -> str:
        """Begin a sign-in; its state."""
        begun = await begin_sign_in(self.context, BeginSignIn(**{"browser": "browser", **fields}))
        return begun.authorize_url.rpartition("=")[2]

    async def sign_in(self, who: Identity = ANNA, *, user_id: UserId | None = None, **fields: Any) -> SignedIn:
        """To Google and back. `user_id`: add an account in the latest session of this user."""
        session = self.sessions[user_id] if user_id else None
        state = await self.begin(session=session, **fields)
        self.keys.who = who
        command = FinishSignIn(browser="browser", session=session, state=state, code="code")
        signed_in = await finish_sign_in(self.context, command)
        if signed_in.session:
            self.sessions[signed_in.user_id] = signed_in.session
        return signed_in

    async def everything(self) -> dict[str, list[asyncpg.Record]]:
        """All rows of all tables."""
        return {name: list(await self.db.fetch(f"SELECT * FROM {name} ORDER BY 1")) for name in TABLES}

    async def waiting_events(self) -> int:
        """How many events are in the outbox."""
        count: int = await self.db.fetchval("SELECT count(*) FROM outbox")
        return count

    async def refuse_events(self) -> None:
        """From now on nothing can be added to the outbox."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute("ALTER TABLE auth.outbox ADD CONSTRAINT refused CHECK (false) NOT VALID")
        finally:
            await connection.close()

    def received(self, kind: type[Event]) -> list[Any]:
        return self.bus.received(kind)


def read(account: SignedIn, rejected: str | None = None) -> GetToken:
    return GetToken(account_id=account.account_id, scope=scopes.GMAIL_READ, rejected=rejected)


@asynccontextmanager
async def auth_alone(database: Database, redis_url: str) -> AsyncIterator[AuthAlone]:
    """Everybody may sign in. What was stored is deleted at the end."""
    settings = Settings(postgres_url=database.url_for("auth"), redis_url=redis_url)
    bus, oauth, keys = PlainBus("auth"), PlainOAuth(), PlainKeys(ANNA)
    secret_key = generate()[SECRET_KEYS]
    cache: Cache = open_cache(settings, "auth")
    pool = await open_pool(settings)
    try:
        context = Context(
            db=pool,
            cache=cache,
            bus=bus.as_bus(),
            oauth=cast(GoogleOAuth, oauth),
            google_keys=cast(GoogleKeys, keys),
            keyring=Keyring([secret_key]),
            secret_keys=(),
            sign_up=SignUpPolicy(("open",), frozenset()),
        )
        yield AuthAlone(context, bus, oauth, keys, database.admin_url, secret_key)
        for table in ("users", "removed_accounts", "outbox"):
            await pool.execute(f"DELETE FROM {table}")
    finally:
        await pool.close()
        await cache.close()
