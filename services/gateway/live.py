"""Live updates: what the bus tells is handed to the browsers of that user that hang on this replica."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from libs.common.errors import Refused
from libs.common.ids import UserId

QUEUE_LENGTH = 200
STREAMS_PER_USER = 20


class LiveEvent(NamedTuple):
    """One server-sent event: its name, and its data as JSON."""

    name: str
    data: str

    def encode(self) -> bytes:
        """The bytes on the wire. JSON has no line breaks of its own, so one `data:` line is enough."""
        return f"event: {self.name}\ndata: {self.data}\n\n".encode()


RESYNC = LiveEvent("resync", "{}")
"""Tells a browser that events were dropped: load again what you show."""


@dataclass(eq=False)
class Listener:
    """One open stream. A browser that reads too slowly loses the oldest events, and is told so."""

    user_id: UserId
    session: str | None
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

    async def take(self, timeout_seconds: float) -> list[LiveEvent]:
        """What has come in since the last call; empty after `timeout_seconds` of silence, or when closed."""
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
    """The open streams of this replica, by user."""

    def __init__(self) -> None:
        self._listeners: defaultdict[UserId, set[Listener]] = defaultdict(set)

    @contextmanager
    def listening(self, user_id: UserId, session: str | None) -> Iterator[Listener]:
        """A stream for as long as the context lasts. Refused: `too_many_streams` (429)."""
        if len(self._listeners.get(user_id, ())) >= STREAMS_PER_USER:
            raise Refused(
                429, "too_many_streams", f"{STREAMS_PER_USER} live streams are open already. Close one first."
            )
        listener = Listener(user_id, session)
        self._listeners[user_id].add(listener)
        try:
            yield listener
        finally:
            self._listeners[user_id].discard(listener)
            if not self._listeners[user_id]:
                del self._listeners[user_id]

    def has(self, user_id: UserId) -> bool:
        """Whether anybody here would hear: spares the work of making an event for nobody."""
        return user_id in self._listeners

    def tell(self, user_id: UserId, event: LiveEvent) -> None:
        for listener in self._listeners.get(user_id, ()):
            listener.put(event)

    def close_user(self, user_id: UserId) -> None:
        for listener in self._listeners.get(user_id, ()):
            listener.close()

    def close_session(self, user_id: UserId, session: str) -> None:
        for listener in self._listeners.get(user_id, ()):
            if listener.session == session:
                listener.close()

    def close(self) -> None:
        """End every stream: this replica shuts down, the browsers connect to another."""
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.close()
