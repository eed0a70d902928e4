"""A new API token, for whoever may make it: somebody who is signed in, or the operator at the command line."""

from libs.common.db import Pool
from libs.common.errors import Refused, not_found
from libs.common.idempotency import creation_id
from libs.common.log import get_logger
from libs.common.requests import ApiToken, CreateApiToken
from services.auth.credentials import fingerprint, new_api_token
from services.auth.domain.api_tokens import TOKENS_PER_USER, api_token_name
from services.auth.store import api_tokens, users


async def create_token(db: Pool, command: CreateApiToken) -> ApiToken:
    """A new token with its secret, shown this once. Refused: `invalid_name` (422), `too_many_tokens` (409), `not_found` (404)."""
    named = command.model_copy(update={"name": api_token_name(command.name)})
    secret = new_api_token()
    async with db.acquire() as connection, connection.transaction():
        if not await users.lock_user(connection, command.user_id):
            raise not_found("user")
        token_id = creation_id()
        others = [t for t in await api_tokens.list_api_tokens(connection, command.user_id) if t.id != token_id]
        if len(others) >= TOKENS_PER_USER:
            raise Refused(
                409, "too_many_tokens", f"You have {TOKENS_PER_USER} API tokens. Delete one that you don't use."
            )
        created = await api_tokens.upsert_api_token(connection, token_id, fingerprint(secret), named)
    get_logger().info("api_token_created", user=command.user_id, token=created.id, scopes=list(created.scopes))
    return created.model_copy(update={"secret": secret})
