"""The control API's part for the oracle."""

from datetime import UTC, datetime

from aiohttp import web

from libs.google_sim.control.requests import WORLD, account_of, json_response, read_object
from libs.google_sim.oracle import expect

ROUTES = web.RouteTableDef()


@ROUTES.get("/state")
async def get_state(request: web.Request) -> web.Response:
    return json_response(request.app[WORLD].describe())


@ROUTES.post("/oracle")
async def get_expected(request: web.Request) -> web.Response:
    """What a correct sync yields now. `{"accounts": [address], "now": RFC 3339, "options": {...}}`, all optional."""
    world, body = request.app[WORLD], await read_object(request)
    addresses = body.get("accounts") or list(world.accounts)
    now = datetime.fromisoformat(body["now"]) if body.get("now") else datetime.fromtimestamp(world.now(), UTC)
    snapshots = [account_of(world, address).snapshot() for address in addresses]
    try:
        return json_response(expect(snapshots, now, **body.get("options", {})).to_json())
    except TypeError as error:
        raise ValueError(f"The oracle knows no such option: {error}") from error
