"""Personal API tokens: creating, listing and deleting them."""

from libs.common.errors import not_found
from libs.common.log import get_logger
from libs.common.requests import ApiToken, ApiTokens, CreateApiToken, DeleteApiToken, Done, ListApiTokens
from services.auth.context import Context
from services.auth.store import api_tokens
from services.auth.token_creation import create_token


async def create_api_token(context: Context, command: CreateApiToken) -> ApiToken:
    """A new token with its secret, shown this once. Refused: `invalid_name` (422), `too_many_tokens` (409)."""
    return await create_token(context.db, command)


async def list_api_tokens(context: Context, query: ListApiTokens) -> ApiTokens:
    async with context.db.acquire() as connection:
        return ApiTokens(items=await api_tokens.list_api_tokens(connection, query.user_id))


async def delete_api_token(context: Context, command: DeleteApiToken) -> Done:
    async with context.db.acquire() as connection:
        if not await api_tokens.delete_api_token(connection, command.user_id, command.token_id):
            raise not_found("API token")
    get_logger().info("api_token_deleted", user=command.user_id, token=command.token_id)
    return Done()
