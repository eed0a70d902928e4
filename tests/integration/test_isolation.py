"""Nobody else's: every request and every operation, by somebody who sends another's real ids.

The calls are generated from the declarations. With another's ids the response is what it would be for ids of nothing, it shows nothing of
the other's, and of all that is the other's in any schema not a byte has changed.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio

from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.db import Pool, on_behalf_of, open_pool
from libs.common.errors import Outage, Refused
from libs.common.ids import SERVICES, AccountId, Service, UserId
from libs.common.requests import (
    REQUESTS,
    TOKEN_SCOPES,
    BeginSignIn,
    CompareCards,
    CompareMeetings,
    CompareMessages,
    CountContacts,
    DeleteApiToken,
    DeleteContact,
    DeleteUser,
    Disconnect,
    ExplainMessage,
    FindBriefTokens,
    GetContactsOfMessage,
    GetPreps,
    GetSignInSetup,
    GetToken,
    ListAccounts,
    ListAccountStates,
    ListMeetings,
    ListRuns,
    NotifyCalendar,
    Query,
    Request,
    SignOut,
    SignOutEverywhere,
)
from libs.local import ROOT
from libs.local.row_security import access_to
from libs.local.secrets import Secrets
from services.gateway.api.endpoint import Endpoint
from services.gateway.assistants.routes import TOOLS
from tests.conftest import migrated_nats
from tests.sabotage.applying import mutated
from tests.sabotage.kept import all_mutations
from tests.support.assistants import assistant, use
from tests.support.database import fresh_database
from tests.support.isolation.assistants import (
    HOSTILE,
    ended_token,
    get_hostile_mail,
    refusals_about,
    run_program,
    status_with,
    use_every_tool,
)
from tests.support.isolation.belongings import Belongings
from tests.support.isolation.cases import Case, Declaration, cases, owners_case, required_fields, shown_of
from tests.support.isolation.fields import THINGS
from tests.support.isolation.operations import call, live_stream, operations, pages, visit
from tests.support.isolation.rows import Rows, differences
from tests.support.isolation.world import IsolationWorld, Somebody, create, isolation_world, key_of
from tests.support.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="session")

# These are not made on behalf of a user: services that hold a copy of every account, or work for one, send them, or Google's post does.
FOR_NO_USER = {ListAccountStates, GetToken, GetSignInSetup, NotifyCalendar}
# With another's ids these are answered, with nothing. All others are refused: 404.
EMPTY = {
    ListAccounts, ListRuns, ListMeetings, GetPreps, FindBriefTokens, CompareMessages, CompareMeetings, CompareCards,
    GetContactsOfMessage, GetSignInSetup,
}  # fmt: skip
LARGEST: Mapping[Service, str] = {
    "auth": "auth.google_accounts", "sync": "sync.messages", "contacts": "contacts.addresses", "prep": "prep.preps",
    "gateway": "gateway.notifications",
}  # fmt: skip
CHANGED = "event: contact.changed"
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


def count(rows: Rows, table: str, **fields: Any) -> int:
    """How many rows of a table have these values."""
    return sum(all(json.loads(row)[name] == value for name, value in fields.items()) for row in rows[table])


def harmed(name: str) -> Any:
    """The module of this kept mutation, with the harm done."""
    mutation = next(mutation for mutation in all_mutations() if mutation.name == name)
    module = ModuleType(mutation.path)
    exec(compile(mutated(mutation, (ROOT / mutation.path).read_text()), mutation.path, "exec"), vars(module))
    return getattr(module, mutation.qualified_name)


@asynccontextmanager
async def pool_of(world: IsolationWorld, service: Service) -> AsyncIterator[Pool]:
    """As the service opens it; of one connection, so that whoever works for somebody has it after somebody else."""
    pool = await open_pool(Settings(postgres_url=world.database.url_for(service), pool_size=1))
    try:
        yield pool
    finally:
        await pool.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_on_behalf_of_a_user_every_table_has_just_their_rows(world: IsolationWorld, service: Service) -> None:
    """The conditions of this test and the policies are written independently of each other."""
    tables = [table for table in world.tables.of_user if table.startswith(f"{service}.")]
    async with pool_of(world, service) as pool:
        for somebody in (world.alice, world.bob):
            expected = await world.rows_of(somebody.has.user_id)
            with on_behalf_of(UserId(somebody.has.user_id)):
                for table in tables:
                    has_user = world.tables.of_user[table] == "user_id = $1"
                    if access_to(service, table.partition(".")[2], has_user=has_user) == "policy":
                        rows = await pool.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table} t ORDER BY 1")
                        assert [row["row"] for row in rows] == expected[table], table
        assert len(await pool.fetch(f"SELECT FROM {LARGEST[service]}")) > sum(
            [
                len((await world.rows_of(somebody.has.user_id))[LARGEST[service]])
                for somebody in (world.alice, world.bob)
            ]
        ), "work for all users sees carol's, too"


HARMED: Mapping[str, tuple[Service, Callable[[Belongings, Belongings], tuple[Any, ...]]]] = {
    "a contact of anybody": ("contacts", lambda bob, alice: (bob.user_id, alice.contacts[0])),
    "a merge of anybody's is undone": ("contacts", lambda bob, alice: (bob.user_id, alice.merges[0])),
    "on whose timelines a message of anybody is": (
        "contacts", lambda bob, alice: (bob.user_id, alice.accounts[0], alice.messages[0], 20)
    ),
    "a meeting of anybody": ("sync", lambda bob, alice: (bob.user_id, alice.meetings[0])),
    "what became of anybody's brief": ("prep", lambda bob, alice: (bob.user_id, alice.meetings)),
    "an account of anybody is disconnected": ("auth", lambda bob, alice: (bob.user_id, alice.accounts[0])),
    "an API token of anybody is deleted": ("auth", lambda bob, alice: (bob.user_id, alice.api_tokens[0])),
    "a notification of anybody is read": ("gateway", lambda bob, alice: (bob.user_id, alice.notifications[0])),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMED)
async def test_where_a_statement_forgets_whose_a_row_is_the_wall_holds(world: IsolationWorld, name: str) -> None:
    service, arguments = HARMED[name]
    values, function = arguments(world.bob.has, world.alice.has), harmed(name)
    async with pool_of(world, service) as pool:
        async with pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            assert await function(connection, *values), "it reaches what is another's"
            await transaction.rollback()
        with on_behalf_of(UserId(world.bob.has.user_id)):
            async with pool.acquire() as connection:
                assert not await function(connection, *values)


async def test_an_assistant_reaches_what_is_its_users_and_nothing_of_anybody_else(world: IsolationWorld) -> None:
    alice, bob = world.alice.has, world.bob.has
    tag = alice.addresses[0].partition("@")[0]
    await get_hostile_mail(world, world.alice, 0)
    async with assistant(world.url, alice.token) as client:
        assert {known.name for known in (await client.list_tools()).tools} == {known.name for known in TOOLS}
        returned = await use_every_tool(client, tag)
    assert shown_of(bob, json.dumps(returned), {}) == []
    lines = returned["read_timeline"]["lines"]
    assert {"quoted": f"Plays chess, {tag}."} in [line.get("text") for line in lines]
    (hostile,) = [line for line in lines if line.get("title") == {"quoted": HOSTILE}]
    assert (hostile["text"], hostile["direction"]) == ({"quoted": HOSTILE}, "inbound")
    assert {answer["state"] for answer in returned["why_is_mail_missing"]["answers"]} == {"recorded"}
    printed = await run_program(world, world.alice)
    assert "find_people: Find people" in printed
    assert f"Meeting {tag}" in printed

    await world.settle()
    before = await world.rows_of(alice.user_id)
    person_id, meeting_id = returned["find_people"]["people"][0]["person_id"], str(alice.meetings[0])
    async with assistant(world.url, bob.token) as client:
        refused = await refusals_about(client, person_id, meeting_id)
        assert refused == await refusals_about(client, str(uuid4()), str(uuid4()))
        assert {refusal["error"] for refusal in refused} == {"not_found"}
        assert (await use(client, "find_people", words=tag))["people"] == []
        assert shown_of(alice, json.dumps(await use(client, "upcoming_meetings", days=60)), {}) == []
    assert differences(before, await world.rows_of(alice.user_id)) == []
    tokens = {alice.token: 200, await ended_token(world, world.alice): 401, alice.session: 401, "pcrm_made_up": 401}
    assert {token: await status_with(world, token) for token in tokens} == tokens


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
    counts = await world.buses["gateway"].request(CountContacts(user_id=UserId(bob.user_id)))
    assert counts.messages == count(await world.rows_of(bob.user_id), "contacts.interactions", platform="email")
    for request in sorted(requests, key=lambda request: LAST.index(request) if request in LAST else -1):
        for case in cases(declared[request], bob, alice, cursors[request]):
            wrong += await compare(world, request, case, alice)
    await world.settle()
    wrong += differences(before, await world.rows_of(alice.user_id))
    assert not wrong, "\n".join(wrong)
    assert world.google_requests(world.alice) == google, "no mailbox of hers was asked, and nothing was sent from it"


async def first_page_cursor(
    http: aiohttp.ClientSession, world: IsolationWorld, endpoint: Endpoint, declared: Declaration
) -> str | None:
    """Where the owner's second page begins; None: it has no pages."""
    if "cursor" not in declared.names:
        return None
    for case in cases(declared, world.alice.has, world.alice.has):
        page = await call(http, world.url, world.alice, endpoint, Case(case.where, {**case.values, "limit": 1}))
        if page.status == 200 and (cursor := json.loads(page.text)["next_cursor"]):
            return str(cursor)
    raise AssertionError(f"Give the people of this test more than one item for {declared.where}.")


