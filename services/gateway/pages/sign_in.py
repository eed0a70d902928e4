"""Signing in with Google, adding an account, signing out."""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from aiohttp import web
from yarl import URL

from libs.common.errors import Refused, not_found
from libs.common.ids import AccountId
from libs.common.requests import BeginSignIn, FinishSignIn, SignedIn, SignOut, WhoIs
from services.gateway.context import Context
from services.gateway.session import (
    SESSION_COOKIE,
    Caller,
    authenticate,
    bound,
    browser_of,
    forget_session,
    remember_browser,
    remember_session,
    require_own_origin,
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
    if await signed_in(context, request):
        raise web.HTTPFound("/")
    return context.pages.page("sign_in.html")


async def signed_in(context: Context, request: web.Request) -> Caller | None:
    """The caller, or None for somebody who is not signed in (any more)."""
    try:
        return await authenticate(request, context.bus, context.settings)
    except Refused as refused:
        if refused.status == 401:
            return None
        raise


async def begin(context: Context, request: web.Request) -> web.Response:
    """To Google. The way back leads to the public URL, so the cookie has to be set there."""
    if elsewhere := _other_loopback_name(request, context):
        raise web.HTTPFound(elsewhere)
    await _limit(context, request)
    browser = browser_of(request)
    return await _to_google(context, BeginSignIn(browser=browser), browser)


async def connect(context: Context, request: web.Request) -> web.Response:
    """To Google, to add an account, or with `account_id` to renew one."""
    caller = await signed_in(context, request)
    if caller is None:
        raise web.HTTPFound("/login")
    await _limit(context, request)
    account_id = None
    if text := request.query.get("account_id"):
        try:
            account_id = AccountId(UUID(text))
        except ValueError as error:
            raise not_found("account") from error
    browser = browser_of(request)
    command = BeginSignIn(browser=bound(browser, caller.session), user_id=caller.user.id, account_id=account_id)
    return await _to_google(context, command, browser)


async def _to_google(context: Context, command: BeginSignIn, browser: str) -> web.Response:
    begun = await context.bus.request(command)
    response = _found(begun.authorize_url)
    remember_browser(response, browser, context.settings)
    return response


async def finish(context: Context, request: web.Request) -> web.Response:
    """Back from Google: a session, and on to the home page (or to Google once more, where auth says so)."""
    await _limit(context, request)
    try:
        answer = await _finished(context, request)
    except Refused as refused:
        return _did_not_work(context, request, refused)
    response = _found(answer.authorize_url or "/")
    _set_session(response, answer, context)
    return response


async def _finished(context: Context, request: web.Request) -> SignedIn:
    """What was begun in this session, else (a plain sign-in) in this browser."""
    browser, session = browser_of(request), session_of(request)
    state, code, error = (request.query.get(name, "") for name in ("state", "code", "error"))
    command = FinishSignIn(browser=bound(browser, session), state=state, code=code, error=error)
    try:
        return await context.bus.request(command, seconds=FINISH_SECONDS)
    except Refused as refused:
        if not session or refused.code != "invalid_state":
            raise
    return await context.bus.request(command.model_copy(update={"browser": browser}), seconds=FINISH_SECONDS)


def _set_session(response: web.Response, answer: SignedIn, context: Context) -> None:
    """Nothing where the user was signed in already."""
    if answer.session:
        remember_session(response, answer.session, answer.session_expires_at, context.settings)


def _did_not_work(context: Context, request: web.Request, refused: Refused) -> web.Response:
    inside = SESSION_COOKIE in request.cookies
    way_on = ("/", "Back to your accounts") if inside else ("/login", "Try again")
    values = {"title": "That did not work", "detail": refused.detail, "href": way_on[0], "label": way_on[1]}
    return context.pages.page("error.html", values, status=refused.status)


async def sign_out(context: Context, request: web.Request) -> web.Response:
    """End the session, here and in auth. Signing out twice is no error."""
    require_own_origin(request, context.settings)
    response = _found("/login")
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


def _found(location: str) -> web.Response:
    """On to another page."""
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _other_loopback_name(request: web.Request, context: Context) -> str | None:
    """Somebody typed `localhost` where the public URL says `127.0.0.1`: cookies of the one don't reach the other."""
    public = URL(context.settings.base_url)
    try:
        here = request.url
    except ValueError:  # a Host header that is none
        return None
    if here.host in LOOPBACK and public.host in LOOPBACK and here.host != public.host:
        return f"{context.settings.base_url}{request.path}"
    return None


async def _limit(context: Context, request: web.Request) -> None:
    """Refused: `too_many_attempts` (429) beyond 30 a minute from one address."""
    minute = int(datetime.now(UTC).timestamp() // 60)
    attempts = await context.cache.count_failure(f"sign_in:{request.remote}:{minute}", timedelta(minutes=2))
    if attempts > SIGN_INS_PER_MINUTE:
        raise Refused(429, "too_many_attempts", "Too many sign-ins from your address. Wait a minute.", retry_after=60)
