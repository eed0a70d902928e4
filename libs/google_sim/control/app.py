"""The control API as an application. JSON, on a port of its own."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from libs.google_sim.control import access, calendar, faults, mail, oracle, people, pubsub
from libs.google_sim.control.requests import WORLD, json_response
from libs.google_sim.world import World

_MAX_BODY = 256 * 1024 * 1024
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def control_app(world: World) -> web.Application:
    """The control API of a world. Mistakes are 400, what does not exist is 404, both `{"error": sentence}`."""
    app = web.Application(middlewares=[_error_responses], client_max_size=_MAX_BODY)
    app[WORLD] = world
    app[mail.SCHEDULED] = set()
    app.on_cleanup.append(mail.cancel_scheduled)
    for module in (mail, calendar, people, access, faults, pubsub, oracle):
        app.add_routes(module.ROUTES)
    return app


@web.middleware
async def _error_responses(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except KeyError as error:
        return json_response({"error": f"There is no {error.args[0]}."}, 404)
    except ValueError as error:
        return json_response({"error": str(error)}, 400)
