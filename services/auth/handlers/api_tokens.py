"""Personal API tokens: creating, listing and deleting them."""

from libs.common.errors import Refused, not_found
from libs.common.idempotency import creation_id
from libs.common.log import get_logger
from libs.common.requests import ApiToken, ApiTokens, CreateApiToken, DeleteApiToken, Done, ListApiTokens
from services.auth.context import Context
from services.auth.credentials import fingerprint, new_api_token
from services.auth.domain.api_tokens import TOKENS_PER_USER, api_token_name
from services.auth.store import api_tokens, users


async def create_api_token(context: Context, command: CreateApiToken) -> ApiToken:
    """A new token with its secret, shown this once. Refused: `invalid_name` (422), `too_many_tokens` (409)."""
    name = api_token_name(command.name)
    secret = new_api_token()
    async with context.db.acquire() as connection, connection.transaction():
        if not await users.lock_user(connection, command.user_id):
            raise not_found("user")
        token_id = creation_id()
        others = [t for t in await api_tokens.list_api_tokens(connection, command.user_id) if t.id != token_id]
        if len(others) >= TOKENS_PER_USER:
            raise Refused(
                409, "too_many_tokens", f"You have {TOKENS_PER_USER} API tokens. Delete one that you don't use."
            )
        created = await api_tokens.upsert_api_token(connection, token_id, command.user_id, fingerprint(secret), name)
    get_logger().info("api_token_created", user=command.user_id, token=created.id)
    return created.model_copy(update={"secret": secret})


async def list_api_tokens(context: Context, query: ListApiTokens) -> ApiTokens:
    async with context.db.acquire() as connection:
        return ApiTokens(items=await api_tokens.list_api_tokens(connection, query.user_id))


async def delete_api_token(context: Context, command: DeleteApiToken) -> Done:
    async with context.db.acquire() as connection:
        if not await api_tokens.delete_api_token(connection, command.user_id, command.token_id):
            raise not_found("API token")
    get_logger().info("api_token_deleted", user=command.user_id, token=command.token_id)
    return Done()
