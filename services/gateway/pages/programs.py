"""The settings for programs: API tokens, and the webhook's secret and test."""

from aiohttp import web
from pydantic import ValidationError

from libs.common.errors import Refused
from services.gateway.api.tokens import NewToken, create_token, delete_token
from services.gateway.api.webhook import make_webhook_secret as make_secret
from services.gateway.context import Context
from services.gateway.limits.api_requests import take_api_request
from services.gateway.pages.settings import settings_page
from services.gateway.pages.visit import Visit, page_route, see_other

_TOKEN_FIELDS = {
    "name": "Give the token a name that says what it is for.",
    "scopes": "Choose what it may do.",
    "days": "Choose when it ends.",
}


def programs_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "POST", "/tokens", make_token),
        page_route(context, "POST", "/tokens/{token_id}/delete", revoke_token),
        page_route(context, "POST", "/webhook/secret", make_webhook_secret),
        page_route(context, "POST", "/webhook/test", try_webhook),
    ]


async def make_token(visit: Visit) -> web.Response:
    """The page with the new token's secret: it is shown this once."""
    form = await visit.http_request.post()
    fields = {
        "name": str(form.get("name", "")).strip()[:100],
        "scopes": form.getall("scope", []),
        "days": form.get("days"),
    }
    try:
        token = await create_token.handler(visit.call, NewToken.model_validate(fields))
    except ValidationError as error:
        wrong = {str(found["loc"][0]) for found in error.errors()}
        problem = Refused(422, "invalid", " ".join(text for name, text in _TOKEN_FIELDS.items() if name in wrong))
        return await settings_page(visit, problem=problem, section="tokens")
    except Refused as refused:
        return await settings_page(visit, problem=refused, section="tokens")
    return await settings_page(visit, token=token.secret)


async def revoke_token(visit: Visit) -> web.Response:
    await delete_token.handler(visit.call, visit.path_id("token_id"))
    return see_other("/settings#tokens")


async def make_webhook_secret(visit: Visit) -> web.Response:
    """The page with the new secret: it is shown this once. The former one signs calls for another day."""
    made = await make_secret.handler(visit.call)
    return await settings_page(visit, webhook_secret=made.secret)


async def try_webhook(visit: Visit) -> web.Response:
    """Call the URL now; the newest of the calls on the page says what became of it."""
    await take_api_request(visit.context, visit.user_id)
    try:
        await visit.context.webhooks.send_test(visit.user_id)
    except Refused as refused:
        return await settings_page(visit, problem=refused, section="notifications")
    return see_other("/settings?tested#notifications")
