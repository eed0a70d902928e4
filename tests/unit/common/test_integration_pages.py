"""Integrations beyond the first page that the server lists: they are listed, and their backlogs are given up, as all others."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from libs.common.bus import backlogs
from libs.common.bus.backlogs import limit_backlogs
from libs.common.events import ContactChanged
from libs.common.integrations import MADE_AT, Grants
from libs.local.integrations import Integration, list_integrations

NOW = datetime(2026, 3, 10, tzinfo=UTC)
MANY = 2 * backlogs.PAGE + 7


@dataclass
class Server:
    """Stands in for JetStream: `waiting` of each consumer, all made long ago; it lists as many at once as the real one."""

    waiting: list[int]
    moved_on: list[str] = field(default_factory=list)

    async def consumers_info(self, _: str, offset: int = 0) -> list[Any]:
        return [self._info(number) for number in range(len(self.waiting))][offset : offset + backlogs.PAGE]

    def _info(self, number: int) -> Any:
        name = f"i{number:04}"
        made = Integration(name, Grants(subscribe=(ContactChanged,)), "salt", NOW - timedelta(days=30))
        return SimpleNamespace(
            name=name,
            config=SimpleNamespace(metadata=made.metadata()),
            num_pending=0 if name in self.moved_on else self.waiting[number],
            num_ack_pending=0,
            delivered=None,
            ack_floor=None,
        )

    async def get_last_msg(self, *_: Any, **__: Any) -> Any:
        raise NotFoundError

    async def stream_info(self, _: str) -> Any:
        return SimpleNamespace(config=SimpleNamespace(max_bytes=100), state=SimpleNamespace(bytes=1))

    async def publish(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(seq=9)

    async def request(self, subject: str, *_: Any, **__: Any) -> Any:
        self.moved_on.append(subject.rpartition(".")[2])
        return SimpleNamespace(data=b"{}")


async def test_of_more_integrations_than_a_page_all_are_listed() -> None:
    listed = await list_integrations(cast(JetStreamContext, Server([0] * MANY)))
    assert [found.integration.name for found in listed] == [f"i{number:04}" for number in range(MANY)]


async def test_the_backlogs_of_integrations_on_later_pages_are_given_up_and_a_stranger_s_consumer_is_left_alone() -> (
    None
):
    server = Server([0] * (MANY - 1) + [5])
    await limit_backlogs(cast(Client, server), cast(JetStreamContext, server), NOW)
    assert server.moved_on == [f"i{MANY - 1:04}"]
    stranger = Server([5])
    info = stranger._info(0)
    del info.config.metadata[MADE_AT]
    stranger._info = lambda _: info  # type: ignore[method-assign]
    await limit_backlogs(cast(Client, stranger), cast(JetStreamContext, stranger), NOW)
    assert stranger.moved_on == []
