"""A message that is worked on for long is reported to the server in the meantime, so that no other replica gets it."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import nats.errors
import pytest
from nats.aio.msg import Msg

from libs.common.bus import delivery
from libs.common.bus.delivery import Delivery
from libs.common.cache import Cache
from libs.common.events import MessageIngested
from tests.support.bus import message


class Server:
    """Counts what it is notified of; the first report finds the connection gone."""

    def __init__(self) -> None:
        self.reports: list[str] = []
        self.enough = asyncio.Event()

    def message(self, gmail_id: str) -> Msg:
        async def in_progress() -> None:
            self.reports.append(gmail_id)
            if len(self.reports) == 1:
                raise nats.errors.ConnectionClosedError
            if len(self.reports) >= 6:
                self.enough.set()

        fake = SimpleNamespace(
            data=message(gmail_id).model_dump_json().encode(), headers={}, subject="message.ingested", is_acked=False,
            in_progress=in_progress,
        )  # fmt: skip

        async def ack() -> None:
            fake.is_acked = True

        fake.ack = ack
        return cast(Msg, fake)


@pytest.mark.parametrize("one_by_one", [True, False])
async def test_long_work_is_reported_until_it_ends_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, one_by_one: bool
) -> None:
    monkeypatch.setattr(delivery, "ACK_WAIT_SECONDS", 0.03)
    server = Server()
    messages = [server.message(gmail_id) for gmail_id in ("done at once", "long")]

    async def handle(events: Sequence[Any]) -> None:
        if events[-1].gmail_id == "long":
            await server.enough.wait()

    async with asyncio.timeout(20):
        await Delivery("contacts", MessageIngested, handle, cast(Cache, None), (), one_by_one=one_by_one).deliver(
            messages
        )
    assert all(message.is_acked for message in messages)
    assert "long" in server.reports
    if one_by_one:
        assert set(server.reports) == {"long"}, "what is acknowledged is not reported any more"
    await asyncio.sleep(0)
    assert [task.get_name() for task in asyncio.all_tasks()] == [asyncio.current_task().get_name()]  # type: ignore[union-attr]
