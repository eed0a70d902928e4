"""Accounts, as far as the gateway has to know of them: how far their events have come, and which were purged."""

from libs.common.db import Connection
from libs.common.events import AccountEvent
from services.gateway.store.locks import lock_user, lock_user_shared


async def note_event(connection: Connection, event: AccountEvent) -> bool:
    """Note how far the events of the account have come. False where a later one was received, or it was purged, or its user is deleted.

    In a transaction of the caller's.
    """
    await lock_user_shared(connection, event.user_id)
    is_current = await connection.fetchval(
        """
        INSERT INTO accounts (account_id, user_id, sequence)
        SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT FROM deleted_users WHERE user_id = $2)
        ON CONFLICT (account_id) DO UPDATE SET sequence = excluded.sequence
        WHERE accounts.sequence <= excluded.sequence AND NOT accounts.purged
        RETURNING true
        """,
        event.account_id,
        event.user_id,
        event.sequence,
    )
    return bool(is_current)


async def mark_purged(connection: Connection, event: AccountEvent) -> None:
    """For good. In a transaction of the caller's: the lock keeps out what is being stored just now."""
    await lock_user(connection, event.user_id)
    await connection.execute(
        """
        INSERT INTO accounts (account_id, user_id, sequence, purged)
        SELECT $1, $2, $3, true WHERE NOT EXISTS (SELECT FROM deleted_users WHERE user_id = $2)
        ON CONFLICT (account_id) DO UPDATE SET purged = true
        """,
        event.account_id,
        event.user_id,
        event.sequence,
    )
