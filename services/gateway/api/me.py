"""The user: who I am, everything as one archive, and the end of it all."""

import asyncio
from contextlib import aclosing
from functools import partial
from typing import Literal, NoReturn

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from libs.common.errors import Outage
from libs.common.log import error_text, get_logger
from libs.common.requests import TOKEN_SCOPES, CountContacts, Counts, DeleteUser, TokenScope, User
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.export import begin_export
from services.gateway.limits.exports import only_export
from services.gateway.sessions.cookies import forget_session
from services.gateway.sessions.ending import end_all_sessions
from services.gateway.store.notifications import count_unread

TAG = "Me"
DELETE_SECONDS = 60.0
WRITE_SECONDS = 60.0  # for a piece of the export: who reads nothing for so long does not read any more
EXPORT_HEADERS = {
    "Content-Type": "application/zip",
    "Content-Disposition": 'attachment; filename="pingcrm-export.zip"',
}


class Me(User):
    scopes: tuple[TokenScope, ...] | None = Field(
        description="What the API token may do; null in a session, which may do everything."
    )
    counts: Counts | None = Field(description="How much there is; null while that is not known.")
    unread_notifications: int


@endpoint("GET", "/me", tag=TAG, scope="read")
async def show_me(call: Call) -> Me:
    """Show who I am."""
    counts, unread = await asyncio.gather(_fetch_counts(call), count_unread(call.context.db, call.user_id))
    who = {name: getattr(call.user, name) for name in User.model_fields}
    scopes = None if call.caller.session else tuple(scope for scope in TOKEN_SCOPES if scope in call.caller.scopes)
    return Me(**who, scopes=scopes, counts=counts, unread_notifications=unread)


async def _fetch_counts(call: Call) -> Counts | None:
    """Who I am does not depend on the contacts service being up."""
    try:
        return await call.request(CountContacts(user_id=call.user_id))
    except Outage:
        return None


@endpoint(
    "GET",
    "/me/export",
    tag=TAG,
    scope="account",
    media_type="application/zip",
    errors={409: "Another export of this user is being made; one at a time."},
)
async def export_me(call: Call) -> web.StreamResponse:
    """Download everything as one zip archive.

    contacts.jsonl, interactions.jsonl, meetings.jsonl and notifications.jsonl (one JSON object a line), accounts.json and settings.json.
    It is sent while it is made; where that fails, the connection breaks off, and what has arrived is no archive.
    """
    if call.is_head:
        return web.Response(headers=EXPORT_HEADERS)
    async with (
        only_export(call.context, call.user_id),
        aclosing(await begin_export(call.context, call.user_id)) as archive,
    ):
        response = web.StreamResponse(headers=EXPORT_HEADERS)
        await response.prepare(call.http_request)
        try:
            async for piece in archive:
                async with asyncio.timeout(WRITE_SECONDS):
                    await response.write(piece)
        except Exception as error:
            _cut_off(call.http_request, error)
    return response


@endpoint("POST", "/me/sign-out-everywhere", tag=TAG, scope="account", status=204)
async def sign_out_everywhere(call: Call) -> None:
    """Sign out everywhere.

    Every session of mine ends, in all browsers, with its live updates. API tokens stay: delete those that you don't know.
    """
    await end_all_sessions(call.context, call.user_id)
    call.finish.append(partial(forget_session, settings=call.context.settings))


def _cut_off(request: web.Request, error: Exception) -> NoReturn:
    """End the connection in the middle of the response: what has arrived must not pass for the whole. ConnectionResetError, always."""
    get_logger().warning("export_cut_off", error=error_text(error))
    if request.transport:
        request.transport.abort()
    raise ConnectionResetError("The export was cut off.") from error


class DeleteMe(BaseModel):
    model_config = ConfigDict(extra="forbid")

    confirm: Literal[True] = Field(description="Must be true: there is no way back.")


@endpoint("DELETE", "/me", tag=TAG, scope="session", status=204)
async def delete_me(call: Call, body: DeleteMe) -> None:
    """Delete my account and everything in it.

    All Google accounts are disconnected, everything that was imported or written is removed, sessions and tokens end.
    """
    await call.request(DeleteUser(user_id=call.user_id), seconds=DELETE_SECONDS)
    call.finish.append(partial(forget_session, settings=call.context.settings))


ENDPOINTS = (show_me, export_me, sign_out_everywhere, delete_me)
