"""The control API's part for grants and tokens."""

from aiohttp import web

from libs.google_sim.control.requests import WORLD, account_in_path, json_response, read_object
from libs.google_sim.oauth.authority import POLICY_ERRORS

ROUTES = web.RouteTableDef()


@ROUTES.post("/accounts/{address}/revoke")
async def revoke(request: web.Request) -> web.Response:
    """The person takes back all access in their Google account."""
    revoked = request.app[WORLD].authority.revoke_grants(account_in_path(request).address)
    return json_response({"refresh_tokens": revoked})


@ROUTES.post("/accounts/{address}/policy")
async def set_policy(request: web.Request) -> web.Response:
    """`{"policy": …}`: from now on this policy refuses every client its tokens of the account; null takes it away."""
    account, policy = account_in_path(request), (await read_object(request)).get("policy")
    policies = request.app[WORLD].authority.policies
    if policy is None:
        policies.pop(account.address, None)
    elif policy in POLICY_ERRORS:
        policies[account.address] = policy
    else:
        raise ValueError(f"policy must be null or one of {', '.join(POLICY_ERRORS)}.")
    return json_response({})


@ROUTES.post("/accounts/{address}/expire")
async def expire(request: web.Request) -> web.Response:
    """`{"what": "history" | "calendar" | "people" | "access_tokens"}`: what was given out so far expires."""
    account, what = account_in_path(request), (await read_object(request)).get("what")
    match what:
        case "history":
            account.mailbox.expire_history()
        case "calendar":
            for calendar in account.calendars.values():
                calendar.expire_sync_tokens()
        case "people":
            account.people.expire_sync_tokens()
        case "access_tokens":
            request.app[WORLD].authority.expire_access(account.address)
        case _:
            raise ValueError("what must be history, calendar, people or access_tokens.")
    return json_response({})