async def try_operation(
    http: aiohttp.ClientSession, world: IsolationWorld, endpoint: Endpoint, case: Case
) -> list[str]:
    """What is wrong with the response to the other's ids, or under the other's Idempotency-Key."""
    alice, carol = world.alice.has, world.carol
    key = key_of(alice.tag) if endpoint.creates and not case.hers else ""
    answer = await call(http, world.url, carol, endpoint, case, key)
    wrong = [f"shows {shown}" for shown in shown_of(alice, answer.text, case.values)]
    if answer.status >= 500:
        wrong.append(f"{answer.status}: {answer.text}")
    in_path_or_body = case.hers & THINGS.keys() - (required_fields(endpoint.query).keys() if endpoint.query else set())
    if in_path_or_body and answer.status != 404:
        wrong.append(f"{answer.status} and not 404: {answer.text}")
    if case.names_a_thing_of_hers:
        other_case, pairs = case.with_made_up_things()
        text = answer.text
        for real, invented in pairs.items():
            text = text.replace(real, invented)
        made_up = await call(http, world.url, carol, endpoint, other_case)
        if without_trace(made_up.text) != without_trace(text):
            wrong.append(f"{text} is not what ids of nothing get: {made_up}")
    if not case.hers and endpoint.method == "GET" and answer.status != 200:
        wrong.append(f"is the caller's own, and {answer.status}: {answer.text}")
    if key and answer.status == 422:
        wrong.append(f"the other's key stands in the way: {answer.text}")
    return [f"{case}: {what}" for what in wrong]


