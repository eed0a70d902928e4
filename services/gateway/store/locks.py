"""The lock of a user: nothing of theirs is stored while they, or an account of theirs, are being deleted, and nothing after that.

Whoever takes it does so before the first row: one who holds a row and waits for the lock waits for a deletion that waits for the row.
"""

from libs.common.db import Connection
from libs.common.ids import UserId


async def lock_user_shared(connection: Connection, user_id: UserId) -> None:
    """Until the transaction ends neither the user nor an account of theirs is deleted. Whether they are already is in the tables."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock_shared(hashtextextended('gateway.user:' || $1, 0))", str(user_id)
    )


async def lock_user(connection: Connection, user_id: UserId) -> None:
    """To delete them, or an account of theirs: until the transaction ends nothing of them is stored."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('gateway.user:' || $1, 0))", str(user_id))
