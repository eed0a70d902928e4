"""API tokens from the command line, for whoever runs the installation: python -m services.auth.token_command create|list|revoke

`pingcrm token` is the same with the environment of `auth`. The token alone goes to standard output, so that a script can take it.
"""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from uuid import UUID

from libs.common.config import Settings
from libs.common.config.definitions import read_settings
from libs.common.db import Pool, on_behalf_of, open_pool
from libs.common.errors import Outage, Refused, not_found
from libs.common.ids import UserId
from libs.common.log import configure
from libs.common.requests import MAX_TOKEN_DAYS, TOKEN_DAYS, TOKEN_SCOPES, CreateApiToken
from services.auth.domain.api_tokens import token_line, token_rows, token_sentence, user_of
from services.auth.store import api_tokens, users
from services.auth.token_creation import create_token


async def find_user(pool: Pool, address: str | None) -> UserId:
    """Whose token it is. Refused: `not_found` (404), `ambiguous_user` (409)."""
    async with pool.acquire() as connection:
        return user_of(address, await users.list_users(connection, address))


async def carry_out(pool: Pool, wanted: Namespace) -> Sequence[str]:
    """What goes to standard output, line by line. Refused: as the requests of `auth` are."""
    user_id = await find_user(pool, wanted.user)
    with on_behalf_of(user_id):
        match wanted.action:
            case "create":
                scopes = frozenset(wanted.scope or ("read",))
                created = await create_token(
                    pool, CreateApiToken(user_id=user_id, name=wanted.name, scopes=scopes, days=wanted.days)
                )
                assert created.secret is not None
                print(token_sentence(created), file=sys.stderr)
                return (created.secret,)
            case "list":
                async with pool.acquire() as connection:
                    tokens = await api_tokens.list_api_tokens(connection, user_id)
                return (token_rows(tokens),) if wanted.as_json else tuple(map(token_line, tokens))
            case _:
                async with pool.acquire() as connection:
                    if not await api_tokens.delete_api_token(connection, user_id, wanted.id):
                        raise not_found("API token")
                return ()


def parser() -> ArgumentParser:
    """What the command understands."""
    parsed = ArgumentParser(prog="pingcrm token", description="API tokens of a user.")
    actions = parsed.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create")
    create.add_argument("name")
    create.add_argument("--scope", action="append", choices=TOKEN_SCOPES)
    create.add_argument("--days", type=int, choices=range(1, MAX_TOKEN_DAYS + 1), default=TOKEN_DAYS, metavar="DAYS")
    revoke = actions.add_parser("revoke")
    revoke.add_argument("id", type=UUID)
    listing = actions.add_parser("list")
    listing.add_argument("--json", action="store_true", dest="as_json")
    for action in (create, revoke, listing):
        action.add_argument("--user")
    return parsed


async def _run(settings: Settings, wanted: Namespace) -> Sequence[str]:
    pool = await open_pool(settings)
    try:
        return await carry_out(pool, wanted)
    finally:
        await pool.close()


def main() -> None:
    """Exit code 1 with a sentence where it was not done."""
    wanted = parser().parse_args()
    settings = read_settings()
    configure("auth", settings)
    try:
        lines = asyncio.run(_run(settings, wanted))
    except Refused as refused:
        sys.exit(refused.detail)
    except Outage as error:
        sys.exit(str(error))
    for line in lines:
        print(line)


if __name__ == "__main__":
    main()
