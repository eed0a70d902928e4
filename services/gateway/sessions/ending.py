"""The end of all sessions of a user."""

from libs.common.ids import UserId
from libs.common.requests import SignOutEverywhere
from services.gateway.context import Context


async def end_all_sessions(context: Context, user_id: UserId) -> None:
    """In auth, and with them the live streams here; other replicas find out before their streams' next heartbeat."""
    await context.bus.request(SignOutEverywhere(user_id=user_id))
    context.hub.close_sessions(user_id)