async def try_other_scopes(
    http: aiohttp.ClientSession, world: IsolationWorld, endpoint: Endpoint, declared: Declaration
) -> list[str]:
    """What is wrong with the responses to tokens that have not the scope: whether an id is another's or nothing's can't be seen."""
    alice, carol = world.alice.has, world.carol
    case = next(cases(declared, carol.has, alice))
    if not case.names_a_thing_of_hers:
        return []
    other_case, pairs = case.with_made_up_things()
    wrong: list[str] = []
    for scope in TOKEN_SCOPES:
        if scope == endpoint.scope:
            continue
        answer = await call(http, world.url, carol, endpoint, case, scope=scope)
        made_up = await call(http, world.url, carol, endpoint, other_case, scope=scope)
        text = answer.text
        for real, invented in pairs.items():
            text = text.replace(real, invented)
        if answer.status != 403 or without_trace(text) != without_trace(made_up.text):
            wrong.append(f"{case}, with a token of the scope {scope}: {answer}, and for ids of nothing {made_up}")
    return wrong


async def write_note(somebody: Somebody) -> None:
    await create(somebody.person, f"/contacts/{somebody.has.contacts[0]}/interactions", {"title": "A note"})


def without_trace(text: str) -> str:
    """Problems name the trace of their request, which no other has."""
    return re.sub(r'"trace":"[0-9a-f]+"', "", text)


