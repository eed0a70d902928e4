"""The channels through which Google notifies of calendars."""

from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import AccountId, UserId
from services.sync.domain.channels import Channel


async def list_channels(connection: Connection, account_id: AccountId) -> list[Channel]:
    rows = await connection.fetch(
        """
        SELECT channel_id, calendar_id, renew_at, resource_id, expires_at FROM channels
        WHERE account_id = $1 ORDER BY channel_id
        """,
        account_id,
    )
    return [Channel(**dict(row)) for row in rows]


async def insert_channel(
    connection: Connection, user_id: UserId, account_id: AccountId, channel: Channel, token_hash: bytes
) -> None:
    await connection.execute(
        """
        INSERT INTO channels (channel_id, user_id, account_id, calendar_id, renew_at, token_hash) VALUES ($1, $2, $3, $4, $5, $6)
        """,
        channel.channel_id, user_id, account_id, channel.calendar_id, channel.renew_at, token_hash,
    )  # fmt: skip


async def set_channel(connection: Connection, channel: Channel) -> None:
    """What Google has said to it."""
    await connection.execute(
        "UPDATE channels SET resource_id = $2, expires_at = $3, renew_at = $4 WHERE channel_id = $1",
        channel.channel_id, channel.resource_id, channel.expires_at, channel.renew_at,
    )  # fmt: skip


async def delete_channel(connection: Connection, channel_id: UUID) -> None:
    await connection.execute("DELETE FROM channels WHERE channel_id = $1", channel_id)


async def delete_of_account(connection: Connection, account_id: AccountId) -> None:
    await connection.execute("DELETE FROM channels WHERE account_id = $1", account_id)


async def get_account_id(connection: Connection, channel_id: UUID, token_hash: bytes) -> AccountId | None:
    """Whose calendar the channel is about; None where there is no such channel, or its token is another one."""
    found: AccountId | None = await connection.fetchval(
        "SELECT account_id FROM channels WHERE channel_id = $1 AND token_hash = $2", channel_id, token_hash
    )
    return found
