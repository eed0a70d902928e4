"""What handlers work with: the database, users' locks, and the way to publish what they changed.

Whatever changes a user's contacts holds the user's lock. Nobody waits for one with a connection in hand: where it is taken, the
connection goes back to the pool, and the lock is tried again a moment later. So large work for one user, which holds it again and
again, keeps nobody else from the database.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import uniform

from libs.common.db import Connection, Pool, on_behalf_of
from libs.common.errors import Refused, Throttled
from libs.common.events import ContactChanged, Event
from libs.common.fault_points import reached
from libs.common.ids import UserId
from services.contacts.domain.changes import ChangedContacts
from services.contacts.store.users import lock_free_users

IDS_PER_EVENT = 500
LOCK_WAIT_SECONDS = 3.0
TRY_AGAIN_SECONDS = (0.005, 0.015)
PAUSE_BETWEEN_CHUNKS_SECONDS = 0.03
"""Long enough that everybody who waits for the lock tries it once between two chunks of large work."""

Work = Callable[[Connection, Collection[UserId]], Awaitable[ChangedContacts]]


class UserBusy(Throttled):
    """Somebody else has held a user's lock for longer than a moment. No failure: try again later."""


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
    async def acquire_for_full_text(self) -> AsyncIterator[Connection]:
        """A connection that no policy binds: behind one, PostgreSQL looks up neither words nor phones in their indexes, and reads every
        contact of the user (docs/decisions/0012). What is read with it has no second wall: its statements name the user.
        """
        with on_behalf_of(None):
            connection = await self.db.acquire()
        try:
            yield connection
        finally:
            await self.db.release(connection)

    @asynccontextmanager
    async def locked(self, user_id: UserId) -> AsyncIterator[Connection]:
        """A transaction that nobody else shares who changes contacts of this user. Raises UserBusy."""
        deadline = _now() + LOCK_WAIT_SECONDS
        while True:
            async with self.transaction() as connection:
                if await lock_free_users(connection, [user_id]):
                    yield connection
                    return
            await _wait_until(deadline)

    @asynccontextmanager
    async def locked_for_request(self, user_id: UserId) -> AsyncIterator[Connection]:
        """As `locked`, for somebody who waits for a reply. Refused: `busy` (503)."""
        try:
            async with self.locked(user_id) as connection:
                yield connection
        except UserBusy as busy:
            raise Refused(
                503,
                "busy",
                "Your contacts are being changed by something larger at this moment. Nothing was done: try again shortly.",
                retry_after=LOCK_WAIT_SECONDS,
            ) from busy

    async def change_users(self, user_ids: Collection[UserId], work: Work) -> None:
        """Do `work` for these users, each once, under their locks: together for all whose locks are free, for the others a moment later.

        Publishes what changed after each commit. Raises UserBusy where some are still not free; the others are done.
        """
        left = set(user_ids)
        deadline = _now() + LOCK_WAIT_SECONDS
        while left:
            async with self.transaction() as connection:
                free = await lock_free_users(connection, left)
                changed = await work(connection, free) if free else {}
            await self.publish_changed(changed)
            left -= free
            if left:
                await _wait_until(deadline)

    async def publish_changed(self, changed: ChangedContacts) -> None:
        """Publish which contacts changed: after the commit, for browsers that look at them."""
        await reached("contacts.committed")
        events: list[Event] = []
        for user_id, contact_ids in changed.items():
            ids = sorted(contact_ids)
            events += [
                ContactChanged(user_id=user_id, contact_ids=tuple(ids[begin : begin + IDS_PER_EVENT]))
                for begin in range(0, len(ids), IDS_PER_EVENT)
            ]
        if events:
            await self.publish(*events)


async def pause_between_chunks() -> None:
    """Let others have the lock of a user for whom there is much to do."""
    await asyncio.sleep(PAUSE_BETWEEN_CHUNKS_SECONDS)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _wait_until(deadline: float) -> None:
    """A moment, without a connection. Raises UserBusy where the time is over."""
    if _now() > deadline:
        raise UserBusy(f"A user's contacts are being changed by somebody else for more than {LOCK_WAIT_SECONDS:.0f} s.")
    await asyncio.sleep(uniform(*TRY_AGAIN_SECONDS))
