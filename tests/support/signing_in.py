"""A browser, as far as signing in needs one; and `auth` with a local Google behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import aiohttp
import asyncpg
import nats
import pytest
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from pydantic import BaseModel

from libs.common import scopes
from libs.common.bus import Bus
from libs.common.cache import open_cache
from libs.common.config import Settings
from libs.common.errors import Refused
from libs.common.events import EVENTS, Event
from libs.common.ids import AccountId, Service, UserId
from libs.common.requests import BeginSignIn, FinishSignIn, Request, SignedIn
from libs.common.service import running
from libs.google_sim.account import AccountData
from libs.google_sim.server import GoogleServer, run_google
from services.auth.__main__ import wire

R = TypeVar("R", bound=BaseModel)
E = TypeVar("E", bound=Event)

CLIENT_ID = "client.apps.googleusercontent.test"
CLIENT_SECRET = "client-secret"
ANNA = AccountData(address="anna@gmail.com", name="Anna Berg", sub="100000000000000000001")
ANNA_AT_WORK = AccountData(address="anna@berg.example", name="Anna Berg", sub="100000000000000000002")
BOB = AccountData(address="bob@gmail.com", name="Bob Stone", sub="100000000000000000003")


@dataclass
class AuthWorld:
    """A running `auth`, the gateway's end of the bus, a Google, and everything that was published meanwhile."""

    google: GoogleServer
    bus: Bus
    sync: Bus
    http: aiohttp.ClientSession
    settings: Settings
    postgres_url: str
    listener: NatsClient
    published: list[Event] = field(default_factory=list)
    sessions: dict[UserId, str] = field(default_factory=dict)
    subscriptions: list[Subscription] = field(default_factory=list)

    async def request(self, request: Request[R]) -> R:
        """As one of the services that may request it."""
        return await (self.bus if "gateway" in request.requested_by else self.sync).request(request)

    async def consent(
        self, url: str, address: str, *, untick: Iterable[str] = (), decision: str = "allow"
    ) -> dict[str, str]:
        """What a person does on Google's page; the parameters that Google sends the browser back with."""
        ticked = [("scope", scope) for scope in scopes.FEATURES if scope not in set(untick)]
        form = aiohttp.FormData([("account", address), ("decision", decision), *ticked])
        async with self.http.post(url, data=form, allow_redirects=False) as response:
            assert response.status == 302, await response.text()
            location = response.headers["Location"]
        assert location.startswith(self.settings.redirect_uri)
        return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}

    async def sign_in(
        self,
        address: str,
        *,
        browser: str = "browser",
        user_id: UserId | None = None,
        account_id: AccountId | None = None,
        untick: Iterable[str] = (),
    ) -> SignedIn:
        """The whole way to Google and back, once. `user_id`: in the latest session of this user."""
        session = self.sessions[user_id] if user_id else None
        begun = await self.request(BeginSignIn(browser=browser, session=session, account_id=account_id))
        back = await self.consent(begun.authorize_url, address, untick=untick)
        return await self.finish(back, browser, session)

    async def finish(self, back: dict[str, str], browser: str = "browser", session: str | None = None) -> SignedIn:
        command = FinishSignIn(
            browser=browser,
            session=session,
            state=back.get("state", ""),
            code=back.get("code", ""),
            error=back.get("error", ""),
        )
        signed_in = await self.request(command)
        if signed_in.session:
            self.sessions[signed_in.user_id] = signed_in.session
        return signed_in

    async def refused(self, request: Request[Any], code: str) -> Refused:
        """Assert that the request is refused with this code."""
        with pytest.raises(Refused) as caught:
            await self.request(request)
        assert caught.value.code == code
        return caught.value

    def received(self, kind: type[E]) -> list[E]:
        return [event for event in self.published if isinstance(event, kind)]

    async def catch_up(self) -> None:
        """From here on `published` has everything that was published before."""
        await self.listener.flush()
        async with asyncio.timeout(5):
            while any(subscription.pending_msgs for subscription in self.subscriptions):
                await asyncio.sleep(0)

    async def until(self, true: Callable[[], bool], seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.02)

    async def sql(self, statement: str, *arguments: object) -> Any:
        """The first row of a statement, as the role of `auth`."""
        connection = await asyncpg.connect(self.postgres_url)
        try:
            return await connection.fetchrow(statement, *arguments)
        finally:
            await connection.close()


@asynccontextmanager
async def auth_world(
    settings_of: Callable[[Service], Settings],
    nats_admin_url: str,
    *,
    replicas: int = 1,
    sign_up: str = "open",
    operators: str = "",
    **options: Any,
) -> AsyncIterator[AuthWorld]:
    """`auth`, in as many replicas as requested, behind a Google with three accounts. `options`: see google_sim's Options."""
    options = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **options}
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(run_google([ANNA, ANNA_AT_WORK, BOB], **options))
        settings = Settings(
            **{
                **settings_of("auth").model_dump(),
                "google_client_id": CLIENT_ID,
                "google_client_secret": CLIENT_SECRET,
                "google_oauth_root": google.url,
                "sign_up": sign_up,
                "operators": operators,
            }
        )
        for _ in range(replicas):
            await stack.enter_async_context(running("auth", settings, wire))
        buses = []
        for service in ("gateway", "sync"):
            cache = open_cache(settings_of(service), service)
            stack.push_async_callback(cache.close)
            bus = Bus(settings_of(service), service, cache)
            await bus.connect()
            stack.push_async_callback(bus.stop)
            buses.append(bus)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        listener = await nats.connect(nats_admin_url)
        stack.push_async_callback(listener.close)
        world = AuthWorld(google, buses[0], buses[1], http, settings, settings.postgres_url, listener)
        by_subject = {event.subject: event for event in EVENTS if "auth" in event.published_by}

        async def listen(message: Msg) -> None:
            world.published.append(by_subject[message.subject].model_validate_json(message.data))

        for subject in by_subject:
            world.subscriptions.append(await listener.subscribe(subject, cb=listen))
        await listener.flush()
        yield world
