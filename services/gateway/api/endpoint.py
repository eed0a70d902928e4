"""Endpoints, declared once: the function's signature says what comes in and what goes out.

    @endpoint("PATCH", "/contacts/{contact_id}", tag="Contacts", scope="write", errors={409: "Another contact has this address."})
    async def update_contact(call: Call, contact_id: ContactId, body: ContactBody) -> Contact:
        '''Change what is known about a contact.'''

Parameters named in the path are path parameters, `query` and `body` are pydantic models, the return type is the reply. serving.py serves
the declarations, openapi.py describes them. `scope` is what an API token must have for it; `session`: no token will do.
What `creates` something takes an Idempotency-Key, under which its command is done once.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_type_hints

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from libs.common.bus import REQUEST_TIMEOUT_SECONDS
from libs.common.ids import UserId
from libs.common.requests import Command, Request, User
from services.gateway.context import Context
from services.gateway.domain.token_scopes import Scope
from services.gateway.sessions.authentication import Caller

JSON = "application/json"
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
# Longer than a command waits for the lock of its user (db.py): its caller sees how it ends, and does not find it done after a 503.
COMMAND_SECONDS = 30.0
R = TypeVar("R", bound=BaseModel)
_PATH_PARAMETER = re.compile(r"{(\w+)}")


@dataclass(frozen=True)
class Call:
    """One request on its way through a handler. `finish`: what is done to the response before it is sent (cookies).

    `idempotency_key`: what the caller chose, where the endpoint takes one.
    """

    context: Context
    http_request: web.Request
    caller: Caller
    idempotency_key: str | None = None
    finish: list[Callable[[web.StreamResponse], None]] = field(default_factory=list)

    @property
    def is_head(self) -> bool:
        """Whether only the head of the response is wanted: what is made while it is sent is not made then."""
        return self.http_request.method == "HEAD"

    @property
    def user(self) -> User:
        return self.caller.user

    @property
    def user_id(self) -> UserId:
        return self.caller.user.id

    async def request(self, request: Request[R], *, seconds: float | None = None) -> R:
        """The reply. It is waited for, and a command may be begun, for so long; a command goes under the caller's key."""
        if isinstance(request, Command):
            seconds, key = seconds or COMMAND_SECONDS, self.idempotency_key
        else:
            seconds, key = seconds or REQUEST_TIMEOUT_SECONDS, None
        return await self.context.bus.request(request, seconds=seconds, idempotency_key=key)


Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Endpoint:
    """A declared endpoint. `path` is below /api/v1. `reply` is None where the response has no JSON body.

    `creates`: doing it twice is not doing it once, so callers may send an Idempotency-Key. `events`: the data of each event of a stream.
    """

    method: Method
    path: str
    tag: str
    scope: Scope
    status: int
    errors: Mapping[int, str]
    creates: bool
    media_type: str
    events: Mapping[str, type[BaseModel]]
    summary: str
    description: str
    handler: Handler
    path_parameters: Mapping[str, TypeAdapter[Any]]
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    reply: type[BaseModel] | None

    @property
    def name(self) -> str:
        return self.handler.__name__


def endpoint(
    method: Method,
    path: str,
    *,
    tag: str,
    scope: Scope,
    status: int = 200,
    errors: Mapping[int, str] | None = None,
    creates: bool = False,
    media_type: str = JSON,
    events: Mapping[str, type[BaseModel]] | None = None,
) -> Callable[[Handler], Endpoint]:
    """Declare a handler. `errors` are those that do not follow from the declaration itself."""

    def declare(handler: Handler) -> Endpoint:
        hints = get_type_hints(handler)
        summary, _, description = inspect.cleandoc(handler.__doc__ or "").partition("\n")
        reply = hints["return"]
        return Endpoint(
            method=method,
            path=path,
            tag=tag,
            scope=scope,
            status=status,
            errors=errors or {},
            creates=creates,
            media_type=media_type,
            events=events or {},
            summary=summary.rstrip("."),
            description=description.strip(),
            handler=handler,
            path_parameters={name: TypeAdapter(hints[name]) for name in _PATH_PARAMETER.findall(path)},
            query=hints.get("query"),
            body=hints.get("body"),
            reply=reply if inspect.isclass(reply) and issubclass(reply, BaseModel) else None,
        )

    return declare
