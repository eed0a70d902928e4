"""`auth` holds no more after many requests than after some: what it keeps has a bound. Counted in objects, so that no clock decides."""

import gc
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from libs.common import scopes
from libs.common.config import Settings
from libs.common.errors import Refused
from libs.common.ids import Service
from libs.common.requests import (
    GetSettings,
    GetToken,
    ListAccounts,
    ListAccountStates,
    MeasureAuth,
    SignedIn,
    WhoIs,
)
from libs.local.servers import Nats
from tests.conftest import ServiceSettings
from tests.support.signing_in import ANNA, AuthWorld, auth_world

REQUESTS = 150  # of each kind
TRIES = 4  # a connection more, or a cache that fills up, is met once; what is kept of every request is met each time
# The loop of the tests keeps timers that were cancelled until there are many of them, with what they would have called.
TIMERS = {
    "asyncio.events.TimerHandle",
    "_contextvars.Context",
    "weakref.ReferenceType",
    "builtins.builtin_function_or_method",
}


@pytest_asyncio.fixture
async def world(service_settings: ServiceSettings, nats_server: Nats) -> AsyncIterator[AuthWorld]:
    """With a single connection to the database, whose objects are always as many."""

    def settings(service: Service) -> Settings:
        return service_settings(service).model_copy(update={"pool_size": 1})

    async with auth_world(settings, nats_server.admin_url) as running:
        yield running


async def work(world: AuthWorld, anna: SignedIn) -> None:
    """What other services and browsers want of it all day. Each round gets a token from Google, because the last one is refused there."""
    rejected = None
    for _ in range(REQUESTS):
        token = await world.request(GetToken(account_id=anna.account_id, scope=scopes.GMAIL_READ, rejected=rejected))
        rejected = token.access_token
        await world.request(GetToken(account_id=anna.account_id, scope=scopes.CALENDAR_READ))
        await world.request(WhoIs(session=world.sessions[anna.user_id]))
        await world.request(ListAccounts(user_id=anna.user_id))
        await world.request(ListAccountStates())
        await world.request(GetSettings(user_id=anna.user_id))
        await world.request(MeasureAuth())
        with suppress(Refused):
            await world.request(WhoIs(session="s" * 43))


def held(world: AuthWorld) -> Counter[str]:
    """What lives in this process, by type, once all that nobody can reach is gone. What the test itself has kept is let go of."""
    world.google.world.authority.access.clear()
    world.published.clear()
    gc.collect()
    found = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())
    return Counter({name: count for name, count in found.items() if name not in TIMERS})


async def test_what_auth_holds_does_not_grow_with_what_it_is_asked(world: AuthWorld) -> None:
    anna = await world.sign_in(ANNA.address)
    await work(world, anna)
    growths = []
    for _ in range(TRIES):
        before = held(world)
        await work(world, anna)
        growths.append(held(world) - before)
        if growths[-1].total() < REQUESTS / 2:  # an object of each request of a kind would be twice as many
            return
    pytest.fail(f"More after each time: {[growth.most_common(5) for growth in growths]}")
