"""Commands: not begun after their caller has given up, and done once however often they are sent under one key."""

import asyncio
import time
from collections.abc import Callable, MutableMapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import nats
import orjson
import pytest
import redis.asyncio
from structlog.testing import capture_logs

from libs.common.bus import Bus, responding
from libs.common.errors import Outage, Refused
from libs.common.idempotency import creation_id
from libs.common.ids import UserId, new_id
from libs.common.requests import ApiToken, ApiTokens, CreateApiToken, ListApiTokens
from libs.common.topology import inbox_prefix
from libs.local.servers import Nats
from tests.support.bus import USER, OpenBus, alive, settled

KEY = "0197c0de-1111-4222-8333-444455556666"
NAME = "a secret name"


class Tokens:
    """A handler that creates, as auth's does: a fresh secret at each run, and the id that the bus gives it."""

    def __init__(self) -> None:
        self.ids: list[UUID] = []
        self.failures: list[Exception] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def create(self, command: CreateApiToken) -> ApiToken:
        self.ids.append(creation_id())
        await self.go_on.wait()
        if self.failures:
            raise self.failures.pop()
        return ApiToken(
            id=self.ids[-1],
            name=command.name,
            scopes=("read",),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            secret=new_id().hex,
        )


def create(user_id: UserId = USER, name: str = NAME) -> CreateApiToken:
    return CreateApiToken(user_id=user_id, name=name)


async def test_a_command_whose_caller_gave_up_is_never_begun(bus: OpenBus) -> None:
    tokens = Tokens()
    tokens.go_on.clear()
    auth, gateway = bus("auth"), bus("gateway")
    auth.respond(CreateApiToken, tokens.create)
    async with alive(auth, gateway):
        # All workers are busy, and more commands wait until their callers have given up.
        callers = [gateway.request(create(name=str(number)), seconds=0.5) for number in range(60)]
        assert {type(result) for result in await asyncio.gather(*callers, return_exceptions=True)} == {Outage}
        begun = len(tokens.ids)
        with capture_logs() as logs:
            tokens.go_on.set()
            await gateway.request(create(name="later"))
            await settled(lambda: all_refused(logs, 60 - begun))  # others may still have some in hand
        assert 0 < begun < 60
        assert len(tokens.ids) == begun + 1


async def all_refused(logs: Sequence[MutableMapping[str, Any]], count: int) -> bool:
    late = [line for line in logs if line["event"] == "deadline_passed"]
    assert all(line["subject"] == "auth.create_token" for line in late)
    return len(late) == count


async def test_a_command_that_arrives_after_its_deadline_is_refused(bus: OpenBus, nats_server: Nats) -> None:
    tokens = Tokens()
    auth = bus("auth")
    auth.respond(CreateApiToken, tokens.create)
    async with alive(auth):
        client = await nats.connect(nats_server.url_for("gateway"), inbox_prefix=inbox_prefix("gateway"))
        headers = {"Pingcrm-Deadline": f"{time.time() - 1}"}
        reply = await client.request("auth.create_token", create().model_dump_json().encode(), 5, headers=headers)
        await client.close()
    refused = orjson.loads(reply.data)["refused"]
    assert (refused["status"], refused["code"]) == (503, "deadline_passed")
    assert tokens.ids == []


@pytest.mark.parametrize(("ahead_seconds", "is_begun"), [(-3_600.0, True), (-3.0, True), (3.0, True), (3_600.0, False)])
async def test_a_clock_that_is_ahead_by_more_than_a_caller_waits_refuses_and_begins_nothing(
    bus: OpenBus, monkeypatch: pytest.MonkeyPatch, ahead_seconds: float, is_begun: bool
) -> None:
    tokens = Tokens()
    auth, gateway = bus("auth"), bus("gateway")
    auth.respond(CreateApiToken, tokens.create)
    clock = SimpleNamespace(time=lambda: time.time() + ahead_seconds)
    monkeypatch.setattr(responding, "time", clock)  # of whoever serves it alone
    async with alive(auth, gateway):
        with capture_logs() as logs:
            if is_begun:
                await gateway.request(create())
            else:
                with pytest.raises(Outage, match="reached too late, and was not begun"):
                    await gateway.request(create())
    assert len(tokens.ids) == int(is_begun)
    late = [line["late_s"] for line in logs if line["event"] == "deadline_passed"]
    assert [round(seconds, -2) for seconds in late] == ([] if is_begun else [3_600])


async def test_a_command_sent_again_under_its_key_gets_the_first_reply(bus: OpenBus) -> None:
    tokens = Tokens()
    auth, gateway = bus("auth"), bus("gateway")
    auth.respond(CreateApiToken, tokens.create)
    async with alive(auth, gateway):
        first = await gateway.request(create(), idempotency_key=KEY)
        again = await gateway.request(create(), idempotency_key=KEY)
        assert again == first
        assert len(tokens.ids) == 1
        others = [
            await gateway.request(create(), idempotency_key="another"),
            await gateway.request(create(UserId(new_id())), idempotency_key=KEY),
            await gateway.request(create()),
            await gateway.request(create()),
        ]
    assert len({token.id for token in (first, *others)}) == 5


