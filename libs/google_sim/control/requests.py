"""What the handlers of the control API share."""

from typing import Any, cast

import orjson
from aiohttp import web

from libs.google_sim.hosted_account import Account
from libs.google_sim.world import World

WORLD = web.AppKey("world", World)


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object that the request carries, {} for no body. Raises ValueError where it is something else."""
    raw = await request.read()
    value = orjson.loads(raw) if raw else {}
    if not isinstance(value, dict):
        raise ValueError("The body must be a JSON object.")
    return cast(dict[str, Any], value)


def account_in_path(request: web.Request) -> Account:
    """Return the account that the path names. Raises KeyError where there is none."""
    return account_of(request.app[WORLD], request.match_info["address"])


def account_of(world: World, address: str) -> Account:
    """Return the account with an address. Raises KeyError where there is none."""
    account = world.accounts.get(address.strip().lower())
    if account is None:
        raise KeyError(f"account {address}")
    return account


def json_response(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")
