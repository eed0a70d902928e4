"""How many sign-ins a browser and an address may begin. Whoever comes back from Google as they went is not counted."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

from aiohttp import web

from libs.common.errors import Refused
from services.gateway.context import Context
from services.gateway.domain.client_address import client_address, counted_as
from services.gateway.sessions.cookies import known_browser_of

BROWSER_PER_MINUTE = 30
ADDRESS_PER_MINUTE = 120  # an office shares its address; and so does everybody behind a proxy that is not trusted
COUNTED_FOR = timedelta(minutes=2)


async def count_sign_in(context: Context, request: web.Request) -> None:
    """Count one more attempt. Refused: `too_many_attempts` (429) beyond so many a minute."""
    forwarded = request.headers.getall("X-Forwarded-For", [])
    address = client_address(request.remote or "", forwarded, context.settings.trusted_proxies)
    minute = int(datetime.now(UTC).timestamp() // 60)
    counted = {f"sign_in:address:{counted_as(address)}:{minute}": ADDRESS_PER_MINUTE}
    if browser := known_browser_of(request, context.settings):
        name = hashlib.sha256(browser.encode()).hexdigest()[:32]  # the cookie itself is nobody's business in Redis
        counted[f"sign_in:browser:{name}:{minute}"] = BROWSER_PER_MINUTE
    attempts = await asyncio.gather(*(context.cache.count_failure(key, COUNTED_FOR) for key in counted))
    if any(count > limit for count, limit in zip(attempts, counted.values(), strict=True)):
        raise Refused(429, "too_many_attempts", "Too many sign-ins from here. Wait a minute.", retry_after=60)
