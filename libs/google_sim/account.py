"""What one Google account holds: the loaders make it, the server serves it, the oracle counts it."""

from dataclasses import dataclass, field
from typing import Any

Resource = dict[str, Any]


@dataclass
class CalendarData:
    """One calendar of an account: `events` are Calendar v3 event resources, series as masters with `recurrence`."""

    id: str
    summary: str
    time_zone: str = "UTC"
    primary: bool = False
    events: list[Resource] = field(default_factory=list)


@dataclass
class AccountData:
    """One Google account and its content, as resources of Google's own APIs.

    messages: Gmail v1 `users.messages` resources, `format=full` (raw header values, escaped snippets).
    people: People v1 person resources. sub: Google's stable id of the account (21 digits).
    """

    address: str
    name: str
    sub: str
    aliases: list[str] = field(default_factory=list)
    messages: list[Resource] = field(default_factory=list)
    calendars: list[CalendarData] = field(default_factory=list)
    people: list[Resource] = field(default_factory=list)
