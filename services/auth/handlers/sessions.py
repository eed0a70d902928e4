"""Who a browser session or a personal API token belongs to, and the end of a session."""

from libs.common.errors import Refused
from libs.common.requests import Done, SignOut, User, WhoIs
from services.auth.context import Context
from services.auth.credentials import fingerprint
from services.auth.store import api_tokens, sessions


async def authenticate(context: Context, query: WhoIs) -> User:
    """The user of a session or an API token. Refused: `unauthenticated` (401)."""
    user = None
    async with context.db.acquire() as connection:
        if query.token:
            user = await api_tokens.get_user_of_token(connection, fingerprint(query.token))
        elif query.session:
            user = await sessions.get_user_of_session(connection, fingerprint(query.session))
    if user is None:
        raise Refused(401, "unauthenticated", "This session or API token is not valid (any more). Sign in again.")
    return user


async def sign_out(context: Context, command: SignOut) -> Done:
    """End one session; one that is not known is over already."""
    async with context.db.acquire() as connection:
        await sessions.delete_session(connection, fingerprint(command.session))
    return Done()
