"""The SQL of deleted users."""

from libs.common.db import Connection
from libs.common.ids import UserId
from services.gateway.store import exports
from services.gateway.store.locks import lock_user


async def delete_user(connection: Connection, user_id: UserId) -> None:
    """Everything of a user, for good. In a transaction of the caller's: the lock keeps out what is being stored just now."""
    await lock_user(connection, user_id)
    await connection.execute("INSERT INTO deleted_users (user_id) VALUES ($1) ON CONFLICT DO NOTHING", user_id)
    await connection.execute("DELETE FROM notifications WHERE user_id = $1", user_id)
    for table in ("accounts", "webhook_calls", "webhook_contacts", "webhook_secrets"):
        await connection.execute(f"DELETE FROM {table} WHERE user_id = $1", user_id)  # noqa: S608  names of ours
    await exports.delete_of_user(connection, user_id)
