"""Nobody else's: every request and every operation, by somebody who sends another's real ids.

The calls are generated from the declarations. With another's ids the response is what it would be for ids of nothing, it shows nothing of
the other's, and of all that is the other's in any schema not a byte has changed.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from libs.common.bus import Bus
from libs.common.errors import Outage, Refused
from libs.common.requests import (
    REQUESTS,
    CompareCards,
    CompareMeetings,
    CompareMessages,
    DeleteApiToken,
    DeleteContact,
    DeleteUser,
    Disconnect,
    FindBriefTokens,
    FinishSignIn,
    GetContactsOfMessage,
    GetPreps,
    GetToken,
    ListAccounts,
    ListAccountStates,
    ListMeetings,
    ListRuns,
    Query,
    Request,
    SignOut,
    SignOutEverywhere,
)
from libs.local.secrets import Secrets
from tests.conftest import migrated_nats
from tests.support.database import fresh_database
from tests.support.isolation.cases import Case, Declaration, cases, owners_case, shown_of
from tests.support.isolation.rows import differences
from tests.support.isolation.world import Belongings, IsolationWorld, isolation_world
from tests.support.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="session")

# These are not made on behalf of a user: services that hold a copy of every account, or work for one, send them.
FOR_NO_USER = {ListAccountStates, GetToken}
# With another's ids these are answered, with nothing. All others are refused: 404.
EMPTY = {ListAccounts, ListRuns, ListMeetings, GetPreps, FindBriefTokens, CompareMessages, CompareMeetings, CompareCards, GetContactsOfMessage}
LAST = (DeleteApiToken, DeleteContact, Disconnect, SignOut, SignOutEverywhere, DeleteUser)
"""After them there is less of their sender."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(servers: Servers, secrets: Secrets) -> AsyncIterator[IsolationWorld]:
    """One for all tests of this module, because it takes a while to furnish."""
    redis = (await servers.valkey()).admin_url
    async with (
        fresh_database(await servers.postgres(), secrets) as database,
        migrated_nats(secrets) as bus,
        isolation_world(database, bus, redis, secrets) as made,
    ):
        yield made


async def send(bus: Bus, request: type[Request[Any]], case: Case) -> tuple[int, str]:
    """Status and text of the answer."""
    try:
        return 200, (await bus.request(request(**case.values), seconds=60)).model_dump_json()
    except Refused as refused:
        return refused.status, f"{refused.code} {refused.detail} {refused.extra}"
    except Outage as outage:
        return 503, str(outage)


async def compare(world: IsolationWorld, request: type[Request[Any]], case: Case, other: Belongings) -> list[str]:
    """What is wrong with the answer to this case."""
    bus = world.buses[request.requested_by[0]]
    status, text = await send(bus, request, case)
    wrong = [f"shows {shown}" for shown in shown_of(other, text, case.values)]
    if status >= 500:
        wrong.append(f"{status}: {text}")
    if case.names_a_thing_of_hers:
        if request not in EMPTY and status != 404:
            wrong.append(f"{status} and not 404: {text}")
        if issubclass(request, Query) or status != 200:
            other_case, pairs = case.with_made_up_things()
            made_up = await send(bus, request, other_case)
            for real, invented in pairs.items():
                text = text.replace(real, invented)
            if made_up != (status, text):
                wrong.append(f"{(status, text)} is not what ids of nothing get: {made_up}")
    elif not case.hers and issubclass(request, Query) and status != 200:
        wrong.append(f"is the caller's own, and {status}: {text}")
    return [f"{case}: {what}" for what in wrong]


async def first_cursor(bus: Bus, request: type[Request[Any]], declared: Declaration, owner: Belongings) -> str | None:
    """Where the owner's second page begins; None: the request has no pages."""
    if "cursor" not in declared.names:
        return None
    for case in cases(declared, owner, owner):
        page = await bus.request(request(**{**case.values, "limit": 1}))
        if cursor := page.next_cursor:
            return str(cursor)
    raise AssertionError(f"Give the people of this test more than one item for {declared.where}.")


async def assert_real(bus: Bus, request: type[Request[Any]], declared: Declaration, owner: Belongings) -> None:
    """That these ids are of something: their owner is shown what ids of nothing don't show."""
    for case in owners_case(declared, owner):
        other_case, pairs = case.with_made_up_things()
        status, text = await send(bus, request, case)
        for real, invented in pairs.items():
            text = text.replace(real, invented)
        if not pairs or await send(bus, request, other_case) != (status, text):
            return
    raise AssertionError(f"{declared.where} shows its owner nothing under ids that should be real.")


async def test_no_request_of_another_user_shows_or_changes_anything(world: IsolationWorld) -> None:
    alice, bob = world.alice.has, world.bob.has
    wrong: list[str] = []
    requests = [request for request in REQUESTS if request not in FOR_NO_USER]
    declared = {request: Declaration.of_request(request) for request in requests}
    cursors: dict[type, str | None] = {}
    for request in requests:
        bus = world.buses[request.requested_by[0]]
        cursors[request] = await first_cursor(bus, request, declared[request], alice)
        if issubclass(request, Query):
            await assert_real(bus, request, declared[request], alice)
    await world.settle()
    before, google = await world.rows_of(alice.user_id), world.google_requests(world.alice)
    for request in sorted(requests, key=lambda request: LAST.index(request) if request in LAST else -1):
        for case in cases(declared[request], bob, alice, cursors[request]):
            wrong += await compare(world, request, case, alice)
    await world.settle()
    wrong += differences(before, await world.rows_of(alice.user_id))
    assert not wrong, "\n".join(wrong)
    assert world.google_requests(world.alice) == google, "no mailbox of hers was asked, and nothing was sent from it"
