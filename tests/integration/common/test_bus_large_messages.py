"""Large messages: refused by name before they are sent, pulled in batches of a bounded size, and never in the way of others."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import nats
import pytest
from nats.aio.msg import Msg
from prometheus_client import REGISTRY

from libs.common.bus import pull
from libs.common.bus.payloads import HEADER_ROOM_BYTES
from libs.common.bus.pull import MAX_PULL_BYTES, PullLoop
from libs.common.db import open_pool
from libs.common.errors import PayloadTooLarge, Unprocessable
from libs.common.events import AccountReauthRequired, MessageIngested, SettingsChanged, UserDeleted
from libs.common.outbox import add, relay
from libs.common.topology import MAX_PAYLOAD_BYTES, consumer_of
from libs.local.bus_admin import admin_stream
from libs.local.dead import get_dead_letter
from libs.local.servers import Nats
from tests.conftest import ServiceSettings, own_nats_server
from tests.support.bus import ACCOUNT, USER, OpenBus, Received, alive, dead_letters, message, settled, stream

nats_server = own_nats_server  # the dead letters' numbers begin at 1

MEGABYTE = 1024 * 1024


def large(gmail_id: str, size_bytes: int) -> MessageIngested:
    """A message whose payload has about so many bytes."""
    return message(gmail_id).model_copy(update={"snippet": "x" * size_bytes})


class Sizes(Received):
    """Remembers the bytes of each batch too."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes: list[int] = []

    async def record(self, events: Sequence[MessageIngested]) -> None:
        await asyncio.sleep(0.3)  # meanwhile the next batch fills
        await super().record(events)
        self.bytes.append(sum(len(event.snippet) for event in events))


async def test_an_event_that_does_not_fit_raises_an_error_that_names_it_and_publishes_nothing(
    bus: OpenBus, nats_server: Nats
) -> None:
    sync = bus("sync")
    async with alive(sync):
        with pytest.raises(
            PayloadTooLarge, match=r"message\.ingested has 8,\d{3},\d{3} bytes; the bus carries at most"
        ):
            await sync.publish(message("small"), large("large", MAX_PAYLOAD_BYTES))
        assert (await stream(nats_server, "EVENTS")).state.messages == 0
        await sync.publish(message("small"))
        assert (await stream(nats_server, "EVENTS")).state.messages == 1


async def test_a_handler_whose_event_does_not_fit_is_not_tried_for_ever(bus: OpenBus, nats_server: Nats) -> None:
    sync, contacts = bus("sync"), bus("contacts")
    tries = 0

    async def publish_too_much(_: MessageIngested) -> None:
        nonlocal tries
        tries += 1
        raise PayloadTooLarge("contact.changed", 9_000_000, 8_000_000)

    contacts.subscribe(MessageIngested, publish_too_much)
    async with alive(sync, contacts):
        await sync.publish(message("a"))
        (letter,) = await dead_letters(nats_server, 1)
    assert tries == 1
    assert (letter.headers or {})[
        "Pingcrm-Reason"
    ] == "contact.changed has 9,000,000 bytes; the bus carries at most 8,000,000."


async def test_the_largest_event_still_fits_into_a_dead_letter(bus: OpenBus, nats_server: Nats) -> None:
    async def refuse(_: MessageIngested) -> None:
        raise Unprocessable("é" * 10_000)

    sync, contacts = bus("sync"), bus("contacts")
    contacts.subscribe(MessageIngested, refuse)
    largest = large("a", MAX_PAYLOAD_BYTES - HEADER_ROOM_BYTES - 1_000)
    async with alive(sync, contacts):
        await sync.publish(largest)
        (letter,) = await dead_letters(nats_server, 1)
    assert MessageIngested.model_validate_json(letter.data or b"") == largest
    async with admin_stream(nats_server.admin_url) as js:
        assert (await get_dead_letter(js, 1)).payload == letter.data


async def test_large_messages_come_in_batches_of_at_most_four_megabytes(bus: OpenBus) -> None:
    received = Sizes()
    sync, contacts = bus("sync"), bus("contacts")
    contacts.subscribe_batch(MessageIngested, received.record)
    async with alive(sync):
        await sync.publish(*(large(str(number), 300_000) for number in range(40)))
        async with alive(contacts):
            await received.count(40, seconds=20)
    assert sorted(received.ids, key=int) == [str(number) for number in range(40)]
    assert MAX_PULL_BYTES / 2 < max(received.bytes) <= MAX_PULL_BYTES


async def test_a_message_larger_than_a_batch_may_be_comes_alone_and_the_others_go_on(
    bus: OpenBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "PULL_SECONDS", 60.0)
    received = Sizes()
    sync, contacts = bus("sync"), bus("contacts")
    contacts.subscribe_batch(MessageIngested, received.record)
    async with alive(sync):
        await sync.publish(message("1"), large("2", MAX_PULL_BYTES + MEGABYTE), message("3"), message("4"))
        async with alive(contacts):
            await received.count(4, seconds=30)  # less than one pull waits: nothing hangs
    assert received.ids == ["1", "2", "3", "4"]
    assert ["2"] in received.batches


