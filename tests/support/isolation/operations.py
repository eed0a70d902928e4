"""Every HTTP operation and page as somebody with another's real ids calls it."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import aiohttp
from yarl import URL

from libs.common.config import Settings
from libs.common.requests import TokenScope
from services.gateway.api import ENDPOINTS
from services.gateway.api.endpoint import Endpoint
from services.gateway.api.serving import PREFIX
from services.gateway.app import build_app
from services.gateway.context import Context
from services.gateway.pages.render import Renderer
from tests.support.isolation.cases import Case, Declaration, plain, required_fields
from tests.support.isolation.world import WAIT_SECONDS, Somebody
from tests.support.query_values import query_text

LIVE = "stream_events"
LAST = (
    "start_export", "remove_exclusion", "exclude_contact", "delete_token",
    "delete_contact", "disconnect_account", "sign_out_everywhere", "delete_me",
)  # fmt: skip
"""After them there is less of their caller, or something else in its place."""

# Pages, forms and redirects that read ids beside those of their path: the parameters of their query or form.
PAGES = {
    "/connect": ("account_id",),
    "/oauth/google/callback": ("state", "code"),
    "/contacts/{contact_id}/identities/unlink": ("kind", "value"),
    "/contacts/{contact_id}/merge": ("other_id",),
    "/contacts/{contact_id}/notes": ("text",),
    "/do-not-record": ("value",),
    "/meetings/{meeting_id}/note": ("text",),
    "/why": ("contact_id", "message_id"),
}
# Those with nothing of anybody's: signing in and out, documents, files, health, what Google calls.
NOBODYS = {
    "/login", "/login/google", "/logout", "/logout/everywhere", f"{PREFIX}/hooks/gmail", f"{PREFIX}/hooks/calendar",
    f"{PREFIX}/openapi.json", f"{PREFIX}/docs",
    "/health/live", "/health/ready", "/favicon.ico", "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server",
    "/oauth/register", "/oauth/authorize", "/oauth/token", "/assistants/connect",  # what waits there is nobody's before it is answered
    "/mcp",  # other people's ids are in its body: test_an_assistant_reaches_what_is_its_users_and_nothing_of_anybody_else
}  # fmt: skip


def operations() -> Iterator[tuple[Endpoint, Declaration]]:
    """Every operation but the endless one: first what changes something, then what shows it, those last that end something."""
    wanted = [endpoint for endpoint in ENDPOINTS if endpoint.name != LIVE]
    for endpoint in sorted(wanted, key=_turn):
        names = dict.fromkeys(endpoint.path_parameters, True)
        for model in (endpoint.query, endpoint.body):
            names |= required_fields(model) if model else {}
        yield endpoint, Declaration(endpoint.name, names)


def _turn(endpoint: Endpoint) -> tuple[int, bool]:
    return LAST.index(endpoint.name) if endpoint.name in LAST else -1, endpoint.method == "GET"


def pages() -> Iterator[tuple[str, str, Declaration]]:
    """Every other route: its method, its path, and the ids that it reads."""
    away = SimpleNamespace(ping=None)
    context = cast(Context, SimpleNamespace(settings=Settings(), db=away, bus=away, cache=away, pages=Renderer()))
    api = {PREFIX + endpoint.path for endpoint in ENDPOINTS}
    routes = {
        (route.method, route.resource.canonical)
        for route in build_app(context).router.routes()
        if route.resource is not None
    }
    for method, path in sorted(routes):
        if method == "HEAD" or path in api | NOBODYS or path.startswith(context.pages.static_path):
            continue
        in_path = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
        names = (*in_path, *PAGES.get(path, ()))
        yield method, path, Declaration(f"{method} {path}", dict.fromkeys(names, True))


@dataclass(frozen=True)
class Answer:
    """A response; of an archive the text is that of its files."""

    status: int
    text: str
    declared: bool = field(default=True, compare=False)


async def call(
    http: aiohttp.ClientSession, url: str, somebody: Somebody, endpoint: Endpoint, case: Case, key: str = "",
    *, scope: TokenScope | None = None,
) -> Answer:  # fmt: skip
    """As the person's program, with a token of the operation's scope, or of another; where only a browser may, as their browser."""
    values = dict(case.values)
    path = endpoint.path
    for name in endpoint.path_parameters:
        path = path.replace(f"{{{name}}}", str(URL.build(path=str(values.pop(name))).raw_path.replace("/", "%2F")))
    query = {
        name: query_text(values.pop(name))
        for name in list(values)
        if endpoint.query and name in required_fields(endpoint.query)
    }
    body = {name: plain(value) for name, value in values.items()} if endpoint.body else None
    headers = {"Idempotency-Key": key} if key else {}
    if endpoint.scope == "session" and not scope:
        session, headers = somebody.person.http, {**headers, "Origin": url}
    else:
        token = somebody.tokens[scope or endpoint.scope]
        session, headers = http, {**headers, "Authorization": f"Bearer {token}"}
    target = URL(f"{url}{PREFIX}{path}", encoded=True).update_query(query)
    async with session.request(endpoint.method, target, json=body, headers=headers) as response:
        content = await response.read()
        text = _archived(content) if response.content_type == "application/zip" else content.decode()
        return Answer(response.status, text)


@dataclass
class Stream:
    """What somebody's live stream has sent so far. `ended`: the server has closed it."""

    text: str = ""
    ended: bool = False

    async def until(self, check: Callable[["Stream"], bool]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not check(self):
                await asyncio.sleep(0.02)


@asynccontextmanager
async def live_stream(http: aiohttp.ClientSession, url: str, somebody: Somebody) -> AsyncIterator[Stream]:
    """Their live updates, from now on."""
    stream = Stream()
    headers = {"Authorization": f"Bearer {somebody.has.token}"}
    endless = aiohttp.ClientTimeout(total=None)
    async with http.get(f"{url}{PREFIX}/events", headers=headers, timeout=endless) as response:

        async def read() -> None:
            async for line in response.content:
                stream.text += line.decode()
            stream.ended = True

        reading = asyncio.create_task(read())
        try:
            await stream.until(lambda stream: "retry" in stream.text)
            yield stream
        finally:
            reading.cancel()
            await asyncio.wait([reading])


async def visit(somebody: Somebody, url: str, method: str, path: str, case: Case) -> Answer:
    """A page or a form, in the person's browser, which follows no redirect to Google."""
    values = {name: query_text(value) for name, value in case.values.items()}
    for name in list(values):
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", values.pop(name))
    sent = {"params": values} if method == "GET" else {"data": values, "headers": {"Origin": url}}
    async with somebody.person.http.request(method, f"{url}{path}", allow_redirects=False, **sent) as response:
        return Answer(response.status, await response.text())


def _archived(content: bytes) -> str:
    archive = zipfile.ZipFile(io.BytesIO(content))
    return "\n".join(archive.read(name).decode() for name in archive.namelist())
