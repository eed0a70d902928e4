"""A NATS user can publish and subscribe to what events/ and requests/ give it, and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
import pytest
from nats.aio.client import Client

from libs.common.events import BROADCAST, EVENTS, TICKS
from libs.common.ids import SERVICES, Service
from libs.common.requests import REQUESTS
from libs.common.topology import CONSUMERS, DEAD_LETTER_PURGER, inbox_prefix
from libs.local.secrets import generate
from libs.local.servers import Nats

SETTLE_SECONDS = 0.2


class Login:
    """A connection that remembers what the server refused."""

    def __init__(self, client: Client, refused: list[str]) -> None:
        self.client = client
        self._refused = refused

    async def refused(self) -> list[str]:
        """The subjects that were refused since the last call."""
        await self.client.flush()
        await asyncio.sleep(SETTLE_SECONDS)
        seen, self._refused[:] = list(self._refused), []
        return seen


@asynccontextmanager
async def login(server: Nats, user: str) -> AsyncIterator[Login]:
    refused: list[str] = []

    async def record(error: Exception) -> None:
        if "permissions violation" in str(error):  # else the client's own: a server that is slow to answer its ping
            refused.append(str(error))

    client = await nats.connect(
        server.url_for(user), inbox_prefix=inbox_prefix(user), error_cb=record, allow_reconnect=False
    )
    try:
        yield Login(client, refused)
    finally:
        await client.close()


def published_by(user: str) -> set[str]:
    events = {event.subject for event in EVENTS if user in event.published_by}
    return events | {request.subject for request in REQUESTS if user in request.requested_by}


def all_subjects() -> set[str]:
    return {event.subject for event in (*EVENTS, *TICKS)} | {request.subject for request in REQUESTS}


@pytest.mark.parametrize("user", [*SERVICES, "connector"])
async def test_a_user_may_publish_exactly_its_own_subjects(nats_server: Nats, user: str) -> None:
    async with login(nats_server, user) as session:
        for subject in published_by(user):
            await session.client.publish(subject, b"{}")
        assert await session.refused() == []

        others = all_subjects() - published_by(user)
        for subject in others:
            await session.client.publish(subject, b"{}")
        assert len(await session.refused()) == len(others)


@pytest.mark.parametrize("user", [*SERVICES, "connector"])
async def test_a_user_cannot_touch_streams_consumers_schedules_or_dead_letters_of_others(
    nats_server: Nats, user: str
) -> None:
    subjects = [
        "$JS.API.STREAM.DELETE.EVENTS",
        "$JS.API.STREAM.PURGE.EVENTS",
        "$JS.API.STREAM.MSG.GET.EVENTS",
        "$JS.API.DIRECT.GET.EVENTS",
        "$JS.API.CONSUMER.CREATE.EVENTS",
        "schedule.mail",
        "dead.someone.message.ingested",
        *(f"$JS.API.CONSUMER.MSG.NEXT.{c.stream}.{c.name}" for c in CONSUMERS if c.service != user),
        *(f"$JS.API.CONSUMER.DELETE.{c.stream}.{c.name}" for c in CONSUMERS),
    ]
    async with login(nats_server, user) as session:
        for subject in subjects:
            await session.client.publish(subject, b"{}")
        assert len(await session.refused()) == len(subjects)


@pytest.mark.parametrize("user", [*SERVICES, "connector"])
async def test_a_single_service_may_read_and_delete_dead_letters(nats_server: Nats, user: str) -> None:
    async with login(nats_server, user) as session:
        for subject in ("INFO", "PURGE", "MSG.GET", "MSG.DELETE"):
            body = b'{"filter":"dead.*.nobody.>"}' if subject == "PURGE" else b'{"seq":999}'
            await session.client.publish(f"$JS.API.STREAM.{subject}.DEAD", body)
        assert len(await session.refused()) == (0 if user == DEAD_LETTER_PURGER else 4)
        await session.client.publish("$JS.API.STREAM.DELETE.DEAD", b"{}")
        assert len(await session.refused()) == 1


@pytest.mark.parametrize("user", [*SERVICES, "connector"])
async def test_a_user_can_subscribe_neither_to_the_inboxes_of_others_nor_to_everything(
    nats_server: Nats, user: str
) -> None:
    others = [inbox_prefix(other) for other in (*SERVICES, "connector") if other != user]
    live = [event.subject for event in BROADCAST if user not in event.consumed_by]
    served_by_others = [request.subject for request in REQUESTS if request.served_by != user]
    subjects = [">", "_INBOX.>", "message.ingested", *(f"{inbox}.>" for inbox in others), *live, *served_by_others]
    async with login(nats_server, user) as session:
        for subject in subjects:
            await session.client.subscribe(subject)
        assert len(await session.refused()) == len(subjects)


async def test_a_request_reaches_its_service_and_the_reply_comes_back(nats_server: Nats) -> None:
    async with login(nats_server, "contacts") as responder, login(nats_server, "gateway") as requester:
        subscription = await responder.client.subscribe("contacts.counts")
        await responder.client.flush()
        query = asyncio.create_task(requester.client.request("contacts.counts", b"{}", timeout=5))
        message = await subscription.next_msg(timeout=5)
        await message.respond(b"42")
        assert (await query).data == b"42"


async def test_every_service_can_pull_and_ack_what_it_consumes(nats_server: Nats) -> None:
    async with login(nats_server, "admin") as admin:
        for consumer in CONSUMERS:
            await admin.client.jetstream().publish(consumer.event.subject, b"{}")
    services: tuple[Service, ...] = SERVICES
    for service in services:
        async with login(nats_server, service) as session:
            js = session.client.jetstream()
            for consumer in (c for c in CONSUMERS if c.service == service):
                subscription = await js.pull_subscribe_bind(consumer=consumer.name, stream=consumer.stream)
                message = (await subscription.fetch(1, timeout=5))[0]
                await message.ack_sync(timeout=5)
            assert await session.refused() == []


@pytest.mark.parametrize("user", [*SERVICES, "connector", "admin"])
async def test_a_wrong_password_is_refused(nats_server: Nats, user: str) -> None:
    """In NATS' own protocol: the client library keeps trying and leaves sockets behind."""
    reader, writer = await asyncio.open_connection("127.0.0.1", nats_server.port)
    try:
        await reader.readline()
        login = json.dumps({"user": user, "pass": generate().nats(user), "verbose": True})
        writer.write(f"CONNECT {login}\r\n".encode())
        assert await reader.readline() == b"-ERR 'Authorization Violation'\r\n"
    finally:
        writer.close()
        await writer.wait_closed()
