"""Signing in with Google, adding an account, signing out."""

from functools import partial
from uuid import UUID

from aiohttp import web
from yarl import URL

from libs.common.config import Settings
from libs.common.errors import Outage, Refused, not_found
from libs.common.ids import AccountId
from libs.common.requests import BeginSignIn, FinishSignIn, GetSignInSetup, SignedIn, SignOut, WhoIs
from services.gateway.context import Context
from services.gateway.domain.sessions import own_path, require_own_origin
from services.gateway.limits.sign_ins import count_sign_in
from services.gateway.sessions.authentication import Caller, find_caller
from services.gateway.sessions.cookies import (
    browser_of,
    destination_of,
    forget_destination,
    forget_session,
    remember_browser,
    remember_destination,
    remember_session,
    session_of,
)
from services.gateway.sessions.ending import end_all_sessions

FINISH_SECONDS = 40.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def sign_in_routes(context: Context) -> list[web.RouteDef]:
    return [
        web.get("/login", partial(show_sign_in, context)),
        web.get("/login/google", partial(begin, context)),
        web.get("/connect", partial(connect, context)),
        web.get("/oauth/google/callback", partial(finish, context)),
        web.post("/logout", partial(sign_out, context)),
        web.post("/logout/everywhere", partial(sign_out_everywhere, context)),
    ]


async def show_sign_in(context: Context, request: web.Request) -> web.Response:
    """The sign-in page; whoever is signed in goes on to the home page."""
    if await find_caller(request, context.bus, context.settings):
        raise web.HTTPFound("/")
    values = {
        "gone": "gone" in request.query,
        "missing": await _missing_settings(context),
        "callback": context.settings.redirect_uri,
    }
    return context.pages.page("sign_in.html", values)


async def _missing_settings(context: Context) -> tuple[str, ...]:
    """What the operator has not set up yet; empty also while that can't be known."""
    try:
        return (await context.bus.request(GetSignInSetup())).missing
    except Outage:
        return ()


async def require_caller(context: Context, request: web.Request) -> Caller:
    """The caller; for somebody who is not signed in (any more), to the sign-in page, and from there to what they wanted."""
    caller = await find_caller(request, context.bus, context.settings)
    if caller is None:
        to_sign_in = web.HTTPFound("/login")
        if _is_opened(request) and (path := own_path(request.raw_path)):
            remember_destination(to_sign_in, path, context.settings)
        raise to_sign_in
    return caller


def _is_opened(request: web.Request) -> bool:
    """Whether somebody opens a page: not where a page that is open fetches a part or a photo, nor where a form is sent."""
    fetched = is_partial(request) or request.headers.get("Sec-Fetch-Dest", "document") != "document"
    return request.method == "GET" and not fetched


def is_partial(request: web.Request) -> bool:
    """Whether a page that is open fetches this one for a part of it."""
    return "HX-Request" in request.headers


async def begin(context: Context, request: web.Request) -> web.Response:
    """To Google. The way back leads to the public URL, so the cookie has to be set there."""
    if public_url := _public_loopback_url(request, context.settings):
        raise web.HTTPFound(public_url)
    await count_sign_in(context, request)
    browser = browser_of(request, context.settings)
    return await _redirect_to_google(context, BeginSignIn(browser=browser), browser)


async def connect(context: Context, request: web.Request) -> web.Response:
    """To Google, to add an account, or with `account_id` to renew one."""
    session = (await require_caller(context, request)).require_session()
    await count_sign_in(context, request)
    account_id = None
    if text := request.query.get("account_id"):
        try:
            account_id = AccountId(UUID(text))
        except ValueError as error:
            raise not_found("account") from error
    browser = browser_of(request, context.settings)
    command = BeginSignIn(browser=browser, session=session, account_id=account_id)
    return await _redirect_to_google(context, command, browser)


async def _redirect_to_google(context: Context, command: BeginSignIn, browser: str) -> web.Response:
    try:
        begun = await context.bus.request(command)
    except Refused as refused:
        if refused.code == "not_configured" and command.session is None:
            raise web.HTTPFound("/login") from refused  # which says what is to be set up
        raise
    response = _redirect(begun.authorize_url)
    remember_browser(response, browser, context.settings)
    return response


async def finish(context: Context, request: web.Request) -> web.Response:
    """Back from Google: a session, and on to the page that was wanted (or to Google once more, where auth says so)."""
    try:
        signed_in = await _finish_sign_in(context, request)
    except Refused as refused:
        if refused.code == "invalid_state":
            await count_sign_in(context, request)
        if _wants_problem(request):
            raise
        return _error_page(context, request, refused)
    destination = destination_of(request, context.settings)
    response = _redirect(signed_in.authorize_url or destination or "/")
    if destination and not signed_in.authorize_url:
        forget_destination(response, context.settings)
    if signed_in.session:  # none where the user was signed in already
        remember_session(response, signed_in.session, signed_in.session_expires_at, context.settings)
    return response


async def _finish_sign_in(context: Context, request: web.Request) -> SignedIn:
    state, code, error = (request.query.get(name, "") for name in ("state", "code", "error"))
    command = FinishSignIn(
        browser=browser_of(request, context.settings),
        session=session_of(request, context.settings) or None,
        state=state,
        code=code,
        error=error,
    )
    return await context.bus.request(command, seconds=FINISH_SECONDS)


def _wants_problem(request: web.Request) -> bool:
    """A program that says so; browsers ask for a page."""
    accept = request.headers.get("Accept", "")
    return "json" in accept and "text/html" not in accept


def _error_page(context: Context, request: web.Request, refused: Refused) -> web.Response:
    signed_in = bool(session_of(request, context.settings))
    link = ("/", "Back to your accounts") if signed_in else ("/login", "Try again")
    title = "That did not work"
    if refused.code == "sign_up_closed":
        title, link = "You are not let in", ("/login", "Sign in with another account")
    return context.pages.error_page(refused.status, title, refused.detail, link=link)


async def sign_out(context: Context, request: web.Request) -> web.Response:
    """End the session, here and in auth. Signing out twice is no error."""
    require_own_origin(request.method, request.headers, context.settings.base_url)
    response = _redirect("/login")
    if session := session_of(request, context.settings):
        try:
            caller = await context.bus.request(WhoIs(session=session))
            await context.bus.request(SignOut(session=session))
            context.hub.close_session(caller.id, session)
        except Refused as refused:
            if refused.status != 401:
                raise
    forget_session(response, context.settings)
    return response


async def sign_out_everywhere(context: Context, request: web.Request) -> web.Response:
    """End every session of the user. Who is signed out already is just sent to sign in."""
    caller = await require_caller(context, request)
    await end_all_sessions(context, caller.user.id)
    response = _redirect("/login")
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
