"""The channels through which Google notifies of a calendar's changes: which are begun, and which are ended. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.sync.domain.freshness import RETRY_AFTER_OUTAGE, WATCH_MARGIN


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a calendar. Without a `resource_id` Google has not confirmed it: it was refused, or nobody knows."""

    channel_id: UUID
    calendar_id: str
    renew_at: datetime
    resource_id: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Steps:
    """`begin`: the calendars that need a channel. `end`: the channels that nobody needs any more."""

    begin: tuple[str, ...]
    end: tuple[Channel, ...]


def steps(channels: Sequence[Channel], calendar_ids: Collection[str], now: datetime) -> Steps:
    """What to do so that each of these calendars has a channel, and no other has one.

    A channel can't be renewed: another one is begun while it still works, and it is ended only once that one is confirmed.
    """
    begin, kept = [], set[UUID]()
    for calendar_id in calendar_ids:
        own = [channel for channel in channels if channel.calendar_id == calendar_id]
        fresh = [channel for channel in own if channel.renew_at > now]
        if not fresh:
            begin.append(calendar_id)
        kept |= {channel.channel_id for channel in fresh if not channel.resource_id}
        confirmed = [
            channel for channel in own if channel.resource_id and channel.expires_at and channel.expires_at > now
        ]
        if confirmed:
            kept.add(max(confirmed, key=lambda channel: (channel.renew_at, channel.channel_id)).channel_id)
    return Steps(tuple(begin), tuple(channel for channel in channels if channel.channel_id not in kept))


def renewal(expires_at: datetime, now: datetime) -> datetime:
    """When the next channel is begun: a day before this one ends; if that is soon, not sooner than after an outage."""
    return max(expires_at - WATCH_MARGIN, now + RETRY_AFTER_OUTAGE)
