"""What programs of others do on the bus, and under which subjects: pure, and the same for whoever publishes, grants or reads.

    users.{user}.{account}.{subject}           a copy of an event of OFFERED, in the stream INTEGRATIONS; `-` where there is no account
    {subject}.{integration}.{user}             what an integration publishes, in the stream EVENTS
    rejected.{integration}.{subject}           what came of it where it could not be handled, in the stream INTEGRATIONS
    missed.{integration}                       that it missed something, because it took nothing for too long, in the same stream

The subject names the user and the author, so that the server itself keeps an integration to what it was given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.events import EVENTS, OFFERED, Event
from libs.common.ids import AccountId, UserId

INTEGRATION_STREAM = "INTEGRATIONS"
NO_ACCOUNT = "-"
MADE_AT = "created_at"  # in the metadata of the consumer of an integration, by which it is known for one

MAX_IDLE = timedelta(days=7)
FULL = 0.75  # of the stream's bytes: past it, whoever has most waiting makes room

PUBLISHABLE: tuple[type[Event], ...] = tuple(event for event in EVENTS if "connector" in event.published_by)


@dataclass(frozen=True)
class Author:
    """Who published an event, and about which user, as the server let it through. None: the subject names no user."""

    integration: str
    user_id: UserId | None


@dataclass(frozen=True)
class Grants:
    """What an integration may do. `users` empty: every user of the installation, also those to come."""

    publish: tuple[type[Event], ...] = ()
    subscribe: tuple[type[Event], ...] = ()
    users: tuple[UserId, ...] = ()


def forwarded_events(of: Iterable[Grants]) -> tuple[type[Event], ...]:
    """The events of which integrations with these grants get copies."""
    wanted = {event for grants in of for event in grants.subscribe}
    return tuple(event for event in OFFERED if event in wanted)


def copy_subject(subject: str, about: Mapping[str, UUID]) -> str:
    """The subject of the copy that integrations get of an event of OFFERED, which is `about` a user and maybe an account."""
    return f"users.{about['user']}.{about.get('account', NO_ACCOUNT)}.{subject}"


def published_subjects(name: str, grants: Grants) -> tuple[str, ...]:
    """Under which subjects an integration may publish."""
    users = [str(user) for user in grants.users] or ["*"]
    return tuple(f"{event.subject}.{name}.{user}" for event in grants.publish for user in users)


def subscribed_subjects(name: str, grants: Grants) -> tuple[str, ...]:
    """What the consumer of an integration filters for: the copies that it may have, and what was rejected of its own."""
    users = [str(user) for user in grants.users] or ["*"]
    copies = [f"users.{user}.*.{event.subject}" for event in grants.subscribe for user in users]
    return (*copies, f"rejected.{name}.>", missed_subject(name))


def missed_subject(name: str) -> str:
    return f"missed.{name}"


def rejected_subject(author: Author, event: type[Event]) -> str:
    return f"rejected.{author.integration}.{event.subject}"


def reported_by_integrations(event: type[Event]) -> str:
    """The subjects under which integrations publish an event of PUBLISHABLE."""
    return f"{event.subject}.*.*"


def author_of(subject: str, event: type[Event]) -> Author | None:
    """Whose message it is; None for those of the product and of the login `connector`, whose subjects name nobody."""
    name, _, user = subject.removeprefix(event.subject).removeprefix(".").partition(".")
    if not name:
        return None
    try:
        return Author(name, UserId(UUID(user)))
    except ValueError:
        return Author(name, None)


def purge_filters(user_id: UserId, account_id: AccountId | None = None) -> tuple[str, ...]:
    """The copies about a user, or about one of the user's accounts, that go when these do.

    Orders to delete stay: whoever keeps something of the user outside has to get them.
    """
    account = account_id or "*"
    return tuple(f"users.{user_id}.{account}.{event.subject}" for event in OFFERED if not event.outlives_purge)


class Missed(BaseModel):
    """How many messages an integration did not get, which came after `since` and before `until`. It has the API to read anew."""

    model_config = ConfigDict(frozen=True)

    messages: int
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Backlog:
    """What waits for an integration. `idle_since`: when it last took a message, or was made. `missed`: what it was not told yet."""

    name: str
    messages: int
    idle_since: datetime
    missed: Missed | None = None

    @property
    def events(self) -> int:
        """Without the notice about what it missed, which waits as well."""
        return self.messages - (self.missed is not None)


def overdue(backlogs: Sequence[Backlog], filled: float, now: datetime) -> list[Backlog]:
    """Whose backlogs are given up: who took nothing for a week, and of a stream that is nearly full (`filled`) the longest.

    One that was given up before has a week from then on.
    """
    waiting = [backlog for backlog in backlogs if backlog.events > 0]
    idle = [backlog for backlog in waiting if now - _untouched_since(backlog) > MAX_IDLE]
    if filled > FULL and waiting and not idle:
        return [max(waiting, key=lambda backlog: backlog.events)]
    return idle


def missed_with(backlog: Backlog, now: datetime) -> Missed:
    """What the integration is told when its backlog is given up now, with what it was to be told before."""
    earlier = backlog.missed.messages if backlog.missed else 0
    since = backlog.missed.since if backlog.missed else backlog.idle_since
    return Missed(messages=earlier + backlog.events, since=since, until=now)


def _untouched_since(backlog: Backlog) -> datetime:
    return max(backlog.idle_since, backlog.missed.until) if backlog.missed else backlog.idle_since
