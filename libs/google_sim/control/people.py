"""The control API's part for contacts."""

from aiohttp import web

from libs.google_sim.control.requests import account_in_path, json_response, read_object

ROUTES = web.RouteTableDef()


@ROUTES.put("/accounts/{address}/people/{name:people/.+}")
async def put_person(request: web.Request) -> web.Response:
    """Add a person, or replace it."""
    name, person = request.match_info["name"], await read_object(request)
    people = account_in_path(request).people
    stored = {**person, "resourceName": name, "etag": f"%{people.version + 1}"}
    people.put(stored)
    return json_response(stored)


@ROUTES.delete("/accounts/{address}/people/{name:people/.+}")
async def delete_person(request: web.Request) -> web.Response:
    account_in_path(request).people.delete(request.match_info["name"])
    return json_response({})
