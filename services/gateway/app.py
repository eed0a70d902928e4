"""The gateway's web application: routes, and what surrounds every request."""

from time import perf_counter

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import Histogram

from libs.common import cache, db
from libs.common.errors import Outage, Refused
from libs.common.log import current_trace, get_logger, traced
from libs.common.web import health_routes
from services.gateway import problems
from services.gateway.api import ENDPOINTS
from services.gateway.api.hooks import hook_routes
from services.gateway.api.serving import route
from services.gateway.context import Context
from services.gateway.pages.docs import docs_routes
from services.gateway.pages.home import home_routes
from services.gateway.pages.meeting import meeting_routes
from services.gateway.pages.settings import settings_routes
from services.gateway.pages.sign_in import sign_in_routes
from services.gateway.pages.static_files import static_routes
from services.gateway.problems import InvalidInput
from services.gateway.session import renew_session

MAX_BODY_BYTES = 1024 * 1024
QUIET = frozenset({"/health/live", "/health/ready", "/metrics"})
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
TRACE = web.RequestKey("trace", str)
SECONDS = Histogram("pingcrm_http_request_seconds", "Time to answer a request", ["method", "route", "status"])


def build_app(context: Context) -> web.Application:
    """The whole application; `context` is not used before the first request."""
    app = web.Application(middlewares=[_observe, _answer_errors(context)], client_max_size=MAX_BODY_BYTES)
    app.add_routes(
        [
            *health_routes(
                {
                    "db": lambda: context.db.fetchval("SELECT 1"),
                    "bus": context.bus.ping,
                    "cache": context.cache.ping,
                }
            ),
            *(route(endpoint, context) for endpoint in ENDPOINTS),
            *hook_routes(context),
            *docs_routes(context),
            *sign_in_routes(context),
            *home_routes(context),
            *meeting_routes(context),
            *settings_routes(context),
            *static_routes(context),
        ]
    )

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(SECURITY_HEADERS)
        response.headers["Trace-Id"] = request[TRACE]
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.popall("Server", None)

    async def close_streams(_: web.Application) -> None:
        context.hub.close()

    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(close_streams)
    return app


@web.middleware
async def _observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A trace id for everything that this request causes, a line in the log, a measurement. Neither address nor query string."""
    started = perf_counter()
    resource = request.match_info.route.resource
    template = resource.canonical if resource else "unknown"
    status = 499  # what proxies log for a client that left before the answer
    with traced(""):
        request[TRACE] = current_trace()
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            seconds = perf_counter() - started
            SECONDS.labels(request.method, template, status).observe(seconds)
            if template not in QUIET:
                get_logger().info(
                    "request", method=request.method, route=template, status=status, ms=round(seconds * 1000, 1)
                )


def _answer_errors(context: Context) -> Middleware:
    """Every error as problem details; for somebody who looks at pages, as a page."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
            renew_session(request, response, context.settings)
            return response
        except web.HTTPException as error:
            if error.status < 400:
                raise
            response = problems.of_http(error)
            detail = (
                "There is nothing at this address." if error.status == 404 else "The request could not be understood."
            )
        except Refused as refused:
            response, detail = problems.of_refusal(refused), refused.detail
        except InvalidInput as invalid:
            response, detail = problems.of_input(invalid), "The request could not be understood."
        except Outage as outage:
            get_logger().warning("upstream_unavailable", error=str(outage))
            response = problems.of_outage(outage)
            detail = "A part of PingCRM does not answer right now. Try again in a moment."
        except (*db.OUTAGES, *cache.OUTAGES) as error:
            get_logger().warning("upstream_unavailable", error=type(error).__name__)
            response = problems.of_outage(Outage("database or Redis"))
            detail = "A part of PingCRM does not answer right now. Try again in a moment."
        except ConnectionError:
            raise  # the client is gone; there is nobody to tell
        except Exception:
            get_logger().exception("request_failed")
            detail = "Something went wrong here. It is in the log under the trace id."
            response = problems.problem(500, "internal", detail, {"trace": current_trace()})
        if not _wants_page(request):
            return response
        values = {
            "title": problems.title(response.status),
            "detail": detail,
            "href": "/",
            "label": "Go to the start page",
        }
        page = context.pages.page("error.html", values, status=response.status)
        for name in ("Allow", "Retry-After"):
            if name in response.headers:
                page.headers[name] = response.headers[name]
        return page

    return middleware


def _wants_page(request: web.Request) -> bool:
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")
