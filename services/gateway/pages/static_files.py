"""Serving the static files."""

from aiohttp import web

from services.gateway.context import Context

FOR_EVER = "public, max-age=31536000, immutable"
A_DAY = "public, max-age=86400"


def static_routes(context: Context) -> list[web.RouteDef]:
    async def serve_file(request: web.Request) -> web.Response:
        return _response(request.match_info["name"], FOR_EVER)

    async def favicon(_: web.Request) -> web.Response:
        return _response("icon.svg", A_DAY)

    def _response(name: str, cache_control: str) -> web.Response:
        file = context.pages.files.get(name)
        if file is None:
            raise web.HTTPNotFound
        headers = {"Cache-Control": cache_control}
        return web.Response(body=file.content, content_type=file.content_type, headers=headers)

    return [web.get(context.pages.static_path + "{name}", serve_file), web.get("/favicon.ico", favicon)]
