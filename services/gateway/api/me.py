"""The user: who I am, everything as one archive, and the end of it all."""

import asyncio
from functools import partial
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from libs.common.errors import Outage
from libs.common.requests import CountContacts, Counts, DeleteUser, User
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.export import open_export
from services.gateway.limits.exports import only_export
from services.gateway.sessions.cookies import forget_session
from services.gateway.sessions.ending import end_all_sessions
from services.gateway.store.notifications import count_unread

TAG = "Me"
DELETE_SECONDS = 60.0
CHUNK = 256 * 1024


class Me(User):
    counts: Counts | None = Field(description="How much there is; null while that is not known.")
    unread_notifications: int


@endpoint("GET", "/me", tag=TAG)
async def show_me(call: Call) -> Me:
    """Show who I am."""
    counts, unread = await asyncio.gather(_fetch_counts(call), count_unread(call.context.db, call.user_id))
    return Me(**call.user.model_dump(), counts=counts, unread_notifications=unread)


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
    media_type="application/zip",
    errors={409: "Another export of this user is being made; one at a time."},
)
async def export_me(call: Call) -> web.StreamResponse:
    """Download everything as one zip archive.

    contacts.jsonl, interactions.jsonl, meetings.jsonl and notifications.jsonl (one JSON object a line), accounts.json and settings.json.
    """
    async with only_export(call.context, call.user_id), open_export(call.context, call.user_id) as file:
        response = web.StreamResponse(
            headers={
                "Content-Type": "application/zip",
                "Content-Disposition": 'attachment; filename="pingcrm-export.zip"',
                "Content-Length": str(file.seek(0, 2)),
            }
        )
        file.seek(0)
        await response.prepare(call.http_request)
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            await response.write(chunk)
    return response


@endpoint("POST", "/me/sign-out-everywhere", tag=TAG, status=204)
async def sign_out_everywhere(call: Call) -> None:
    """Sign out everywhere.

    Every session of mine ends, in all browsers, with its live updates. API tokens stay: delete those that you don't know.
    """
    await end_all_sessions(call.context, call.user_id)
    call.finish.append(partial(forget_session, settings=call.context.settings))


class DeleteMe(BaseModel):
    model_config = ConfigDict(extra="forbid")

    confirm: Literal[True] = Field(description="Must be true: there is no way back.")


@endpoint("DELETE", "/me", tag=TAG, status=204)
async def delete_me(call: Call, body: DeleteMe) -> None:
    """Delete my account and everything in it.

    All Google accounts are disconnected, everything that was imported or written is removed, sessions and tokens end.
    """
    await call.request(DeleteUser(user_id=call.user_id), seconds=DELETE_SECONDS)
    call.finish.append(partial(forget_session, settings=call.context.settings))


ENDPOINTS = (show_me, export_me, sign_out_everywhere, delete_me)
