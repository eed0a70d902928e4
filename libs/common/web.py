"""The HTTP face that every service has: liveness, readiness; metrics, apart; and the server that carries them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.web_protocol import RequestHandler
from prometheus_client import CONTENT_TYPE_LATEST

from libs.common.log import error_text, get_logger
from libs.common.measuring import exposition
from libs.common.requests import Sample

Check = Callable[[], Awaitable[object]]
CHECK_TIMEOUT_SECONDS = 3.0
# Whoever connects and sends no whole request within this is a stranger to HTTP, or wants to use up our connections.
FIRST_REQUEST_SECONDS = 20.0
# Longer than proxies keep idle connections, so that they close them and not we, in the moment of the next request.
IDLE_SECONDS = 150.0
Unreadable = Callable[[int], web.Response]


def health_routes(checks: Mapping[str, Check]) -> list[web.RouteDef]:
    """`/health/live` (the process answers), `/health/ready` (each named check passes, else 503)."""

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(_: web.Request) -> web.Response:
        states = dict(zip(checks, await asyncio.gather(*map(_state, checks.values())), strict=True))
        status = 200 if all(state == "ok" for state in states.values()) else 503
        return web.json_response({"status": "ok" if status == 200 else "unavailable", "checks": states}, status=status)

    return [web.get("/health/live", live), web.get("/health/ready", ready)]


def metrics_route(take: Callable[[], Awaitable[Iterable[Sample]]]) -> web.RouteDef:
    """`/metrics` for Prometheus: what is counted, and what `take` measures. It has no login: for the port of health alone."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=exposition(await take()), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return web.get("/metrics", metrics)


async def _state(check: Check) -> str:
    """Known in time, whatever the check does: a driver whose server does not reply takes as long to give up a call as the call would."""
    checking = asyncio.ensure_future(check())
    try:
        await asyncio.wait({checking}, timeout=CHECK_TIMEOUT_SECONDS)
        if not checking.done():
            raise TimeoutError
        await checking
    except Exception as error:
        # The kind of failure is enough here; messages of drivers can hold addresses of servers.
        get_logger().warning("check_failed", error=error_text(error))
        return type(error).__name__
    finally:
        if not checking.done():
            _give_up(checking)
    return "ok"


_given_up: set["asyncio.Future[object]"] = set()


def _give_up(checking: "asyncio.Future[object]") -> None:
    """Let it end by itself; what comes of it is of no interest any more."""
    _given_up.add(checking)
    checking.add_done_callback(_forget)
    checking.cancel()


def _forget(checking: "asyncio.Future[object]") -> None:
    _given_up.discard(checking)
    if not checking.cancelled():
        checking.exception()


class _Connection(RequestHandler):
    """A connection on which a request that can't be read gets a response like any other, and no line with a traceback."""

    def __init__(self, manager: web.Server, *, respond: Unreadable, **options: Any) -> None:
        super().__init__(manager, **options)
        self._respond = respond

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._patience = self._loop.call_later(FIRST_REQUEST_SECONDS, self._end_without_request)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._patience.cancel()
        super().connection_lost(exc)

    def _end_without_request(self) -> None:
        """A line at a time, or nothing at all: aiohttp itself would wait for the head of a request as long as for an idle connection."""
        if self._request_count == 0:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status >= 500 or request.writer.output_size:
            return super().handle_error(request, status, exc, message)
        response = self._respond(unreadable_status(exc, status))
        response.force_close()
        return response


class _Server(web.Server):
    """aiohttp's server of an application, with connections of ours."""

    _respond: Unreadable

    @classmethod
    def of(cls, server: web.Server, respond: Unreadable) -> "_Server":
        made = cls(server.request_handler, request_factory=server.request_factory, **server._kwargs)
        made._respond = respond
        return made

    def __call__(self) -> RequestHandler:
        return _Connection(self, respond=self._respond, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    """Serves an application; `respond` responds to what can't be read as a request."""

    def __init__(self, app: web.Application, respond: Unreadable, **options: Any) -> None:
        super().__init__(app, **options)
        self._unreadable = respond

    async def _make_server(self) -> web.Server:
        return _Server.of(await super()._make_server(), self._unreadable)


def unreadable_status(error: BaseException | None, status: int) -> int:
    """414 for a URL that is too long, 431 for a header or too many of them; else as the parser has it."""
    if isinstance(error, BadHttpMessage) and error.message == "Too many headers received":
        return 431
    if not isinstance(error, LineTooLong):
        return status
    line = error.args[0]
    text = line.encode() if isinstance(line, str) else bytes(line)
    return 414 if text.startswith(b"/") else 431  # the parser gives the target of the request, or the header's value


def _plain(status: int) -> web.Response:
    return web.Response(status=status)


async def serve(app: web.Application, host: str, port: int, respond: Unreadable = _plain) -> web.AppRunner:
    """Serve `app`; `port` 0 takes a free one. `respond`: the response to what is no request, by status. The caller cleans the runner up."""
    runner = _Runner(app, respond, access_log=None, shutdown_timeout=5, keepalive_timeout=IDLE_SECONDS)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner


def port_of(runner: web.AppRunner) -> int:
    """The port that a runner listens on."""
    port: int = runner.addresses[0][1]
    return port
