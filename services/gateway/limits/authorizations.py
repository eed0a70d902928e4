"""How many requests of assistants may come to wait in a minute: of each user, and of everybody who is not signed in together.

Anybody can register and send browsers here, from as many addresses as they have; what waits is held in memory for a while. Whoever is
signed in is counted alone, so that no flood keeps them from connecting theirs.
"""

from datetime import UTC, datetime, timedelta

from aiohttp import web

from libs.common.errors import Refused
from services.gateway.context import Context
from services.gateway.limits.sign_ins import count_sign_in
from services.gateway.sessions.authentication import find_caller

USER_PER_MINUTE = 20
STRANGERS_PER_MINUTE = 60
COUNTED_FOR = timedelta(minutes=2)


async def count_authorization(context: Context, request: web.Request) -> None:
    """Count one more, with the sign-ins of its address and of its user. Refused: `too_many_attempts` (429) beyond so many a minute."""
    await count_sign_in(context, request)
    caller = await find_caller(request, context.bus, context.settings)
    whose, limit = (str(caller.user.id), USER_PER_MINUTE) if caller else ("strangers", STRANGERS_PER_MINUTE)
    minute = int(datetime.now(UTC).timestamp() // 60)
    if await context.cache.count_failure(f"authorizations:{whose}:{minute}", COUNTED_FOR) > limit:
        advice = "Wait a minute." if caller else "Sign in to PingCRM, and begin anew in the assistant."
        raise Refused(429, "too_many_attempts", f"Too many assistants are being connected. {advice}", retry_after=60)
