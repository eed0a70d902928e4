"""The SQL of webhook secrets: how often a user has made a new one. The secrets themselves are derived."""

from libs.common.db import Connection
from libs.common.ids import UserId
from services.gateway.domain.webhook_delivery import NEVER_MADE, SecretGeneration
from services.gateway.store import Database
from services.gateway.store.locks import lock_user_shared


async def get_generation(connection: Database, user_id: UserId) -> SecretGeneration:
    row = await connection.fetchrow("SELECT generation, made_at FROM webhook_secrets WHERE user_id = $1", user_id)
    return SecretGeneration(row["generation"], row["made_at"]) if row else NEVER_MADE


async def next_generation(connection: Connection, user_id: UserId) -> SecretGeneration:
    """A new one, from now on. Two at once make two. In a transaction of the caller's: the lock keeps out what is being deleted just now."""
    await lock_user_shared(connection, user_id)
    row = await connection.fetchrow(
        """
        INSERT INTO webhook_secrets (user_id, generation)
        SELECT $1, 1 WHERE NOT EXISTS (SELECT FROM deleted_users WHERE user_id = $1)
        ON CONFLICT (user_id) DO UPDATE SET generation = webhook_secrets.generation + 1, made_at = now()
        RETURNING generation, made_at
        """,
        user_id,
    )
    return SecretGeneration(row["generation"], row["made_at"]) if row else NEVER_MADE
