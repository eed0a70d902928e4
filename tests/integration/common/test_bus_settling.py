"""What becomes of a message: acknowledged after its handler, set aside before it leaves the stream, returned by whoever stops."""

import asyncio
from collections.abc import MutableMapping, Sequence
from datetime import timedelta
from typing import Any

import nats
import pytest
from nats.js.api import DiscardPolicy
from structlog.testing import capture_logs

from libs.common import bus as bus_module
from libs.common.bus import delivery
from libs.common.errors import Outage, Throttled, Unprocessable
from libs.common.events import MessageIngested, SyncRequested
from libs.common.log import current_trace, traced
from libs.common.topology import DEAD_STREAM
from libs.local.bus_admin import admin_stream
from libs.local.dead import replay
from libs.local.servers import Nats
from tests.conftest import own_nats_server
from tests.support.bus import OpenBus, Received, alive, dead_letters, message, request, settled, stream, unhandled

nats_server = own_nats_server  # the dead letters' numbers begin at 1, and a stream is made smaller


@pytest.mark.parametrize(
    ("away", "least_seconds", "most_seconds"),
    [(Outage("away"), 0.0, 0.1), (Throttled("slower", timedelta(seconds=40)), 32.0, 48.0)],
)
async def test_a_batch_that_met_an_outage_comes_again_as_a_whole_and_has_not_failed(
    bus: OpenBus,
    nats_server: Nats,
    monkeypatch: pytest.MonkeyPatch,
    away: Outage,
    least_seconds: float,
    most_seconds: float,
) -> None:
    monkeypatch.setattr(delivery, "RETRY_DELAYS", ())  # the first failure would make dead letters
    monkeypatch.setattr(delivery, "OUTAGE_DELAY_SECONDS", 0.05)
    received, tried = Received(), set[str]()

    async def record(events: Sequence[MessageIngested]) -> None:
        if untried := {event.gmail_id for event in events} - tried:
            tried.update(untried)
            raise away
        await received.record(events)

    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe_batch(MessageIngested, record)
    async with alive(sync):
        await sync.publish(*(message(gmail_id) for gmail_id in "abc"))
        with capture_logs() as logs:
            async with alive(contacts):
                await settled(lambda: all_postponed(logs, 3))
                if most_seconds < 1:
                    await received.count(3)
                else:
                    assert await unhandled(nats_server, "contacts", MessageIngested) == 3
    delays = [line["delay_s"] for line in logs if line["event"] == "postponed"]
    assert least_seconds <= min(delays) <= max(delays) <= most_seconds
    assert not [line for line in logs if line["event"] == "batch_split"]
    assert (await stream(nats_server, DEAD_STREAM)).state.messages == 0


async def all_postponed(logs: Sequence[MutableMapping[str, Any]], count: int) -> bool:
    return sum(line["count"] for line in logs if line["event"] == "postponed") >= count


async def test_a_message_stays_in_the_stream_until_its_dead_letter_is_stored(bus: OpenBus, nats_server: Nats) -> None:
    async def refuse(_: SyncRequested) -> None:
        raise Unprocessable("no such account")

    client = await nats.connect(nats_server.admin_url)
    js = client.jetstream()
    config = (await js.stream_info(DEAD_STREAM)).config
    await js.update_stream(config, max_msgs=1, discard=DiscardPolicy.NEW)
    await js.publish("dead.sync.-.-.full", b"{}")
    sync = bus("sync")
    sync.subscribe(SyncRequested, refuse)
    with capture_logs() as logs:
        async with alive(sync):
            await sync.publish(request())

            async def tried() -> bool:
                return "burial_postponed" in [line["event"] for line in logs]

            await settled(tried)
            assert await unhandled(nats_server, "sync", SyncRequested) == 1
    assert "dead_letter" not in [line["event"] for line in logs]
    await client.close()


async def test_one_trace_leads_from_the_cause_through_the_dead_letter_to_its_replay(
    bus: OpenBus, nats_server: Nats
) -> None:
    traces: list[str] = []

    async def refuse_once(_: SyncRequested) -> None:
        traces.append(current_trace())
        if len(traces) == 1:
            raise Unprocessable("no such account")

    sync = bus("sync")
    sync.subscribe(SyncRequested, refuse_once)
    async with alive(sync):
        with traced("the-cause"):
            await sync.publish(request())
        (letter,) = await dead_letters(nats_server, 1)
        assert (letter.headers or {})["Pingcrm-Trace"] == "the-cause"
        async with admin_stream(nats_server.admin_url) as js:
            await replay(js, letter.seq or 0)

        async def replayed() -> bool:
            return len(traces) == 2

        await settled(replayed)
    assert traces == ["the-cause"] * 2


async def test_who_stops_returns_at_once_what_it_has_not_begun(bus: OpenBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "GRACE_SECONDS", 0.2)
    received, begun = Received(), asyncio.Event()

    async def hang(_: MessageIngested) -> None:
        begun.set()
        await asyncio.Event().wait()

    stopping, staying, sync = bus("contacts"), bus("contacts"), bus("sync")
    stopping.subscribe(MessageIngested, hang, at_once=4)
    staying.subscribe_batch(MessageIngested, received.record)
    async with alive(sync):
        async with alive(stopping):
            await sync.publish(message("in hand"))
            await begun.wait()
            await sync.publish(*(message(gmail_id) for gmail_id in "abcd"))

            async def as_many_as_wanted_are_here() -> bool:
                info = await stopping._stream.consumer_info("EVENTS", "contacts_message_ingested")
                return (info.num_ack_pending, info.num_pending) == (4, 1)

            await settled(as_many_as_wanted_are_here)
        async with alive(staying):
            await received.count(4, seconds=20)  # less than the server waits for an acknowledgement
    assert sorted(received.ids) == ["a", "b", "c", "d"]


async def test_who_stops_while_nats_is_away_leaves_in_order_and_looks_for_it_no_more(
    bus: OpenBus, nats_server: Nats
) -> None:
    contacts = bus("contacts")
    await contacts.start()
    client = contacts.client
    await nats_server.kill()
    async with asyncio.timeout(20):
        while not client.is_reconnecting:
            await asyncio.sleep(0.01)
    with capture_logs() as logs:
        await contacts.stop()
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["bus_away_at_stop"]
    assert client.is_closed


async def test_who_stops_is_cancelled_by_nobody_but_who_cancels_them(
    bus: OpenBus, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that closes may cancel what it waits for itself; whoever stops it was not cancelled by that."""
    contacts, closing = bus("contacts"), asyncio.Event()
    await contacts.start()
    client = contacts.client
    close = client.close

    async def close_cancelled() -> None:
        await close()
        closing.set()
        raise asyncio.CancelledError

    async def close_for_ever() -> None:
        closing.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(client, "drain", close_cancelled)
    await contacts.stop()
    assert closing.is_set()
    assert client.is_closed

    prep = bus("prep")
    await prep.start()
    closing.clear()
    drain = prep.client.drain
    monkeypatch.setattr(prep.client, "drain", close_for_ever)
    stopping = asyncio.create_task(prep.stop())
    await closing.wait()
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    monkeypatch.setattr(prep.client, "drain", drain)
