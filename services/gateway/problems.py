"""Problem details (RFC 9457): every error of the HTTP API in one shape, with a sentence that a person can act on."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.common.errors import Outage, Refused, Throttled

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5


class FieldProblem(BaseModel):
    """What is wrong with one part of the input: `pointer` into the JSON body, or the `parameter` of path or query."""

    pointer: str | None = Field(None, examples=["#/emails/0"])
    parameter: str | None = Field(None, examples=["limit"])
    detail: str


class Problem(BaseModel):
    """An error. `detail` says what to do; `type` is stable and for programs. There can be more members, such as `contact_id`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such contact."])
    errors: list[FieldProblem] | None = None


class InvalidInput(Exception):
    """The input does not fit its declaration. `where` it was: body, query or path."""

    def __init__(self, where: str, error: ValidationError) -> None:
        super().__init__(where)
        self.where = where
        self.error = error


def title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def problem(status: int, code: str, detail: str, extra: Mapping[str, Any] | None = None) -> web.Response:
    """A response that says what went wrong. What the extra members are called never hides the standard ones."""
    body = {**(extra or {}), "type": f"/problems/{code}", "title": title(status), "status": status, "detail": detail}
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="PingCRM"'
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers["Retry-After"] = str(round(float(body.get("retry_after") or RETRY_AFTER_SECONDS)))
    return web.Response(body=orjson.dumps(body, default=str), status=status, headers=headers, content_type=MEDIA_TYPE)


def of_refusal(refused: Refused) -> web.Response:
    """A service's no, one to one. A status that is no error would be a lie: it becomes 500."""
    status = refused.status if 400 <= refused.status <= 599 else 500
    return problem(status, refused.code, refused.detail, refused.extra)


def of_outage(outage: Outage) -> web.Response:
    """Something behind us is away. Which part is in the log, not here."""
    wait = outage.retry_after if isinstance(outage, Throttled) else None
    extra = {"retry_after": wait.total_seconds()} if wait else {}
    return problem(503, "unavailable", "A part of PingCRM does not answer right now. Try again in a moment.", extra)


def of_input(invalid: InvalidInput) -> web.Response:
    """422 with each field that does not fit. The values themselves are not repeated."""
    errors = field_problems(invalid)
    count = "One field does" if len(errors) == 1 else f"{len(errors)} fields do"
    where = {"body": "body", "query": "query string", "path": "path"}[invalid.where]
    return problem(422, "invalid", f"{count} not fit in the {where}: see errors.", {"errors": errors})


def field_problems(invalid: InvalidInput) -> list[dict[str, str]]:
    """pydantic's list as `{pointer | parameter, detail}`."""
    problems = []
    for error in invalid.error.errors(include_input=False, include_url=False):
        where = (
            {"pointer": pointer(error["loc"])}
            if invalid.where == "body"
            else {"parameter": ".".join(map(str, error["loc"]))}
        )
        problems.append({**where, "detail": error["msg"]})
    return problems


def pointer(location: Sequence[int | str]) -> str:
    """A JSON pointer (RFC 6901) as a URI fragment."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def of_http(error: web.HTTPException) -> web.Response:
    """aiohttp's own errors: unknown path, wrong method, body too large."""
    sentences = {
        404: ("not_found", "There is nothing at this address. The API is described at /api/v1/docs."),
        405: ("method_not_allowed", "This address exists, but not for this method: see the Allow header."),
        413: ("too_large", "A request may have at most 1 MB."),
    }
    code, detail = sentences.get(error.status, ("bad_request", "The request could not be understood."))
    response = problem(error.status, code, detail)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response
