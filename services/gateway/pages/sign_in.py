"""Signing in with Google, adding an account, signing out."""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from aiohttp import web
from yarl import URL

from libs.common.config import Settings
from libs.common.errors import Refused, not_found
from libs.common.ids import AccountId
from libs.common.requests import BeginSignIn, FinishSignIn, SignedIn, SignOut, WhoIs
from services.gateway.context import Context
from services.gateway.domain.sessions import require_own_origin, sign_in_binding
from services.gateway.sessions.authentication import Caller, find_caller
from services.gateway.sessions.cookies import (
    SESSION_COOKIE,
    browser_of,
    forget_session,
    remember_browser,
    remember_session,
    session_of,
)

SIGN_INS_PER_MINUTE = 30
FINISH_SECONDS = 40.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def sign_in_routes(context: Context) -> list[web.RouteDef]:
    return [
        web.get("/login", partial(show_sign_in, context)),
        web.get("/login/google", partial(begin, context)),
        web.get("/connect", partial(connect, context)),
        web.get("/oauth/google/callback", partial(finish, context)),
        web.post("/logout", partial(sign_out, context)),
    ]


async def show_sign_in(context: Context, request: web.Request) -> web.Response:
    """The sign-in page; whoever is signed in goes on to the home page."""
    if await find_caller(request, context.bus, context.settings):
        raise web.HTTPFound("/")
    return context.pages.page("sign_in.html")


async def require_caller(context: Context, request: web.Request) -> Caller:
    """The caller; for somebody who is not signed in (any more), to the sign-in page."""
    caller = await find_caller(request, context.bus, context.settings)
    if caller is None:
        raise web.HTTPFound("/login")
    return caller


async def begin(context: Context, request: web.Request) -> web.Response:
    """To Google. The way back leads to the public URL, so the cookie has to be set there."""
    if public_url := _public_loopback_url(request, context.settings):
        raise web.HTTPFound(public_url)
    await _limit_sign_ins(context, request)
    browser = browser_of(request)
    return await _redirect_to_google(context, BeginSignIn(browser=browser), browser)


async def connect(context: Context, request: web.Request) -> web.Response:
    """To Google, to add an account, or with `account_id` to renew one."""
    caller = await require_caller(context, request)
    await _limit_sign_ins(context, request)
    account_id = None
    if text := request.query.get("account_id"):
        try:
            account_id = AccountId(UUID(text))
        except ValueError as error:
            raise not_found("account") from error
    browser = browser_of(request)
    command = BeginSignIn(
        browser=sign_in_binding(browser, caller.session), user_id=caller.user.id, account_id=account_id
    )
    return await _redirect_to_google(context, command, browser)


async def _redirect_to_google(context: Context, command: BeginSignIn, browser: str) -> web.Response:
    begun = await context.bus.request(command)
    response = _redirect(begun.authorize_url)
    remember_browser(response, browser, context.settings)
    return response


async def finish(context: Context, request: web.Request) -> web.Response:
    """Back from Google: a session, and on to the home page (or to Google once more, where auth says so)."""
    await _limit_sign_ins(context, request)
    try:
        signed_in = await _finish_sign_in(context, request)
    except Refused as refused:
        return _error_page(context, request, refused)
    response = _redirect(signed_in.authorize_url or "/")
    if signed_in.session:  # none where the user was signed in already
        remember_session(response, signed_in.session, signed_in.session_expires_at, context.settings)
    return response


async def _finish_sign_in(context: Context, request: web.Request) -> SignedIn:
    """What was begun in this session, else (a plain sign-in) in this browser."""
    browser, session = browser_of(request), session_of(request)
    state, code, error = (request.query.get(name, "") for name in ("state", "code", "error"))
    command = FinishSignIn(browser=sign_in_binding(browser, session), state=state, code=code, error=error)
    try:
        return await context.bus.request(command, seconds=FINISH_SECONDS)
    except Refused as refused:
        if not session or refused.code != "invalid_state":
            raise
    return await context.bus.request(command.model_copy(update={"browser": browser}), seconds=FINISH_SECONDS)


def _error_page(context: Context, request: web.Request, refused: Refused) -> web.Response:
    link = ("/", "Back to your accounts") if SESSION_COOKIE in request.cookies else ("/login", "Try again")
    return context.pages.error_page(refused.status, "That did not work", refused.detail, link=link)


async def sign_out(context: Context, request: web.Request) -> web.Response:
    """End the session, here and in auth. Signing out twice is no error."""
    require_own_origin(request.method, request.headers, context.settings.base_url)
    response = _redirect("/login")
    if session := session_of(request):
        try:
            caller = await context.bus.request(WhoIs(session=session))
            await context.bus.request(SignOut(session=session))
            context.hub.close_session(caller.id, session)
        except Refused as refused:
            if refused.status != 401:
                raise
    forget_session(response, context.settings)
    return response


def _redirect(location: str) -> web.Response:
    """On to another page."""
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _public_loopback_url(request: web.Request, settings: Settings) -> str | None:
    """Where somebody typed `localhost` and the public URL has `127.0.0.1`: cookies of the one don't reach the other."""
    public = URL(settings.base_url)
    try:
        here = request.url
    except ValueError:  # a Host header that is none
        return None
    if here.host in LOOPBACK and public.host in LOOPBACK and here.host != public.host:
        return f"{settings.base_url}{request.path}"
    return None


async def _limit_sign_ins(context: Context, request: web.Request) -> None:
    """Refused: `too_many_attempts` (429) beyond 30 a minute from one address."""
    minute = int(datetime.now(UTC).timestamp() // 60)
    attempts = await context.cache.count_failure(f"sign_in:{request.remote}:{minute}", timedelta(minutes=2))
    if attempts > SIGN_INS_PER_MINUTE:
        raise Refused(429, "too_many_attempts", "Too many sign-ins from your address. Wait a minute.", retry_after=60)
