"""Who is asking: browser sessions and personal API tokens."""

from libs.common.errors import Refused, not_found
from libs.common.ids import new_id
from libs.common.log import get_logger
from libs.common.questions import (
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
from services.auth.credentials import fingerprint, new_api_token
from services.auth.dependencies import Auth
from services.auth.store import sessions, users


async def who_is(auth: Auth, question: WhoIs) -> User:
    """The user of a session or an API token. Refused: `unauthenticated` (401)."""
    user = None
    async with auth.db.acquire() as db:
        if question.token:
            user = await sessions.get_user_of_token(db, fingerprint(question.token))
        elif question.session:
            user = await sessions.get_user_of_session(db, fingerprint(question.session))
    if user is None:
        raise Refused(401, "unauthenticated", "This session or API token is not valid (any more). Sign in again.")
    return user


async def sign_out(auth: Auth, question: SignOut) -> Done:
    """End one session; one that is not known is over already."""
    async with auth.db.acquire() as db:
        await sessions.delete_session(db, fingerprint(question.session))
    return Done()


async def create_api_token(auth: Auth, question: CreateApiToken) -> ApiToken:
    """A new token with its secret, shown this once. Refused: `invalid_name` (422), `too_many_tokens` (409)."""
    name = domain.api_token_name(question.name)
    secret = new_api_token()
    async with auth.db.acquire() as db, db.transaction():
        if not await users.lock_user(db, question.user_id):
            raise not_found("user")
        if len(await sessions.list_api_tokens(db, question.user_id)) >= domain.API_TOKENS_PER_USER:
            raise Refused(
                409,
                "too_many_tokens",
                f"You have {domain.API_TOKENS_PER_USER} API tokens. Delete one that you don't use.",
            )
        created = await sessions.insert_api_token(db, new_id(), question.user_id, fingerprint(secret), name)
    get_logger().info("api_token_created", user=question.user_id, token=created.id)
    return created.model_copy(update={"secret": secret})


async def list_api_tokens(auth: Auth, question: ListApiTokens) -> ApiTokens:
    async with auth.db.acquire() as db:
        return ApiTokens(items=await sessions.list_api_tokens(db, question.user_id))


async def delete_api_token(auth: Auth, question: DeleteApiToken) -> Done:
    async with auth.db.acquire() as db:
        if not await sessions.delete_api_token(db, question.user_id, question.token_id):
            raise not_found("API token")
    get_logger().info("api_token_deleted", user=question.user_id, token=question.token_id)
    return Done()