async def test_two_of_the_same_command_at_once_are_done_once(bus: OpenBus) -> None:
    tokens = Tokens()
    tokens.go_on.clear()
    first_auth, second_auth, gateway = bus("auth"), bus("auth"), bus("gateway")
    first_auth.respond(CreateApiToken, tokens.create)
    second_auth.respond(CreateApiToken, tokens.create)
    async with alive(first_auth, second_auth, gateway):
        first = asyncio.create_task(gateway.request(create(), idempotency_key=KEY))
        await until(lambda: len(tokens.ids) == 1)
        for _ in range(10):  # whichever replica gets it
            with pytest.raises(Refused) as refused:
                await gateway.request(create(), idempotency_key=KEY)
            assert (refused.value.status, refused.value.code) == (409, "in_progress")
        tokens.go_on.set()
        assert await gateway.request(create(), idempotency_key=KEY) == await first
    assert len(tokens.ids) == 1


async def test_a_key_is_not_for_two_different_commands(bus: OpenBus) -> None:
    tokens = Tokens()
    auth, gateway = bus("auth"), bus("gateway")
    auth.respond(CreateApiToken, tokens.create)
    async with alive(auth, gateway):
        await gateway.request(create(), idempotency_key=KEY)
        with pytest.raises(Refused) as refused:
            await gateway.request(create(name="another name"), idempotency_key=KEY)
    assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("failure", [Outage("away"), ZeroDivisionError(), Refused(409, "taken", "Taken.")])
async def test_what_failed_is_tried_anew_and_creates_the_same(bus: OpenBus, failure: Exception) -> None:
    tokens = Tokens()
    tokens.failures = [failure]
    auth, gateway = bus("auth"), bus("gateway")
    auth.respond(CreateApiToken, tokens.create)
    async with alive(auth, gateway):
        with pytest.raises((Outage, Refused)):
            await gateway.request(create(), idempotency_key=KEY)
        token = await gateway.request(create(), idempotency_key=KEY)
    first, second = tokens.ids
    assert first == second == token.id


async def test_when_redis_has_forgotten_the_reply_what_was_created_is_found_by_its_id(
    bus: OpenBus, redis_url: str
) -> None:
    tokens = Tokens()
    auth, gateway = bus("auth"), bus("gateway")
    auth.respond(CreateApiToken, tokens.create)
    async with alive(auth, gateway), redis.asyncio.Redis.from_url(redis_url) as client:
        await gateway.request(create(), idempotency_key=KEY)
        await client.flushall()
        await gateway.request(create(), idempotency_key=KEY)
    assert tokens.ids[0] == tokens.ids[1]


async def test_redis_holds_nothing_that_can_be_read(bus: OpenBus, redis_url: str) -> None:
    tokens = Tokens()
    auth, gateway = bus("auth"), bus("gateway")
    auth.respond(CreateApiToken, tokens.create)
    async with alive(auth, gateway), redis.asyncio.Redis.from_url(redis_url) as client:
        token = await gateway.request(create(), idempotency_key=KEY)
        (name,) = await client.keys("auth:idempotency:*")
        value = await client.get(name)
        assert 23 * 3600 < await client.ttl(name) <= 24 * 3600
        assert name.startswith(b"auth:idempotency:auth:")
        for private in (KEY, NAME, str(token.secret), str(USER)):
            assert private.encode() not in name + value
        await client.set(name, value[:-1] + bytes([value[-1] ^ 1]))
        with pytest.raises(Refused) as refused:  # altered: an error, never a reply
            await gateway.request(create(), idempotency_key=KEY)
        assert refused.value.status == 500


async def test_without_redis_a_command_with_a_key_is_not_begun_and_one_without_is(
    bus: OpenBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> bool:
        raise redis.asyncio.ConnectionError

    tokens = Tokens()
    auth, gateway = bus("auth"), bus("gateway")
    auth.respond(CreateApiToken, tokens.create)
    monkeypatch.setattr(type(auth.cache), "acquire", away)
    async with alive(auth, gateway):
        with pytest.raises(Outage):
            await gateway.request(create(), idempotency_key=KEY)
        assert tokens.ids == []
        await gateway.request(create())
    assert len(tokens.ids) == 1


async def test_a_reply_that_can_not_be_kept_is_given_all_the_same(
    bus: OpenBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise redis.asyncio.ConnectionError

    tokens = Tokens()
    auth, gateway = bus("auth"), bus("gateway")
    auth.respond(CreateApiToken, tokens.create)
    monkeypatch.setattr(type(auth.cache), "put", away)
    async with alive(auth, gateway):
        with capture_logs() as logs:
            assert (await gateway.request(create(), idempotency_key=KEY)).name == NAME
    assert "reply_not_kept" in [line["event"] for line in logs]


async def test_queries_take_no_notice_of_a_key(bus: OpenBus) -> None:
    queries = 0

    async def list_tokens(_: ListApiTokens) -> ApiTokens:
        nonlocal queries
        queries += 1
        return ApiTokens(items=())

    auth, gateway = bus("auth"), bus("gateway")
    auth.respond(ListApiTokens, list_tokens)
    async with alive(auth, gateway):
        for _ in range(2):
            await gateway.request(ListApiTokens(user_id=USER), idempotency_key=KEY)
    assert queries == 2


@pytest.mark.parametrize("key", ["a b", "x" * 256, "é", "a\r\nPingcrm-Deadline: 0"])
async def test_a_key_that_is_none_is_refused(bus: OpenBus, key: str) -> None:
    gateway: Bus = bus("gateway")
    async with alive(gateway):
        with pytest.raises(Refused) as refused:
            await gateway.request(create(), idempotency_key=key)
    assert (refused.value.status, refused.value.code) == (400, "invalid_idempotency_key")


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not check():
            await asyncio.sleep(0.01)
