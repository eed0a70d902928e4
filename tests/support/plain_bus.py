"""The bus as a plain value: requests are answered by functions, events are kept. For work that is tested without a NATS server."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from libs.common.bus import Bus
from libs.common.errors import Outage
from libs.common.events import Event
from libs.common.ids import Service
from libs.common.requests import Request


@dataclass
class PlainBus:
    """`answers` has a function of the request for each kind that may be made. `away`: nothing can be published."""

    service: Service
    answers: dict[type[Request[Any]], Callable[[Any], Any]] = field(default_factory=dict)
    requests: list[Request[Any]] = field(default_factory=list)
    published: list[Event] = field(default_factory=list)
    away: bool = False

    async def request(self, request: Request[Any]) -> Any:
        self.requests.append(request)
        return self.answers[type(request)](request)

    async def publish(self, *events: Event) -> None:
        if self.away:
            raise Outage("The bus is away.")
        self.published += events

    async def run_guarded(self, work: Callable[[], Awaitable[Any]], *, pause_seconds: float = 1.0) -> bool:
        """As the real one, except that a bug is a bug."""
        try:
            await work()
        except Outage:
            return False
        return True

    def requested(self, kind: type[Request[Any]]) -> list[Any]:
        return [request for request in self.requests if type(request) is kind]

    def received(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.published if type(event) is kind]

    def as_bus(self) -> Bus:
        """For whoever is handed a bus, and uses no more of it than is here."""
        return cast(Bus, self)
