"""Re-encrypts the refresh tokens under the first of PINGCRM_SECRET_KEYS: python -m services.auth.rotate

To change the key without a gap: append the new key and restart every replica; put it first and restart; run this; then take the
old key away. Runs beside the service, as often as you like.
"""

import asyncio
import sys
from uuid import UUID

from libs.common.config import Settings
from libs.common.config.definitions import read_settings
from libs.common.db import Pool, open_pool
from libs.common.errors import Outage
from libs.common.log import configure, get_logger
from services.auth.keyring import BadKey, Keyring, Undecryptable
from services.auth.store import access_tokens

PAGE = 500


async def reencrypt(pool: Pool, keyring: Keyring) -> int:
    """Seal every refresh token under the first key; how many were not yet. Raises Undecryptable after doing all that it can."""
    changed = 0
    unreadable: list[Undecryptable] = []
    after: UUID | None = None
    while True:
        async with pool.acquire() as connection:
            page = await access_tokens.list_sealed_tokens(connection, after, PAGE)
            for account_id, sealed in page:
                if keyring.is_current(sealed):
                    continue
                try:
                    fresh = keyring.seal(keyring.open(sealed, account_id, "refresh"), account_id, "refresh")
                except Undecryptable as error:
                    unreadable.append(error)
                    continue
                changed += await access_tokens.replace_sealed_token(connection, account_id, sealed, fresh)
        if len(page) < PAGE:
            break
        after = page[-1][0]
    if unreadable:
        raise Undecryptable(
            f"{changed} tokens were re-encrypted, {len(unreadable)} do not open. The first: {unreadable[0]}"
        )
    return changed


async def _rotate(settings: Settings) -> int:
    pool = await open_pool(settings)
    try:
        return await reencrypt(pool, Keyring.of(settings))
    finally:
        await pool.close()


def main() -> None:
    """Exit code 1 with a sentence where a token or a key can't be used."""
    settings = read_settings()
    configure("auth", settings)
    try:
        count = asyncio.run(_rotate(settings))
    except (BadKey, Undecryptable, Outage) as error:
        get_logger().error("tokens_not_reencrypted", error=str(error))
        sys.exit(1)
    get_logger().info("tokens_reencrypted", count=count)


if __name__ == "__main__":
    main()