async def test_a_batch_that_is_full_to_the_byte_is_followed_by_the_next_at_once(
    bus: OpenBus, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends such a request without a status; who waits for one waits for as long as a pull lasts."""
    monkeypatch.setattr(pull, "PULL_SECONDS", 30.0)
    arrived: list[tuple[float, Msg]] = []

    async def deliver(messages: Sequence[Msg]) -> None:
        for received in messages:
            arrived.append((asyncio.get_running_loop().time(), received))
            await received.ack()

    async def pulled(count: int) -> None:
        async def all_arrived() -> bool:
            return len(arrived) == count

        stopping = asyncio.Event()
        loop = asyncio.create_task(
            PullLoop(client, consumer_of("contacts", MessageIngested), 10, deliver).run(stopping)
        )
        await settled(all_arrived, seconds=60)
        stopping.set()
        await loop

    sync = bus("sync")
    client = await nats.connect(nats_server.admin_url)
    async with alive(sync):
        await sync.publish(message("1"))
        await pulled(1)
        monkeypatch.setattr(pull, "MAX_PULL_BYTES", pull._size_bytes(arrived[0][1]))
        await sync.publish(*(message(str(number)) for number in (2, 3, 4)))
        await pulled(4)
    await client.close()
    assert max(later - earlier for (earlier, _), (later, _) in pairwise(arrived[1:])) < pull.PULL_SECONDS / 2


def given_up(subject: str) -> float:
    return REGISTRY.get_sample_value("pingcrm_events_total", {"subject": subject, "outcome": "dead_letter"}) or 0.0


async def test_an_event_in_the_outbox_that_can_never_be_published_holds_back_no_other(
    bus: OpenBus, nats_server: Nats, service_settings: ServiceSettings
) -> None:
    def reauth(reason: str) -> AccountReauthRequired:
        return AccountReauthRequired(
            user_id=USER,
            account_id=ACCOUNT,
            address="a@example.com",
            reason=reason,
            at="2026-01-01T00:00:00Z",  # type: ignore[arg-type]
        )

    pool = await open_pool(service_settings("auth"))
    auth = bus("auth")
    async with alive(auth):
        async with pool.acquire() as connection:
            await add(connection, reauth("first"), reauth("x" * MAX_PAYLOAD_BYTES), reauth("last"))
            await connection.execute(
                "INSERT INTO outbox (subject, payload) VALUES ('settings.changed', '{}'), ('of.an.older.version', '{}'), ($1, $2)",
                UserDeleted.subject,
                {"user_id": str(USER)},
            )
        before = given_up(SettingsChanged.subject)
        assert await relay(pool, auth) == 6
        assert given_up(SettingsChanged.subject) == before + 1
        assert await pool.fetchval("SELECT count(*) FROM outbox") == 0
    await pool.close()
    assert (
        await stream(nats_server, "EVENTS")
    ).state.messages == 1  # the first; the last is the same one to the stream
    letters = [(letter.subject or "", letter.headers or {}) for letter in await dead_letters(nats_server, 4)]
    assert {subject for subject, _ in letters} == {
        f"dead.auth.{USER}.{ACCOUNT}.account.reauth_required",
        "dead.auth.-.-.settings.changed",
        "dead.auth.-.-.of.an.older.version",
        "dead.auth.-.-.user.deleted",  # an order to delete must not go in the deletion that it orders
    }
    reasons = {subject.split(".", 4)[4]: headers["Pingcrm-Reason"] for subject, headers in letters}
    assert reasons["account.reauth_required"].startswith("account.reauth_required has 8,")
    assert reasons["settings.changed"] == "invalid payload: user_id: Field required"
    assert reasons["of.an.older.version"] == "libs/common/events declares no of.an.older.version"
    numbers = [number for number, (subject, _) in enumerate(letters, start=1) if "reauth" in subject]
    async with admin_stream(nats_server.admin_url) as js:
        found = await get_dead_letter(js, numbers[0])
    assert AccountReauthRequired.model_validate_json(found.payload).reason == "x" * MAX_PAYLOAD_BYTES
    assert found.consumer == "auth_outbox"


async def test_what_does_not_even_fit_into_a_dead_letter_stays_in_the_outbox_and_the_others_go_on(
    bus: OpenBus, nats_server: Nats, service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "libs.common.bus.publishing.compressed", lambda payload: (payload, {})
    )  # nothing to be squeezed
    monkeypatch.setattr("libs.common.outbox.BATCH", 1)
    stuck = SettingsChanged.subject
    pool = await open_pool(service_settings("auth"))
    auth = bus("auth")
    async with alive(auth):
        await pool.execute(
            "INSERT INTO outbox (subject, payload) VALUES ($1, $2)", stuck, {"user_id": "x" * MAX_PAYLOAD_BYTES}
        )
        async with pool.acquire() as connection:
            await add(
                connection,
                AccountReauthRequired(
                    user_id=USER,
                    account_id=ACCOUNT,
                    address="",
                    reason="",
                    at="2026-01-01T00:00:00Z",  # type: ignore[arg-type]
                ),
            )
        assert await relay(pool, auth) == 1
        assert await relay(pool, auth) == 0
        assert await pool.fetchval("SELECT array_agg(subject) FROM outbox") == [stuck]
    await pool.close()
    assert (await stream(nats_server, "EVENTS")).state.messages == 1