async def test_no_operation_of_another_user_shows_or_changes_anything(world: IsolationWorld) -> None:
    alice, carol = world.alice.has, world.carol
    wrong: list[str] = []
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
        live_stream(http, world.url, world.alice) as hers,
        live_stream(http, world.url, carol) as live,
    ):
        declared = list(operations())
        cursors = {e.name: await first_page_cursor(http, world, e, declaration) for e, declaration in declared}
        await write_note(world.alice)
        await hers.until(lambda stream: CHANGED in stream.text)
        await world.settle()
        before, google = await world.rows_of(alice.user_id), world.google_requests(world.alice)
        me = await carol.person.call("GET", "/me")
        assert me["unread_notifications"] == count(
            await world.rows_of(carol.has.user_id), "gateway.notifications", read_at=None
        )
        for method, path, page in pages():
            for case in cases(page, carol.has, alice):
                if method != "GET" and not case.names_a_thing_of_hers:
                    continue  # it would do something to what is the caller's own, which is wanted below
                answer = await visit(carol, world.url, method, path, case)
                wrong += [f"{case}: shows {shown}" for shown in shown_of(alice, answer.text, case.values)]
                if case.names_a_thing_of_hers and answer.status != 404:
                    wrong.append(f"{case}: {answer.status} and not 404")
        for endpoint, declaration in declared:
            wrong += await try_other_scopes(http, world, endpoint, declaration)
            for case in cases(declaration, carol.has, alice, cursors[endpoint.name]):
                wrong += await try_operation(http, world, endpoint, case)
            if endpoint.name == "sign_out_everywhere":
                await carol.person.sign_in(carol.has.addresses[0])  # what comes after needs a session
        await world.settle()
        wrong += differences(before, await world.rows_of(alice.user_id))
        await live.until(lambda stream: stream.ended)
        wrong += [f"the live stream shows {shown}" for shown in shown_of(alice, live.text, {})]
        await write_note(world.alice)
        await hers.until(lambda stream: stream.text.count(CHANGED) > 1)
        wrong += [f"the live stream of the other has {shown}" for shown in shown_of(carol.has, hers.text, {})]
        assert CHANGED in live.text
    assert not wrong, "\n".join(wrong)
    assert world.google_requests(world.alice) == google, "no mailbox of hers was asked, and nothing was sent from it"


async def test_an_id_that_two_accounts_of_a_user_have_is_two_things(world: IsolationWorld) -> None:
    """Ids of messages, events and cards are an account's own, and repeat: what is sent with one account means that one's."""
    first, second = await world.of_account(world.alice, 0), await world.of_account(world.alice, 1)
    wrong: list[str] = []
    await world.settle()
    before = await world.rows_of_account(first.accounts[0])
    assert {"contacts.sightings", "contacts.cards", "sync.messages", "sync.meetings", "prep.preps"} <= {
        table for table, rows in before.items() if rows
    }
    requests = [request for request in REQUESTS if "account_id" in request.model_fields and request is not BeginSignIn]
    for request in sorted(requests, key=lambda request: LAST.index(request) if request in LAST else -1):
        bus = world.buses[request.requested_by[0]]
        for case in cases(Declaration.of_request(request), second, first):
            if case.values.get("account_id") != second.accounts[0]:
                continue
            status, text = await send(bus, request, case)
            wrong += [f"{case}: shows {shown}" for shown in shown_of(first, text, case.values)]
            if issubclass(request, Query) and case.hers:
                other_case, pairs = case.with_made_up(case.hers)
                for real, invented in pairs.items():
                    text = text.replace(real, invented)
                if await send(bus, request, other_case) != (status, text):
                    wrong.append(f"{case}: {text} is not what ids of nothing get")
            elif issubclass(request, Query) and status != 200:
                wrong.append(f"{case}: {status}: {text}")
        if request is ExplainMessage:
            for message_id in second.messages:
                query = ExplainMessage(
                    user_id=UserId(second.user_id), account_id=AccountId(second.accounts[0]), message_id=message_id
                )
                wrong += [f"{message_id} has copies elsewhere"] if (await bus.request(query)).copies != 1 else []
    await world.settle()
    wrong += differences(before, await world.rows_of_account(first.accounts[0]))
    assert not wrong, "\n".join(wrong)
