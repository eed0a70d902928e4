"""What surrounds every request: a trace, a line in the log and a measurement; and every error as a response."""

import asyncio
from collections.abc import Mapping
from time import perf_counter

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import Histogram

from libs.common import cache, db
from libs.common.errors import Outage, Refused
from libs.common.log import current_trace, describe_span, get_logger, traced
from services.gateway.context import Context
from services.gateway.domain import problems
from services.gateway.domain.problems import ErrorResponse, InvalidInput
from services.gateway.sessions.cookies import renew_session

QUIET = frozenset({"/health/live", "/health/ready"})
TRACE = web.RequestKey("trace", str)
SECONDS = Histogram("pingcrm_http_request_seconds", "Time to answer a request", ["method", "route", "status"])
OUTAGES = (*db.OUTAGES, *cache.OUTAGES)
COMPRESSED = frozenset(
    {"text/html", "text/css", "text/javascript", "image/svg+xml", "application/json", "application/problem+json"}
)
WORTH_IT_BYTES = 1_000
BODY_SECONDS = 30.0
FETCH_SITE = "Sec-Fetch-Site"


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A trace id for everything that this request causes, a line in the log, a measurement. Neither address nor query string."""
    started = perf_counter()
    resource = request.match_info.route.resource
    template = resource.canonical if resource else "unknown"
    status = 499  # what proxies log for a client that left before the response
    with traced("", span=f"{request.method} {template}"):
        request[TRACE] = current_trace()
        try:
            response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as redirect:
            status = redirect.status
            raise
        finally:
            seconds = perf_counter() - started
            SECONDS.labels(request.method, template, status).observe(seconds)
            describe_span(status=status)
            if template not in QUIET:
                get_logger().info(
                    "request", method=request.method, route=template, status=status, ms=round(seconds * 1000, 1)
                )


@web.middleware
async def compress(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Texts of some length go over the wire compressed, where the client takes that.

    Not what trickles in over time: each piece of a live stream has to leave at once. Nor what another site leads to: what a page has in
    common with what a stranger put into its address could be guessed from its compressed length, by whoever can watch the wire (BREACH).
    """
    response = await handler(request)
    if not isinstance(response, web.Response) or response.content_type not in COMPRESSED:
        return response
    response.headers[hdrs.VARY] = f"{hdrs.ACCEPT_ENCODING}, {FETCH_SITE}"
    body = response.body or b""
    is_from_elsewhere = request.headers.get(FETCH_SITE) == "cross-site"
    if isinstance(body, bytes) and len(body) >= WORTH_IT_BYTES and _takes_gzip(request) and not is_from_elsewhere:
        response.enable_compression(web.ContentCoding.gzip)
    return response


def _takes_gzip(request: web.Request) -> bool:
    """Whether gzip is among the encodings that the client names, and not refused with `q=0`."""
    for named in request.headers.get(hdrs.ACCEPT_ENCODING, "").split(","):
        coding, _, weight = named.replace(" ", "").lower().partition(";")
        if coding == "gzip":
            return weight.removeprefix("q=").strip("0.") != "" or not weight
    return False


def respond_to_errors(context: Context) -> Middleware:
    """Every error as problem details; for somebody who looks at pages, as a page."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
            renew_session(request, response, context.settings)
            return response
        except Exception as error:
            if _is_for_the_server(error):
                raise
            failure = explain(error)
        return _page(context, failure) if _wants_page(request) else problem_response(failure)

    return middleware


@web.middleware
async def limit_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A body that announces too much is refused unread, and one that trickles in is waited for a while only, however far its reader is.

    What is too large without having said so, or once it is unpacked, its reader finds.
    """
    if (request.content_length or 0) > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(request.client_max_size, request.content_length or 0)
    if request.content.is_eof():
        return await handler(request)
    late = asyncio.get_running_loop().call_later(BODY_SECONDS, _give_up, request)
    try:
        return await handler(request)
    finally:
        late.cancel()


def _give_up(request: web.Request) -> None:
    """Whoever reads the body, now or later, is refused it, and the connection ends with the response. Nothing where it is all there.

    The handler is not cancelled: what it waits for just now may be something else, and libraries swallow cancellations.
    """
    if not request.content.is_eof():
        request.content.set_exception(web.HTTPRequestTimeout())
        request.content.feed_eof()
        request.protocol.close()


def _is_for_the_server(error: Exception) -> bool:
    """Redirects, and a connection that is gone: there is nobody to respond to."""
    if isinstance(error, web.HTTPException):
        return error.status < 400
    return isinstance(error, ConnectionError) and not isinstance(error, OUTAGES)


def explain(error: Exception) -> ErrorResponse:
    """What the client gets of an error; what it does not get is logged."""
    match error:
        case web.HTTPException():
            return problems.of_http(error.status, error.headers.get("Allow"))
        case Refused():
            return problems.of_refusal(error)
        case InvalidInput():
            return problems.of_input(error)
        case Outage():
            get_logger().warning("upstream_unavailable", error=str(error))
            return problems.of_outage(error)
    if isinstance(error, OUTAGES):
        get_logger().warning("upstream_unavailable", error=type(error).__name__)
        return problems.of_outage(Outage("database or Redis"))
    get_logger().exception("request_failed")
    return problems.of_bug(current_trace())


def problem_response(failure: ErrorResponse) -> web.Response:
    return web.Response(
        body=orjson.dumps(failure.problem, default=str),
        status=failure.status,
        headers=failure.headers,
        content_type=problems.MEDIA_TYPE,
    )


def respond_to_unreadable(headers: Mapping[str, str], status: int) -> web.Response:
    """The response to what never became a request: it has passed no middleware."""
    with traced("", span="unreadable"):
        response = problem_response(problems.of_http(status, None))
        response.headers.update(
            {**headers, "Trace-Id": current_trace(), "Cache-Control": "no-store", "Server": "PingCRM"}
        )
        SECONDS.labels("unknown", "unreadable", status).observe(0)
        get_logger().info("request", method="unknown", route="unreadable", status=status, ms=0.0)
    return response


def _page(context: Context, failure: ErrorResponse) -> web.Response:
    words = problems.page_text(failure.status)
    page = context.pages.error_page(
        failure.status, words.heading, failure.page_detail, advice=words.advice, trace=current_trace(), link=words.link
    )
    for name in ("Allow", "Retry-After"):
        if name in failure.headers:
            page.headers[name] = failure.headers[name]
    return page


def _wants_page(request: web.Request) -> bool:
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")
