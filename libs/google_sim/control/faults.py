"""The control API's part for quota, fault rules and counters."""

from dataclasses import asdict, fields

from aiohttp import web

from libs.google_sim.control.requests import WORLD, json_response, read_object
from libs.google_sim.faults import Rule

ROUTES = web.RouteTableDef()


@ROUTES.put("/quota")
async def set_quota(request: web.Request) -> web.Response:
    """`{"user_units_per_minute", "project_units_per_minute", "status", "user_concurrency"}`; what is not given is off, or 403."""
    world, body = request.app[WORLD], await read_object(request)
    numbers = [body.get("user_units_per_minute", 0), body.get("project_units_per_minute", 0), body.get("status", 403)]
    concurrency = body.get("user_concurrency", 0)
    are_counts = all(isinstance(number, int) and number >= 0 for number in (*numbers, concurrency))
    if not are_counts or numbers[2] not in (403, 429):
        raise ValueError("Units per minute and concurrency must be whole numbers from 0 (off), status 403 or 429.")
    world.quota.set(*numbers)
    world.concurrency.limit = concurrency
    return json_response({})


@ROUTES.get("/faults")
async def get_faults(request: web.Request) -> web.Response:
    """The rules, each with how many calls it matched (`seen`) and hit (`hits`)."""
    rules = [
        {field.name: getattr(rule, field.name) for field in fields(rule) if field.name not in ("pattern", "chance")}
        for rule in request.app[WORLD].faults.rules
    ]
    return json_response({"rules": rules})


@ROUTES.put("/faults")
async def set_faults(request: web.Request) -> web.Response:
    """`{"rules": [...], "seed": 0}`, see `faults.Rule`; an empty list ends all faults."""
    body = await read_object(request)
    rules, seed = body.get("rules", []), body.get("seed", 0)
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules) or not isinstance(seed, int):
        raise ValueError("Give {'rules': [{'match', 'kind', ...}], 'seed': 0}.")
    request.app[WORLD].faults.set([Rule.of(rule) for rule in rules], seed)
    return json_response({"rules": len(rules)})


@ROUTES.get("/counters")
async def get_counters(request: web.Request) -> web.Response:
    """Requests, refusals and units by account and method, and in sum; HTTP requests and responses by status."""
    counters = request.app[WORLD].counters
    by_account = {
        address: {method: asdict(counter) for method, counter in methods.items()}
        for address, methods in counters.methods.items()
    }
    all_counters = [counter for methods in counters.methods.values() for counter in methods.values()]
    return json_response(
        {
            "accounts": by_account,
            "requests": sum(counter.requests for counter in all_counters),
            "refused": sum(counter.refused for counter in all_counters),
            "units": sum(counter.units for counter in all_counters),
            "http": counters.http,
            "statuses": {str(status): count for status, count in counters.statuses.items()},
        }
    )


@ROUTES.delete("/counters")
async def reset_counters(request: web.Request) -> web.Response:
    request.app[WORLD].counters.reset()
    return json_response({})
