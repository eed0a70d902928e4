"""Who is asking: browser sessions and personal API tokens."""

from libs.common.errors import Refused, not_found
from libs.common.ids import new_id
from libs.common.log import get_logger
from libs.common.requests import (
    ApiToken,
    ApiTokens,
    CreateApiToken,
    DeleteApiToken,
    Done,
    ListApiTokens,
    SignOut,
    User,
    WhoIs,
)
from services.auth import domain
from services.auth.context import Context
from services.auth.credentials import fingerprint, new_api_token
from services.auth.store import sessions, users


async def who_is(context: Context, query: WhoIs) -> User:
    """The user of a session or an API token. Refused: `unauthenticated` (401)."""
    user = None
    async with context.db.acquire() as db:
        if query.token:
            user = await sessions.get_user_of_token(db, fingerprint(query.token))
        elif query.session:
            user = await sessions.get_user_of_session(db, fingerprint(query.session))
    if user is None:
        raise Refused(401, "unauthenticated", "This session or API token is not valid (any more). Sign in again.")
    return user


async def sign_out(context: Context, command: SignOut) -> Done:
    """End one session; one that is not known is over already."""
    async with context.db.acquire() as db:
        await sessions.delete_session(db, fingerprint(command.session))
    return Done()


async def create_api_token(context: Context, command: CreateApiToken) -> ApiToken:
    """A new token with its secret, shown this once. Refused: `invalid_name` (422), `too_many_tokens` (409)."""
    name = domain.api_token_name(command.name)
    secret = new_api_token()
    async with context.db.acquire() as db, db.transaction():
        if not await users.lock_user(db, command.user_id):
            raise not_found("user")
        if len(await sessions.list_api_tokens(db, command.user_id)) >= domain.API_TOKENS_PER_USER:
            raise Refused(
                409,
                "too_many_tokens",
                f"You have {domain.API_TOKENS_PER_USER} API tokens. Delete one that you don't use.",
            )
        created = await sessions.insert_api_token(db, new_id(), command.user_id, fingerprint(secret), name)
    get_logger().info("api_token_created", user=command.user_id, token=created.id)
    return created.model_copy(update={"secret": secret})


async def list_api_tokens(context: Context, query: ListApiTokens) -> ApiTokens:
    async with context.db.acquire() as db:
        return ApiTokens(items=await sessions.list_api_tokens(db, query.user_id))


async def delete_api_token(context: Context, command: DeleteApiToken) -> Done:
    async with context.db.acquire() as db:
        if not await sessions.delete_api_token(db, command.user_id, command.token_id):
            raise not_found("API token")
    get_logger().info("api_token_deleted", user=command.user_id, token=command.token_id)
    return Done()
