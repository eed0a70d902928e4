"""Live updates: what the bus broadcasts is passed on to that user's browsers that are connected to this replica."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic

from libs.common.errors import Refused
from libs.common.ids import UserId
from services.gateway.domain.live_updates import RESYNC, LiveEvent

QUEUE_LENGTH = 200
STREAMS_PER_USER = 20
JUST_NOW_SECONDS = 10.0
"""As long as it may take from when a page was made until its browser listens."""


@dataclass(eq=False)
class LiveStream:
    """One open stream. A browser that reads too slowly loses the oldest events, and gets RESYNC in their place.

    `is_connected`: whether somebody is still at the other end. A browser that went on to another page shows only there.
    """

    user_id: UserId
    session: str | None
    is_connected: Callable[[], bool] = lambda: True
    closed: bool = False
    _events: deque[LiveEvent] = field(default_factory=deque)
    _lost: bool = False
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, event: LiveEvent) -> None:
        if len(self._events) >= QUEUE_LENGTH:
            self._events.popleft()
            self._lost = True
        self._events.append(event)
        self._ready.set()

    def close(self) -> None:
        self.closed = True
        self._ready.set()

    async def get(self, timeout_seconds: float) -> list[LiveEvent]:
        """What has come in since the last call; empty after `timeout_seconds` without any, or when closed."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._ready.wait()
        except TimeoutError:
            return []
        self._ready.clear()
        events = [RESYNC, *self._events] if self._lost else list(self._events)
        self._events.clear()
        self._lost = False
        return events


class Hub:
    """The open streams of this replica, by user; and for whom something has changed just now, before they could listen."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._streams: defaultdict[UserId, set[LiveStream]] = defaultdict(set)
        self._changed_at: dict[UserId, float] = {}  # the latest last
        self._clock = clock

    @contextmanager
    def open_stream(
        self, user_id: UserId, session: str | None, is_connected: Callable[[], bool] = lambda: True
    ) -> Iterator[LiveStream]:
        """A stream that is open for as long as the context lasts. Refused: `too_many_streams` (429).

        It begins with RESYNC where something has changed just now: a page that was made before shows what was.
        Those whose browser went away do not count: that shows when they are next written to, and somebody who looks at many pages
        in a short time would be refused.
        """
        if len(self._streams.get(user_id, ())) >= STREAMS_PER_USER:
            self._drop_disconnected(user_id)
        if len(self._streams.get(user_id, ())) >= STREAMS_PER_USER:
            raise Refused(
                429, "too_many_streams", f"{STREAMS_PER_USER} live streams are open already. Close one first."
            )
        stream = LiveStream(user_id, session, is_connected)
        self._streams[user_id].add(stream)
        if self._clock() - self._changed_at.get(user_id, -JUST_NOW_SECONDS) < JUST_NOW_SECONDS:
            stream.put(RESYNC)
        try:
            yield stream
        finally:
            self._discard(stream)

    def _drop_disconnected(self, user_id: UserId) -> None:
        for stream in [stream for stream in self._streams[user_id] if not stream.is_connected()]:
            stream.close()
            self._discard(stream)

    def _discard(self, stream: LiveStream) -> None:
        """Once more is no error: who closes a stream and who has opened it both do."""
        streams = self._streams.get(stream.user_id)
        if streams is not None:
            streams.discard(stream)
            if not streams:
                del self._streams[stream.user_id]

    def has_streams(self, user_id: UserId) -> bool:
        """Whether `send` would reach anybody: spares the work of making an event for nobody."""
        return user_id in self._streams

    def mark_changed(self, user_id: UserId) -> None:
        """Something has changed that `send` was not called with."""
        now = self._clock()
        self._changed_at.pop(user_id, None)
        self._changed_at[user_id] = now
        for oldest, at in list(islice(self._changed_at.items(), 2)):  # more than comes in
            if now - at >= JUST_NOW_SECONDS:
                del self._changed_at[oldest]

    def send(self, user_id: UserId, event: LiveEvent) -> None:
        self.mark_changed(user_id)
        for stream in self._streams.get(user_id, ()):
            stream.put(event)

    def close_user(self, user_id: UserId) -> None:
        self._changed_at.pop(user_id, None)
        for stream in self._streams.get(user_id, ()):
            stream.close()

    def close_sessions(self, user_id: UserId) -> None:
        """End the streams of browsers; those of API tokens go on."""
        for stream in self._streams.get(user_id, ()):
            if stream.session is not None:
                stream.close()

    def close_session(self, user_id: UserId, session: str) -> None:
        for stream in self._streams.get(user_id, ()):
            if stream.session == session:
                stream.close()

    def close(self) -> None:
        """End every stream: this replica shuts down, the browsers connect to another."""
        for streams in self._streams.values():
            for stream in streams:
                stream.close()
