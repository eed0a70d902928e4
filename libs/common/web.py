"""The HTTP face that every service has: liveness, readiness, metrics; and the server that carries it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from libs.common.log import error_text, get_logger

Check = Callable[[], Awaitable[object]]
CHECK_TIMEOUT_SECONDS = 3.0


def health_routes(checks: Mapping[str, Check]) -> list[web.RouteDef]:
    """`/health/live` (the process answers), `/health/ready` (each named check passes, else 503), `/metrics`."""

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(_: web.Request) -> web.Response:
        states = dict(zip(checks, await asyncio.gather(*map(_state, checks.values())), strict=True))
        status = 200 if all(state == "ok" for state in states.values()) else 503
        return web.json_response({"status": "ok" if status == 200 else "unavailable", "checks": states}, status=status)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [web.get("/health/live", live), web.get("/health/ready", ready), web.get("/metrics", metrics)]


async def _state(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check()
    except Exception as error:
        # The kind of failure is enough here; messages of drivers can hold addresses of servers.
        get_logger().warning("check_failed", error=error_text(error))
        return type(error).__name__
    return "ok"


async def serve(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Serve `app`; `port` 0 takes a free one. The caller cleans the runner up."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner


def port_of(runner: web.AppRunner) -> int:
    """The port that a runner listens on."""
    port: int = runner.addresses[0][1]
    return port
