"""Mail that waits on the user."""

from pydantic import BaseModel

from libs.common.ids import InteractionId
from libs.common.requests import DismissWaiting, ListWaiting, RestoreWaiting, WaitingMail
from services.gateway.api.endpoint import Call, endpoint

TAG = "Waiting on you"


class WaitingList(BaseModel):
    items: list[WaitingMail]
    next_cursor: str | None = None


@endpoint("GET", "/waiting", tag=TAG, scope="read")
async def list_waiting(call: Call) -> WaitingList:
    """List the mail that waits on the user, newest first.

    At most five messages, each of another contact: somebody asked, and nobody has answered.
    """
    waiting = await call.request(ListWaiting(user_id=call.user_id))
    return WaitingList(items=list(waiting.items))


@endpoint("POST", "/waiting/{interaction_id}/dismiss", tag=TAG, scope="write", status=204)
async def dismiss_waiting(call: Call, interaction_id: InteractionId) -> None:
    """Dismiss a message that needs no answer. A later one of the same thread may wait again."""
    await call.request(DismissWaiting(user_id=call.user_id, interaction_id=interaction_id))


@endpoint("POST", "/waiting/{interaction_id}/restore", tag=TAG, scope="write", status=204)
async def restore_waiting(call: Call, interaction_id: InteractionId) -> None:
    """Take back that a message was dismissed. It waits again, unless it was answered or has grown too old."""
    await call.request(RestoreWaiting(user_id=call.user_id, interaction_id=interaction_id))


ENDPOINTS = (list_waiting, dismiss_waiting, restore_waiting)
