"""Who a browser session or a personal API token belongs to, and the end of a session, or of all."""

from libs.common.errors import Refused
from libs.common.log import get_logger
from libs.common.requests import Authenticated, Done, SignOut, SignOutEverywhere, TokenScope, WhoIs
from services.auth.context import Context
from services.auth.credentials import fingerprint
from services.auth.domain.api_tokens import expired
from services.auth.store import api_tokens, sessions


async def authenticate(context: Context, query: WhoIs) -> Authenticated:
    """The user of a session or an API token, and what the token may do. Refused: `unauthenticated` (401)."""
    user, scopes = None, frozenset[TokenScope]()
    async with context.db.acquire() as connection:
        if query.token:
            token = await api_tokens.get_token(connection, fingerprint(query.token))
            if token and token.expired_at:
                raise expired(token.expired_at)
            if token:
                user, scopes = token.user, token.scopes
        elif query.session:
            user = await sessions.get_user_of_session(connection, fingerprint(query.session))
    if user is None:
        raise Refused(401, "unauthenticated", "This session or API token is not valid (any more). Sign in again.")
    return Authenticated(
        id=user.id,
        name=user.profile.name,
        address=user.profile.address,
        created_at=user.created_at,
        operator=context.sign_up.is_operator(user.profile, owner=user.owner),
        scopes=scopes,
    )


async def sign_out(context: Context, command: SignOut) -> Done:
    """End one session; one that is not known is over already."""
    async with context.db.acquire() as connection:
        await sessions.delete_session(connection, fingerprint(command.session))
    return Done()


async def sign_out_everywhere(context: Context, command: SignOutEverywhere) -> Done:
    """End every session of a user; API tokens stay."""
    async with context.db.acquire() as connection:
        count = await sessions.delete_sessions(connection, command.user_id)
    get_logger().info("signed_out_everywhere", user=command.user_id, sessions=count)
    return Done()
