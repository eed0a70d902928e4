"""One account's line to Google: aiogoogle builds the request, one pooled aiohttp session carries it, this file minds failures.

aiogoogle's own session opens connections per use, parses with the slow JSON, and knows no retry; building a request with it
costs 0.2 ms, so that part is used and the rest is not.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import uniform
from typing import Any

import aiohttp
import orjson
from yarl import URL

from libs.common.errors import Outage, Throttled
from libs.common.google.errors import DailyLimit, NotReady, Unauthorized, error_of
from libs.common.resources.reading import Resource

PATIENCE_SECONDS = 20.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
_HEADERS = {"Accept-Encoding": "gzip", "User-Agent": "PingCRM (gzip)", "Accept": "application/json"}

# An access token that covers `scope`; the second argument is one that Google has just refused.
Tokens = Callable[[str, str | None], Coroutine[Any, Any, str]]


@dataclass
class Usage:
    """What was asked of Google so far: HTTP requests, and Gmail's quota units."""

    requests: int = 0
    units: int = 0


@dataclass
class Session:
    """Calls of one account, at most `concurrency` at the same time. Cheap: make one per piece of work."""

    http: aiohttp.ClientSession
    tokens: Tokens
    concurrency: int
    timeout_seconds: float
    usage: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.concurrency)
        self._not_before = 0.0  # when the account was told to slow down, all of its calls wait
        self._timeout = aiohttp.ClientTimeout(total=self.timeout_seconds)

    async def call(
        self, method: Any, scope: str, *, units: int = 0, json: object = None, repeatable: bool = True, **params: object
    ) -> Resource:
        """Call a method of a discovery document; its JSON object.

        Throttling and outages are tried again for about 20 s, with growing, jittered pauses, then raised; outages not at all
        where the call is not `repeatable`: it may have been carried out. A refused token is renewed once.
        """
        request = method(validate=False, json=json, **params)
        url = URL(request.url, encoded=True)
        async with self._slots:
            loop = asyncio.get_running_loop()
            deadline = loop.time() + PATIENCE_SECONDS
            pause, rejected = FIRST_PAUSE_SECONDS, None
            while True:
                if (held_back := self._not_before - loop.time()) > 0:
                    await asyncio.sleep(held_back)
                token = await self.tokens(scope, rejected)
                try:
                    return await self._send(request.method, url, token, json, units)
                except Unauthorized:
                    if rejected is not None:
                        raise
                    rejected = token
                except (Outage, NotReady) as error:
                    wait = pause * uniform(0.7, 1.3)
                    if isinstance(error, Throttled):
                        wait = max(wait, error.retry_after.total_seconds() if error.retry_after else 0.0)
                    elif isinstance(error, Outage) and not repeatable:
                        raise
                    if isinstance(error, DailyLimit) or loop.time() + wait > deadline:
                        raise
                    if isinstance(error, Throttled):
                        self._not_before = max(self._not_before, loop.time() + wait)
                    else:
                        await asyncio.sleep(wait)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _send(self, verb: str, url: URL, token: str, json: object, units: int) -> Resource:
        """One request, one answer. Outage: no answer, or one that breaks off or is no JSON object."""
        self.usage.requests += 1
        self.usage.units += units
        headers = {**_HEADERS, "Authorization": f"Bearer {token}"}
        body = None if json is None else orjson.dumps(json)
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self.http.request(
                verb, url, headers=headers, data=body, timeout=self._timeout, allow_redirects=False
            ) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Outage(f"Google could not be reached: {type(error).__name__}.") from error
        if not 200 <= response.status < 300:
            raise error_of(response.status, response.headers, answer, datetime.now(UTC))
        if response.status == 204:
            return {}
        try:
            parsed = orjson.loads(answer)
        except orjson.JSONDecodeError as error:
            raise Outage("Google's answer broke off or is not JSON.") from error
        if not isinstance(parsed, dict):
            raise Outage("Google's answer is not a JSON object.")
        return parsed
