"""What handlers work with, and how they tell what they changed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from libs.common.db import Connection, Pool
from libs.common.events import ContactChanged, Event
from libs.common.ids import ContactId, UserId
from services.contacts.recording import Changed

IDS_PER_EVENT = 500


@dataclass(frozen=True)
class Context:
    """The database, and the way to tell facts."""

    db: Pool
    publish: Callable[..., Awaitable[None]]
    purge_dead_letters: Callable[..., Awaitable[None]]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.db.acquire() as connection, connection.transaction():
            yield connection

    async def tell(self, changed: Changed) -> None:
        """Say which contacts changed: after the commit, for browsers that look at them."""
        events: list[Event] = []
        for user_id, contact_ids in changed.items():
            ids = sorted(contact_ids)
            events += [
                ContactChanged(
                    user_id=UserId(user_id), contact_ids=tuple(map(ContactId, ids[begin : begin + IDS_PER_EVENT]))
                )
                for begin in range(0, len(ids), IDS_PER_EVENT)
            ]
        if events:
            await self.publish(*events)
