"""Live updates as browsers receive them: server-sent events with positions, from which a stream goes on. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from libs.common.events import ContactChanged, NotificationCreated, PrepSkipped, SyncProgressed
from services.gateway.domain.notifications import Notification


class Position(NamedTuple):
    """A place in the events of one user: behind the first `number` events of the log of this name.

    A log has a name of its own wherever and whenever it begins (each replica has one, another one after a restart), so positions of
    different logs are never taken for each other.
    """

    log: str
    number: int

    def __str__(self) -> str:
        return f"{self.log}-{self.number}"


class LiveEvent(NamedTuple):
    """One server-sent event: its name, and its data as JSON."""

    name: str
    data: str

    def encode(self, position: Position) -> bytes:
        """The bytes on the wire, with the position behind it. JSON has no line breaks of its own, so one `data:` line is enough."""
        return f"event: {self.name}\ndata: {self.data}\nid: {position}\n\n".encode()


RESYNC = LiveEvent("resync", "{}")
"""Lets a browser know that there were events which it will not get: load again what you show."""


def events_since(
    position: Position | None, latest: Position, kept: Sequence[LiveEvent]
) -> list[tuple[Position, LiveEvent]]:
    """What somebody at `position` has not got yet, each event with the position behind it.

    Where these are not all known (a position of another log, or one too long ago) a single RESYNC, which stands for everything up to
    `latest`. `kept`: the last events up to there, oldest first. None: a position that can't be read.
    """
    if position is None or position.log != latest.log:
        return [(latest, RESYNC)]
    behind = latest.number - position.number
    if not 0 <= behind <= len(kept):
        return [(latest, RESYNC)]
    fresh = list(kept)[len(kept) - behind :]
    return [(Position(latest.log, position.number + nth), event) for nth, event in enumerate(fresh, start=1)]


def position_from(text: str) -> Position | None:
    """The position that `str` has written; None for anything else."""
    log, _, number = text.rpartition("-")
    if not log or not number.isascii() or not number.isdecimal() or len(number) > 18:
        return None
    return Position(log, int(number))


def live_event(event: SyncProgressed | ContactChanged | PrepSkipped) -> LiveEvent:
    """An event as the browsers of its user receive it: whose it is they know."""
    return LiveEvent(event.subject, event.model_dump_json(exclude={"user_id"}))


def notification_event(notification: Notification) -> LiveEvent:
    """A new notification as browsers receive it: the whole of it, as the API shows it."""
    return LiveEvent(NotificationCreated.subject, notification.model_dump_json())
