"""Exports that are made in the background."""

import asyncio
from uuid import UUID

from aiohttp import web

from libs.common.errors import Refused, not_found
from libs.common.ids import UserId, new_id
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.context import Context
from services.gateway.domain.exports import Export
from services.gateway.store import exports

TAG = "Me"
WRITE_SECONDS = 60.0


async def begin_making(context: Context, user_id: UserId) -> Export:
    """A new export, in the place of the last one. Refused: `export_running` (409)."""
    async with context.db.acquire() as connection, connection.transaction():
        export = await exports.insert_export(connection, user_id, new_id())
    if export is None:
        raise Refused(409, "export_running", "An export of yours is being made already. You are told when it is done.")
    return export


@endpoint(
    "POST",
    "/me/export",
    tag=TAG,
    scope="account",
    status=202,
    errors={409: "An export is being made already; one at a time."},
)
async def start_export(call: Call) -> Export:
    """Make an archive of everything.

    In the background; `GET /me/export/{export_id}` shows how far it is, a notification tells when it is done. The archive is kept for
    24 hours, or until the next one. README.txt in it describes its files: JSON, CSV, vCard and iCalendar.
    """
    return await begin_making(call.context, call.user_id)


@endpoint("GET", "/me/export/{export_id}", tag=TAG, scope="account")
async def show_export(call: Call, export_id: UUID) -> Export:
    """Show how far an export is."""
    export = await exports.get_export(call.context.db, call.user_id, export_id)
    if export is None:
        raise not_found("export")
    return export


@endpoint(
    "GET",
    "/me/export/{export_id}/archive",
    tag=TAG,
    scope="account",
    media_type="application/zip",
    errors={409: "The export is not done, or has failed."},
)
async def download_export(call: Call, export_id: UUID) -> web.StreamResponse:
    """Download the archive of an export that is done."""
    export = await exports.get_export(call.context.db, call.user_id, export_id)
    if export is None:
        raise not_found("export")
    if export.state != "done":
        raise Refused(
            409, "export_not_done", export.problem or "This export is still being made. Wait until it is done."
        )
    name = f"pingcrm-{export.created_at:%Y-%m-%d}.zip"
    headers = {"Content-Type": "application/zip", "Content-Disposition": f'attachment; filename="{name}"'}
    response = web.StreamResponse(headers=headers)
    response.content_length = export.bytes
    await response.prepare(call.http_request)
    if call.is_head:
        return response
    number = sent = 0
    # A piece at a time. Where the archive goes meanwhile, the connection ends before the length that was announced.
    while sent < export.bytes and (data := await exports.get_piece(call.context.db, call.user_id, export_id, number)):
        async with asyncio.timeout(WRITE_SECONDS):
            await response.write(data)
        number, sent = number + 1, sent + len(data)
    if sent < export.bytes and call.http_request.transport:
        call.http_request.transport.abort()
    return response


ENDPOINTS = (start_export, show_export, download_export)
