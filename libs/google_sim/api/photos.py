"""The photos of contacts, where Google has them on a host of its own (lh3.googleusercontent.com): for anybody who has the URL."""

from urllib.parse import urlsplit

from aiohttp import web

from libs.google_sim.people.portraits import portrait
from libs.google_sim.world import World

PREFIX = "/contacts/"


def is_photo(method: str, raw_path: str) -> bool:
    return method == "GET" and raw_path.startswith(PREFIX)


async def photo(world: World, request: web.BaseRequest) -> web.Response:
    """The photo under this path, where some contact's photo has it."""
    path = request.rel_url.raw_path
    for account in world.accounts.values():
        for person in account.people.present():
            photos = person.get("photos")
            for entry in photos if isinstance(photos, list) else []:
                if isinstance(entry, dict) and urlsplit(str(entry.get("url"))).path == path:
                    return web.Response(body=portrait(path), content_type="image/png")
    return web.Response(status=404, text="Not found")
