"""The SQL of the last webhook calls of a user, for people to look at."""

from libs.common.db import Connection
from libs.common.ids import UserId, new_id
from services.gateway.domain.webhook_outcomes import CallOutcome, CallSubject, WebhookCall
from services.gateway.store import Database
from services.gateway.store.locks import lock_user_shared

KEPT = 20


async def insert_call(
    connection: Connection, user_id: UserId, subject: CallSubject, attempt: int, outcome: CallOutcome
) -> None:
    """Note a call; of a user's calls the last ones are kept. In a transaction of the caller's.

    Nothing is noted of a user who is deleted, or of a notification that is gone.
    """
    about, notification_id = subject
    await lock_user_shared(connection, user_id)
    await connection.execute(
        """
        WITH about AS (SELECT id FROM notifications WHERE id = $3 FOR KEY SHARE)
        INSERT INTO webhook_calls (id, user_id, notification_id, attempt, failure, milliseconds, about)
        SELECT $1, $2, $3, $4, $5, $6, $7
        WHERE NOT EXISTS (SELECT FROM deleted_users WHERE user_id = $2) AND ($3::uuid IS NULL OR EXISTS (SELECT FROM about))
        """,
        new_id(),
        user_id,
        notification_id,
        attempt,
        outcome.failure,
        outcome.milliseconds,
        about,
    )
    await connection.execute(
        """
        DELETE FROM webhook_calls
        WHERE user_id = $1 AND id < (SELECT id FROM webhook_calls WHERE user_id = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)
        """,
        user_id,
        KEPT - 1,
    )


async def list_calls(connection: Database, user_id: UserId, limit: int = KEPT) -> list[WebhookCall]:
    """The last calls, newest first. What is about no notification has no title."""
    rows = await connection.fetch(
        """
        SELECT c.called_at, c.about, c.notification_id, coalesce(n.title, '') AS title, c.attempt, c.failure, c.milliseconds
        FROM webhook_calls c LEFT JOIN notifications n ON n.id = c.notification_id
        WHERE c.user_id = $1 ORDER BY c.id DESC LIMIT $2
        """,
        user_id,
        limit,
    )
    return [WebhookCall(*row.values()) for row in rows]
