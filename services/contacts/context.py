"""What handlers work with: the database, and the way to publish what they changed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from libs.common.db import Connection, Pool
from libs.common.events import ContactChanged, Event
from libs.common.ids import UserId
from services.contacts.domain.changes import ChangedContacts
from services.contacts.store.users import lock_users

IDS_PER_EVENT = 500


@dataclass(frozen=True)
class Context:
    """The database, and the way to publish events."""

    db: Pool
    publish: Callable[..., Awaitable[None]]
    purge_dead_letters: Callable[..., Awaitable[None]]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.db.acquire() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def locked(self, user_ids: Iterable[UserId]) -> AsyncIterator[Connection]:
        """A transaction that nobody else shares who changes contacts of these users."""
        async with self.transaction() as connection:
            await lock_users(connection, user_ids)
            yield connection

    async def publish_changed(self, changed: ChangedContacts) -> None:
        """Publish which contacts changed: after the commit, for browsers that look at them."""
        events: list[Event] = []
        for user_id, contact_ids in changed.items():
            ids = sorted(contact_ids)
            events += [
                ContactChanged(user_id=user_id, contact_ids=tuple(ids[begin : begin + IDS_PER_EVENT]))
                for begin in range(0, len(ids), IDS_PER_EVENT)
            ]
        if events:
            await self.publish(*events)
