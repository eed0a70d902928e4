"""The gateway's web application: its routes, and the headers of every response."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web

from libs.common.config import Settings
from libs.common.db import check_writable
from libs.common.errors import Outage
from libs.common.web import health_routes, serve
from services.gateway.api import ENDPOINTS
from services.gateway.api.calendar_push import calendar_push_routes
from services.gateway.api.google_push import google_push_routes
from services.gateway.api.serving import route
from services.gateway.assistants.authorization import authorization_routes
from services.gateway.assistants.routes import assistants_routes
from services.gateway.context import Context
from services.gateway.domain.sessions import is_https
from services.gateway.middlewares import (
    TRACE,
    compress,
    limit_bodies,
    observe,
    respond_to_errors,
    respond_to_unreadable,
)
from services.gateway.pages.accounts import accounts_routes
from services.gateway.pages.assistants import assistants_pages
from services.gateway.pages.calendars import calendars_routes
from services.gateway.pages.contact import contact_routes
from services.gateway.pages.contacts import contacts_routes
from services.gateway.pages.do_not_record import do_not_record_routes
from services.gateway.pages.docs import docs_routes
from services.gateway.pages.duplicates import duplicates_routes
from services.gateway.pages.exports import exports_routes
from services.gateway.pages.home import home_routes
from services.gateway.pages.leaving import leaving_routes
from services.gateway.pages.live_frame import live_frame_routes
from services.gateway.pages.meeting import meeting_routes
from services.gateway.pages.meetings import meetings_routes
from services.gateway.pages.model_calls import model_calls_routes
from services.gateway.pages.notifications import notifications_routes
from services.gateway.pages.operations import operations_routes
from services.gateway.pages.photo import photo_routes
from services.gateway.pages.programs import programs_routes
from services.gateway.pages.settings import settings_routes
from services.gateway.pages.sign_in import sign_in_routes
from services.gateway.pages.static_files import static_routes
from services.gateway.pages.why import why_routes

MAX_BODY_BYTES = 1024 * 1024
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

# For two years, renewed with every response. Not for hosts below this one: they are not ours to decide about.
STRICT_TRANSPORT = {"Strict-Transport-Security": "max-age=63072000"}


def build_app(context: Context) -> web.Application:
    """The whole application; of `context` only the settings are used before the first request."""
    middlewares = [observe, compress, respond_to_errors(context), limit_bodies]
    app = web.Application(middlewares=middlewares, client_max_size=MAX_BODY_BYTES)
    app.add_routes(
        [
            *health_routes(
                {
                    "db": partial(check_writable, context.db),
                    "bus": context.bus.ping,
                    "cache": context.cache.ping,
                }
            ),
            *(route(endpoint, context) for endpoint in ENDPOINTS),
            *assistants_routes(context),
            *authorization_routes(context),
            *google_push_routes(context),
            *calendar_push_routes(context),
            *docs_routes(context),
            *sign_in_routes(context),
            *home_routes(context),
            *live_frame_routes(context),
            *contacts_routes(context),
            *duplicates_routes(context),
            *contact_routes(context),
            *photo_routes(context),
            *meetings_routes(context),
            *model_calls_routes(context),
            *meeting_routes(context),
            *notifications_routes(context),
            *operations_routes(context),
            *settings_routes(context),
            *calendars_routes(context),
            *accounts_routes(context),
            *do_not_record_routes(context),
            *programs_routes(context),
            *assistants_pages(context),
            *exports_routes(context),
            *leaving_routes(context),
            *static_routes(context),
            *why_routes(context),
        ]
    )

    headers = response_headers(context.settings)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in headers.items():
            response.headers.setdefault(name, value)  # the frame of a brief has a stricter policy of its own
        response.headers["Trace-Id"] = request[TRACE]
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.popall("Server", None)

    async def close_streams(_: web.Application) -> None:
        context.hub.close()

    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(close_streams)
    return app


def response_headers(settings: Settings) -> dict[str, str]:
    """The headers of every response that has no others of the same name."""
    return {**SECURITY_HEADERS, **(STRICT_TRANSPORT if is_https(settings.base_url) else {})}


@asynccontextmanager
async def serve_app(context: Context) -> AsyncIterator[None]:
    """The application, served on the port for as long as the context lasts. Outage: somebody else listens there."""
    host, port = context.settings.host, context.settings.port
    try:
        runner = await serve(
            build_app(context), host, port, partial(respond_to_unreadable, response_headers(context.settings))
        )
    except OSError as error:
        raise Outage(
            f"Can't listen on {host}:{port}: {error.strerror}. PINGCRM_HOST must be an address of this machine, PINGCRM_PORT a free port."
        ) from error
    try:
        yield
    finally:
        await runner.cleanup()
