"""Live updates: what the bus broadcasts is passed on to that user's browsers that are connected to this replica.

Each user who has a page open, or has just been sent one, has a log here: their last events, in order. A page carries the position in
it that was the latest before the page's data was read, and a stream goes on from the position that its browser names: nothing falls
between the two. Where the log can't say what came since (it is another replica's, or from before a restart, or too much has come), the
browser gets RESYNC and fetches anew.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_hex

from libs.common.errors import Refused
from libs.common.ids import UserId
from services.gateway.domain.live_updates import LiveEvent, Position, events_since, position_from

KEPT_EVENTS = 200
STREAMS_PER_USER = 20
# Logs that nobody reads right now, for pages on their way to a browser and for streams that broke off.
IDLE_LOGS = 100


@dataclass(eq=False)
class EventLog:
    """The last events of a user, and the streams that read them."""

    latest: Position
    kept: deque[LiveEvent] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))
    streams: set["LiveStream"] = field(default_factory=set)

    def append(self, event: LiveEvent) -> None:
        self.kept.append(event)
        self.latest = Position(self.latest.log, self.latest.number + 1)
        self._wake()

    def begin_anew(self) -> None:
        """Events were missed: no position of before can be gone on from."""
        self.kept.clear()
        self.latest = _beginning()
        self._wake()

    def _wake(self) -> None:
        for stream in self.streams:
            stream.wake()


def _beginning() -> Position:
    return Position(token_hex(8), 0)


@dataclass(eq=False)
class LiveStream:
    """One open stream: a reader of its user's log at `position`. A browser that reads too slowly gets RESYNC for what it lost.

    `is_connected`: whether somebody is still at the other end. A browser that went on to another page shows only there.
    """

    user_id: UserId
    session: str | None
    log: EventLog
    position: Position | None
    is_connected: Callable[[], bool] = lambda: True
    closed: bool = False
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self._ready.set()

    def close(self) -> None:
        self.closed = True
        self.wake()

    async def get(self, timeout_seconds: float) -> list[tuple[Position, LiveEvent]]:
        """What has come in since the last call, with the positions behind it; empty after `timeout_seconds` without any, or when closed."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._ready.wait()
        except TimeoutError:
            return []
        self._ready.clear()
        events = events_since(self.position, self.log.latest, self.log.kept)
        if events:
            self.position = events[-1][0]
        return events


class Hub:
    """The logs and open streams of this replica, by user. `_idle`: whose log nobody reads, who was here longest ago first."""

    def __init__(self) -> None:
        self._logs: dict[UserId, EventLog] = {}
        self._idle: dict[UserId, None] = {}

    @property
    def all_streams(self) -> int:
        """How many streams are open here."""
        return sum(len(log.streams) for log in self._logs.values())

    def position(self, user_id: UserId) -> Position:
        """Where the user's events stand: to be taken before the data of a page is read. From now on they are kept."""
        return self._log(user_id).latest

    def _log(self, user_id: UserId) -> EventLog:
        log = self._logs.setdefault(user_id, EventLog(_beginning()))
        if not log.streams:
            self._let_rest(user_id)
        return log

    def _let_rest(self, user_id: UserId) -> None:
        self._idle.pop(user_id, None)
        self._idle[user_id] = None
        if len(self._idle) > IDLE_LOGS:
            oldest = next(iter(self._idle))
            del self._idle[oldest], self._logs[oldest]

    @contextmanager
    def open_stream(
        self,
        user_id: UserId,
        session: str | None,
        is_connected: Callable[[], bool] = lambda: True,
        *,
        since: str = "",
    ) -> Iterator[LiveStream]:
        """A stream that is open for as long as the context lasts. `since`: the position that it goes on from; empty: the latest.

        Refused: `too_many_streams` (429). Those whose browser went away do not count: that shows when they are next written to, and
        somebody who looks at many pages in a short time would be refused.
        """
        log = self._log(user_id)
        if len(log.streams) >= STREAMS_PER_USER:
            self._drop_disconnected(log)
        if len(log.streams) >= STREAMS_PER_USER:
            raise Refused(
                429, "too_many_streams", f"{STREAMS_PER_USER} live streams are open already. Close one first."
            )
        stream = LiveStream(user_id, session, log, position_from(since) if since else log.latest, is_connected)
        if stream.position != log.latest:
            stream.wake()
        log.streams.add(stream)
        self._idle.pop(user_id, None)
        try:
            yield stream
        finally:
            self._discard(stream)

    def _drop_disconnected(self, log: EventLog) -> None:
        for stream in [stream for stream in log.streams if not stream.is_connected()]:
            stream.close()
            self._discard(stream)

    def _discard(self, stream: LiveStream) -> None:
        """Once more is no error: who closes a stream and who has opened it both do."""
        stream.log.streams.discard(stream)
        if not stream.log.streams and self._logs.get(stream.user_id) is stream.log:
            self._let_rest(stream.user_id)

    def streams(self, user_id: UserId) -> set[LiveStream]:
        """The user's open streams on this replica."""
        log = self._logs.get(user_id)
        return log.streams if log else set()

    def keeps_events(self, user_id: UserId) -> bool:
        """Whether anybody may come for the user's events: spares the work of making one for nobody."""
        return user_id in self._logs

    def send(self, user_id: UserId, event: LiveEvent) -> None:
        if user_id in self._logs:
            self._logs[user_id].append(event)

    def require_resync(self) -> None:
        """Events were missed, nobody knows whose: every browser has to fetch anew."""
        for log in self._logs.values():
            log.begin_anew()

    def close_user(self, user_id: UserId) -> None:
        """End the user's streams, and forget their events."""
        self._idle.pop(user_id, None)
        if log := self._logs.pop(user_id, None):
            for stream in log.streams:
                stream.close()

    def close_sessions(self, user_id: UserId) -> None:
        """End the streams of browsers; those of API tokens go on."""
        for stream in self.streams(user_id):
            if stream.session is not None:
                stream.close()

    def close_session(self, user_id: UserId, session: str) -> None:
        for stream in self.streams(user_id):
            if stream.session == session:
                stream.close()

    def close(self) -> None:
        """End every stream: this replica shuts down, the browsers connect to another."""
        for log in self._logs.values():
            for stream in log.streams:
                stream.close()
