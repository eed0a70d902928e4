"""Gives up the refresh tokens that no configured key opens: python -m services.auth.lost_keys

For when a key is lost for good: `pingcrm up --new-secrets` runs it before the services start. Each such account waits for its user
then, with the reason. Tokens that open stay as they are. As often as you like.
"""

import asyncio
import sys
from datetime import UTC, datetime
from uuid import UUID

from libs.common import outbox
from libs.common.config import Settings
from libs.common.config.definitions import read_settings
from libs.common.db import Connection, Pool, open_pool
from libs.common.errors import Outage
from libs.common.events import AccountReauthRequired
from libs.common.ids import AccountId
from libs.common.log import configure, get_logger
from services.auth.domain.access_tokens import KEY_LOST
from services.auth.keyring import BadKey, Keyring, Undecryptable
from services.auth.store import access_tokens

PAGE = 500


async def give_up_unreadable(pool: Pool, keyring: Keyring) -> int:
    """Require reauthorization of every account whose refresh token does not open; how many those are."""
    given_up = 0
    after: UUID | None = None
    while True:
        async with pool.acquire() as connection:
            page = await access_tokens.list_sealed_tokens(connection, after, PAGE)
            for account_id, sealed in page:
                if not _opens(keyring, sealed, account_id):
                    given_up += await _give_up(connection, account_id, sealed)
        if len(page) < PAGE:
            return given_up
        after = page[-1][0]


def _opens(keyring: Keyring, sealed: bytes, account_id: AccountId) -> bool:
    try:
        keyring.open(sealed, account_id, "refresh")
    except Undecryptable:
        return False
    return True


async def _give_up(connection: Connection, account_id: AccountId, sealed: bytes) -> bool:
    """False where the account has another token by now. The event is published when the service runs."""
    async with connection.transaction():
        owner = await access_tokens.discard_sealed_token(connection, account_id, sealed, KEY_LOST)
        if owner is None:
            return False
        user_id, address, sequence = owner
        await outbox.add(
            connection,
            AccountReauthRequired(
                user_id=user_id,
                account_id=account_id,
                address=address,
                reason=KEY_LOST,
                sequence=sequence,
                at=datetime.now(UTC),
            ),
        )
    get_logger().warning("account_reauth_required", user=user_id, account=account_id)
    return True


async def _run(settings: Settings) -> int:
    pool = await open_pool(settings)
    try:
        return await give_up_unreadable(pool, Keyring.of(settings))
    finally:
        await pool.close()


def main() -> None:
    """Exit code 1 with a sentence where the database or a key can't be used."""
    settings = read_settings()
    configure("auth", settings)
    try:
        count = asyncio.run(_run(settings))
    except (BadKey, Outage) as error:
        get_logger().error("tokens_not_given_up", error=str(error))
        sys.exit(1)
    get_logger().info("tokens_given_up", count=count)


if __name__ == "__main__":
    main()
