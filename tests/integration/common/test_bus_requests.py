"""Requests over a real NATS server: replied to, refused, or nobody is there; and what is too large for the bus has a name."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import nats
import pytest
import pytest_asyncio
from nats.aio.msg import Msg
from pydantic import BaseModel
from structlog.testing import capture_logs

from libs.common import requests
from libs.common.bus import requesting
from libs.common.errors import Outage, Refused
from libs.common.ids import ContactId, new_id
from libs.common.log import current_trace, traced
from libs.common.topology import inbox_prefix
from libs.local import nats_config
from libs.local.secrets import Secrets
from libs.local.servers import Nats
from tests.conftest import migrated_nats
from tests.support.bus import USER, OpenBus, alive

MAX_PAYLOAD_BYTES = 64 * 1024
SERVED = 50


@pytest_asyncio.fixture
async def nats_server(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Nats]:
    """What the server takes is what counts: this one takes little."""
    monkeypatch.setattr(nats_config, "MAX_PAYLOAD_BYTES", MAX_PAYLOAD_BYTES)
    async with migrated_nats(secrets) as server:
        yield server


def page_of(characters: int) -> requests.ContactPage:
    return requests.ContactPage(
        items=(requests.ContactSummary(id=ContactId(new_id()), name="x" * characters, emails=()),)
    )


async def test_a_request_is_served_or_refused_or_nobody_is_there(bus: OpenBus) -> None:
    async def search(query: requests.SearchContacts) -> requests.ContactPage:
        if query.q == "secret":
            raise Refused(409, "taken", "Somebody has it.", contact_id="c1")
        if query.q == "bug":
            raise ZeroDivisionError
        return requests.ContactPage(items=(), next_cursor=current_trace())

    contacts, gateway = bus("contacts"), bus("gateway")
    contacts.respond(requests.SearchContacts, search)
    async with alive(contacts, gateway):
        with traced("a-trace"):
            page = await gateway.request(requests.SearchContacts(user_id=USER))
        assert page.next_cursor == "a-trace"  # the trace goes along
        with pytest.raises(Refused) as refused:
            await gateway.request(requests.SearchContacts(user_id=USER, q="secret"))
        assert (refused.value.status, refused.value.code, refused.value.extra) == (409, "taken", {"contact_id": "c1"})
        with pytest.raises(Refused) as refused:
            await gateway.request(requests.SearchContacts(user_id=USER, q="bug"))
        assert refused.value.status == 500
        with pytest.raises(Outage):
            await gateway.request(requests.GetSyncStatus(user_id=USER))


async def test_a_request_that_is_served_leaves_nothing_for_the_collector_of_cycles(bus: OpenBus) -> None:
    async def search(_: requests.SearchContacts) -> requests.ContactPage:
        return requests.ContactPage(items=())

    contacts, gateway = bus("contacts"), bus("gateway")
    contacts.respond(requests.SearchContacts, search)
    async with alive(contacts, gateway):
        await gateway.request(requests.SearchContacts(user_id=USER))
        gc.collect()
        gc.disable()
        try:
            for _ in range(SERVED):
                await gateway.request(requests.SearchContacts(user_id=USER))
            assert gc.collect() < SERVED / 2
        finally:
            gc.enable()


async def test_a_request_waits_for_a_service_that_is_just_starting(
    bus: OpenBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requesting, "NO_RESPONDER_SECONDS", 20.0)

    async def search(_: requests.SearchContacts) -> requests.ContactPage:
        return requests.ContactPage(items=())

    contacts, gateway = bus("contacts"), bus("gateway")
    contacts.respond(requests.SearchContacts, search)
    async with alive(gateway):
        sent, send = 0, gateway.client.request

        async def counted(*args: Any, **kwargs: Any) -> Msg:
            nonlocal sent
            sent += 1
            return await send(*args, **kwargs)

        monkeypatch.setattr(gateway.client, "request", counted)
        waiting = asyncio.create_task(gateway.request(requests.SearchContacts(user_id=USER), seconds=20))
        async with asyncio.timeout(10):
            while sent < 3:
                await asyncio.sleep(0.02)
        async with alive(contacts):
            assert (await waiting).items == ()


async def test_a_reply_that_is_too_large_is_refused_by_name_before_its_caller_gives_up(bus: OpenBus) -> None:
    async def search(query: requests.SearchContacts) -> requests.ContactPage:
        return page_of(int(query.q))

    contacts, gateway = bus("contacts"), bus("gateway")
    contacts.respond(requests.SearchContacts, search)
    async with alive(contacts, gateway):
        with capture_logs() as logs, pytest.raises(Refused) as refused:
            await gateway.request(requests.SearchContacts(user_id=USER, q=str(MAX_PAYLOAD_BYTES)))
        assert (refused.value.status, refused.value.code) == (500, "reply_too_large")
        assert "Ask for less at once." in refused.value.detail
        (line,) = [line for line in logs if line["event"] == "reply_too_large"]
        assert (line["subject"], line["log_level"]) == ("contacts.search", "error")
        assert line["size_bytes"] > line["limit_bytes"]
        # The connection is not lost over it, and what just fits arrives.
        fitting = await gateway.request(requests.SearchContacts(user_id=USER, q=str(line["limit_bytes"] - 400)))
        assert len(fitting.items[0].name) == line["limit_bytes"] - 400


async def test_a_request_that_is_too_large_is_refused_before_it_is_sent(bus: OpenBus) -> None:
    gateway = bus("gateway")
    async with alive(gateway):
        with pytest.raises(Refused) as refused:
            await gateway.request(requests.SearchContacts(user_id=USER, q="x" * MAX_PAYLOAD_BYTES))
        assert (refused.value.status, refused.value.code) == (413, "request_too_large")
        await gateway.ping()


async def test_an_invalid_request_is_the_caller_s_fault_and_an_invalid_value_in_the_handler_is_ours(
    bus: OpenBus, nats_server: Nats
) -> None:
    class Row(BaseModel):
        age: int

    async def search(_: requests.SearchContacts) -> requests.ContactPage:
        Row.model_validate({"age": "private words"})
        raise AssertionError

    contacts, gateway = bus("contacts"), bus("gateway")
    contacts.respond(requests.SearchContacts, search)
    async with alive(contacts, gateway):
        with capture_logs() as logs, pytest.raises(Refused) as refused:
            await gateway.request(requests.SearchContacts(user_id=USER))
        assert (refused.value.status, refused.value.code) == (500, "internal")
        assert [line["log_level"] for line in logs if line["event"] == "answer_failed"] == ["error"]

        client = await nats.connect(nats_server.url_for("gateway"), inbox_prefix=inbox_prefix("gateway"))
        reply = await client.request("contacts.search", b'{"user_id": "nobody"}', timeout=5)
        await client.close()
        assert b'"code":"invalid"' in reply.data
        assert b"user_id" in reply.data
        assert b"nobody" not in reply.data
