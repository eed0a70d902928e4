"""What programs of others do on the bus, and under which subjects: pure, and the same for whoever publishes, grants or reads.

    users.{user}.{account}.{subject}           a copy of an event of OFFERED, in the stream INTEGRATIONS; `-` where there is no account
    {subject}.{integration}.{user}             what an integration publishes, in the stream EVENTS
    rejected.{integration}.{subject}           what came of it where it could not be handled, in the stream INTEGRATIONS

The subject names the user and the author, so that the server itself keeps an integration to what it was given.
"""

from dataclasses import dataclass
from uuid import UUID

from libs.common.events import EVENTS, OFFERED, Event
from libs.common.ids import AccountId, UserId

INTEGRATION_STREAM = "INTEGRATIONS"
NO_ACCOUNT = "-"

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


def copy_subject(event: Event) -> str:
    """The subject of the copy of an event that integrations get. The event is of OFFERED: it is about a user."""
    about = event.about()
    return f"users.{about['user']}.{about.get('account', NO_ACCOUNT)}.{event.subject}"


def published_subjects(name: str, grants: Grants) -> tuple[str, ...]:
    """Under which subjects an integration may publish."""
    users = [str(user) for user in grants.users] or ["*"]
    return tuple(f"{event.subject}.{name}.{user}" for event in grants.publish for user in users)


def subscribed_subjects(name: str, grants: Grants) -> tuple[str, ...]:
    """What the consumer of an integration filters for: the copies that it may have, and what was rejected of its own."""
    users = [str(user) for user in grants.users] or ["*"]
    copies = [f"users.{user}.*.{event.subject}" for event in grants.subscribe for user in users]
    return (*copies, rejections_of(name))


def rejections_of(name: str) -> str:
    """The subjects of everything that was rejected of an integration."""
    return f"rejected.{name}.>"


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
