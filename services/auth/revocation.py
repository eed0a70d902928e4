"""Ending a grant at Google: an account's, or one that somebody gave for nothing."""

from libs.common.errors import Outage
from libs.common.google.oauth import Grant, InvalidGrant, Misconfigured
from libs.common.ids import AccountId
from libs.common.log import error_text, get_logger
from services.auth.context import Context
from services.auth.keyring import Undecryptable


async def revoke_grant(context: Context, account_id: AccountId, sealed: bytes | None) -> None:
    """Revoke the sealed refresh token if that can be done now. What fails is logged and stops nobody from leaving."""
    if sealed is None:
        return
    try:
        await context.oauth.revoke(context.keyring.open(sealed, account_id, "refresh"))
    except (Outage, InvalidGrant, Misconfigured, Undecryptable) as error:
        get_logger().warning("revoke_failed", account=account_id, error=error_text(error))


async def revoke_unused(context: Context, grant: Grant) -> bool:
    """Revoke a grant of which nothing was stored; false where Google could not be reached."""
    try:
        await context.oauth.revoke(grant.refresh_token or grant.access_token)
    except (Outage, InvalidGrant, Misconfigured) as error:
        get_logger().warning("revoke_failed", error=error_text(error))
        return False
    return True
