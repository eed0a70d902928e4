"""Live updates as browsers receive them: server-sent events. Pure."""

from typing import NamedTuple

from libs.common.events import ContactChanged, NotificationCreated, PrepSkipped, SyncProgressed
from services.gateway.domain.notifications import Notification


class LiveEvent(NamedTuple):
    """One server-sent event: its name, and its data as JSON."""

    name: str
    data: str

    def encode(self) -> bytes:
        """The bytes on the wire. JSON has no line breaks of its own, so one `data:` line is enough."""
        return f"event: {self.name}\ndata: {self.data}\n\n".encode()


RESYNC = LiveEvent("resync", "{}")
"""Lets a browser know that events were dropped: load again what you show."""


def live_event(event: SyncProgressed | ContactChanged | PrepSkipped) -> LiveEvent:
    """An event as the browsers of its user receive it: whose it is they know."""
    return LiveEvent(event.subject, event.model_dump_json(exclude={"user_id"}))


def notification_event(notification: Notification) -> LiveEvent:
    """A new notification as browsers receive it: the whole of it, as the API shows it."""
    return LiveEvent(NotificationCreated.subject, notification.model_dump_json())
