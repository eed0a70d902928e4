"""One account's line to Google: aiogoogle builds the request, one pooled aiohttp session carries it, this file minds failures.

aiogoogle's own session opens connections per use, parses with the slow JSON, and knows no retry; building a request with it
costs 0.2 ms, so that part is used and the rest is not.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

import aiohttp
import orjson
from yarl import URL

from libs.common.errors import Outage, Throttled
from libs.common.google.errors import DailyLimit, NotReady, Unauthorized, error_of
from libs.common.google.quota import Mailbox, Priority
from libs.common.google.retries import RetryBudget
from libs.common.resources.reading import Resource

_HEADERS = {"Accept-Encoding": "gzip", "User-Agent": "PingCRM (gzip)", "Accept": "application/json"}

T_co = TypeVar("T_co", covariant=True)

# An access token that covers `scope`; the second argument is one that Google has just refused.
Tokens = Callable[[str, str | None], Coroutine[Any, Any, str]]


@dataclass
class Usage:
    """What Google was sent so far: HTTP requests, and Gmail's quota units."""

    requests: int = 0
    units: int = 0


@dataclass
class Hold:
    """Google has told the account to slow down: until then, on the loop's clock, all calls of a piece of work wait."""

    until: float = 0.0


class Exchange(Protocol[T_co]):
    """A call that is tried until it succeeds or its retry budget is spent. What it costs may shrink from one try to the next.

    units: its price in the API's quota, 0 where none is kept. parts: how many calls it is. repeatable: nothing happens twice if it is
    carried out twice.
    """

    @property
    def scope(self) -> str: ...
    @property
    def units(self) -> int: ...
    @property
    def parts(self) -> int: ...
    @property
    def repeatable(self) -> bool: ...
    async def attempt(self, token: str) -> T_co:
        """Ask once. Raises what `error_of` gives, and Outage."""
        ...


@dataclass
class Session:
    """Calls of one account. Cheap: make one per piece of work. `priority`: whether it goes before imports."""

    http: aiohttp.ClientSession
    tokens: Tokens
    mailbox: Mailbox
    priority: Priority
    timeout_seconds: float
    usage: Usage = field(default_factory=Usage)
    hold: Hold = field(default_factory=Hold)

    def __post_init__(self) -> None:
        self._timeout = aiohttp.ClientTimeout(total=self.timeout_seconds)

    def at(self, priority: Priority) -> "Session":
        """The same piece of work, for calls of this priority: usage and hold are shared."""
        return replace(self, priority=priority)

    def on_calendars(self, calendars: Mailbox) -> "Session":
        """The same piece of work, for calls that the calendar's quota counts."""
        return replace(self, mailbox=calendars)

    async def call(
        self, method: Any, scope: str, *, units: int = 0, json: object = None, repeatable: bool = True, **params: object
    ) -> Resource:
        """Call a method of a discovery document; its JSON object. Failures: see `call_with_retries`."""
        request = method(validate=False, json=json, **params)
        body = None if json is None else orjson.dumps(json)
        url = URL(request.url, encoded=True)
        return await self.call_with_retries(_Single(self, request.method, url, scope, units, body, repeatable))

    async def call_with_retries(self, exchange: Exchange[T_co]) -> T_co:
        """Carry an exchange through.

        Throttling and outages are tried again for about 20 s, with growing, jittered pauses, then raised; outages not at all
        where the exchange is not repeatable: it may have been carried out. A refused token is renewed at once, and again
        with pauses: a new one may take seconds to be known everywhere. Waiting for quota does not count as trying.
        """
        retry_budget, rejected = RetryBudget(), None
        loop = asyncio.get_running_loop()
        while True:
            if (held_back := self.hold.until - loop.time()) > 0:
                if not retry_budget.allows(held_back):
                    raise Throttled("Google asked us to wait.", timedelta(seconds=held_back))
                await asyncio.sleep(held_back)
            await self.mailbox.admit(exchange.units, self.priority)
            token = await self.tokens(exchange.scope, rejected)
            async with self.mailbox.requesting(exchange.parts):
                begun, parts, metered = loop.time(), exchange.parts, exchange.units > 0
                try:
                    result = await exchange.attempt(token)
                except (Unauthorized, Outage, NotReady) as error:
                    failure = error
                else:
                    if metered:  # APIs without a quota of their own may be nearer, or further away
                        self.mailbox.response_times.note(parts, loop.time() - begun)
                    return result
            if isinstance(failure, Unauthorized) and rejected is None:
                rejected = token
                continue
            pause = retry_budget.pause_after(failure, loop.time() - begun)
            await self._heed(failure, pause, metered=exchange.units > 0)
            if pause is None or (not exchange.repeatable and not isinstance(failure, Throttled | Unauthorized)):
                raise failure
            if isinstance(failure, Unauthorized):
                rejected = token
            if not isinstance(failure, Throttled):
                await asyncio.sleep(pause)

    async def _heed(self, failure: Exception, pause: float | None, *, metered: bool) -> None:
        """What Google demands about the rate is for all calls of the account, and about the day for all accounts."""
        if isinstance(failure, DailyLimit):
            if metered:
                await self.mailbox.close_for_today(failure.ends_at - datetime.now(UTC))
        elif isinstance(failure, Throttled):
            wait = timedelta(seconds=pause or 0.0)
            if failure.retry_after:
                wait = max(wait, failure.retry_after)
            self.hold.until = max(self.hold.until, asyncio.get_running_loop().time() + wait.total_seconds())
            if metered:
                await self.mailbox.slow_down(wait)

    async def request(
        self,
        verb: str,
        url: URL,
        token: str,
        units: int,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> tuple[Mapping[str, str], bytes]:
        """One request; the headers and the body of its 2xx response. Outage: there was none, or it broke off."""
        self.usage.requests += 1
        self.usage.units += units if self.mailbox.api == "gmail" else 0
        headers = {**_HEADERS, "Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            async with self.http.request(
                verb, url, headers=headers, data=body, timeout=self._timeout, allow_redirects=False
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Outage(f"Google could not be reached: {type(error).__name__}.") from error
        if not 200 <= response.status < 300:
            raise error_of(response.status, response.headers, content, datetime.now(UTC))
        return response.headers, content


def read_object(content: bytes) -> Resource:
    """The JSON object of a body; nothing (204) is an empty one. Outage: it broke off, or is something else."""
    if not content:
        return {}
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Outage("Google's answer broke off or is not JSON.") from error
    if not isinstance(parsed, dict):
        raise Outage("Google's answer is not a JSON object.")
    return parsed


@dataclass(frozen=True)
class _Single:
    """One call by itself."""

    session: Session
    verb: str
    url: URL
    scope: str
    units: int
    body: bytes | None
    repeatable: bool
    parts: int = 1

    async def attempt(self, token: str) -> Resource:
        _, content = await self.session.request(self.verb, self.url, token, self.units, self.body)
        return read_object(content)
