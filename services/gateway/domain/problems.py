"""Problem details (RFC 9457): every error of the HTTP API in one shape, with a sentence that a person can act on. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.common.errors import Outage, Refused, Throttled
from services.gateway.domain.input_texts import input_text

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
NOT_UNDERSTOOD = "The request could not be understood."
# What does not fit into a message of the bus: its bytes and limits are for the log.
_SIZE_SENTENCES = {
    "reply_too_large": "There is too much of this to be sent at once. Ask for less: a smaller `limit`, or a part of it.",
    "request_too_large": "This is too much to be taken in at once. Send it in parts.",
}


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


@dataclass(frozen=True)
class ErrorResponse:
    """An error on its way out: the problem details for programs, and `page_detail`, the sentence of a page for people."""

    status: int
    problem: Mapping[str, Any]
    headers: Mapping[str, str]
    page_detail: str


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


class PageText(NamedTuple):
    """What a page for people is headed by, and what they can do: where `link` leads, and what it is called."""

    heading: str
    advice: str
    link: tuple[str, str]


_HOME = ("/", "Go to the start page")
_PAGE_TEXTS = {
    401: PageText("You are signed out", "Sign in, and you are back where you were.", ("/login", "Sign in")),
    403: PageText("This is not permitted", "Open PingCRM at its own address and do it there.", _HOME),
    404: PageText("Nothing is here", "It may have been deleted or merged, or the link is not complete.", _HOME),
    413: PageText("That is too large", "Send less at once.", _HOME),
    429: PageText("A little slower", "Wait a moment, then do it again.", _HOME),
    502: PageText("Google did not answer as it should", "Nothing was changed. Try again in a moment.", _HOME),
    503: PageText("A part of PingCRM is away", "What you see elsewhere still works. Try again in a moment.", _HOME),
}
_OUR_FAULT = PageText(
    "Something went wrong here", "It is not your fault, and nothing that was saved is lost. Try again; if it stays, give the trace id to "
    "whoever runs this installation: it finds the cause in the log.", _HOME,
)  # fmt: skip
_YOUR_REQUEST = PageText("That did not work", "Go back, look at what was entered, and try again.", _HOME)


def page_text(status: int) -> PageText:
    """The words of an error's page: what happened, in a heading, and what to do."""
    return _PAGE_TEXTS.get(status, _OUR_FAULT if status >= 500 else _YOUR_REQUEST)


def error_response(status: int, code: str, detail: str, extra: Mapping[str, Any] | None = None) -> ErrorResponse:
    """An error that explains what went wrong. What the extra members are called never hides the standard ones."""
    problem = {**(extra or {}), "type": f"/problems/{code}", "title": title(status), "status": status, "detail": detail}
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="PingCRM"'
    if code == "insufficient_scope":
        headers["WWW-Authenticate"] = f'Bearer realm="PingCRM", error="insufficient_scope", scope="{problem["scope"]}"'
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS) or "retry_after" in problem:
        headers["Retry-After"] = str(round(float(problem.get("retry_after") or RETRY_AFTER_SECONDS)))
    return ErrorResponse(status, problem, headers, page_detail=detail)


def of_refusal(refused: Refused) -> ErrorResponse:
    """A service's refusal, one to one. A status that is no error would be a lie: it becomes 500."""
    status = refused.status if 400 <= refused.status <= 599 else 500
    return error_response(status, refused.code, _SIZE_SENTENCES.get(refused.code, refused.detail), refused.extra)


def of_outage(outage: Outage) -> ErrorResponse:
    """Something behind us is away. Which part is in the log, not here."""
    wait = outage.retry_after if isinstance(outage, Throttled) else None
    extra = {"retry_after": wait.total_seconds()} if wait else {}
    detail = "A part of PingCRM does not answer right now. Try again in a moment."
    return error_response(503, "unavailable", detail, extra)


def of_input(invalid: InvalidInput) -> ErrorResponse:
    """422 with each field that does not fit. The values themselves are not repeated."""
    errors = field_problems(invalid)
    count = "One field does" if len(errors) == 1 else f"{len(errors)} fields do"
    where = {"body": "body", "query": "query string", "path": "path"}[invalid.where]
    response = error_response(422, "invalid", f"{count} not fit in the {where}: see errors.", {"errors": errors})
    return replace(response, page_detail=NOT_UNDERSTOOD)


def of_bug(trace: str) -> ErrorResponse:
    """500 for an error that nobody foresaw."""
    detail = "Something went wrong here. It is in the log under the trace id."
    response = error_response(500, "internal", detail, {"trace": trace})
    return replace(response, page_detail="What happened is in the log, under the trace id below.")


def of_http(status: int, allow: str | None) -> ErrorResponse:
    """The web server's own errors: unknown path, wrong method (`allow`: the right ones), body too large or too slow."""
    sentences = {
        404: ("not_found", "There is nothing at this address. The API is described at /api/v1/docs."),
        405: ("method_not_allowed", "This address exists, but not for this method: see the Allow header."),
        408: ("too_slow", "The rest of this request did not come in time. Send it again, at once."),
        413: ("too_large", "A request may have at most 1 MB."),
        414: ("url_too_long", "This address is too long. Send less in it: what is long belongs in a body."),
        431: ("headers_too_large", "A header of this request is too long, or there are too many."),
    }
    code, detail = sentences.get(status, ("bad_request", NOT_UNDERSTOOD))
    response = error_response(status, code, detail)
    return replace(
        response,
        headers={**response.headers, **({} if allow is None else {"Allow": allow})},
        page_detail="There is nothing at this address." if status == 404 else NOT_UNDERSTOOD,
    )


def field_problems(invalid: InvalidInput) -> list[dict[str, str]]:
    """pydantic's list as `{pointer | parameter, detail}`."""
    problems = []
    for error in invalid.error.errors(include_input=False, include_url=False):
        where = (
            {"pointer": pointer(error["loc"])}
            if invalid.where == "body"
            else {"parameter": ".".join(map(str, error["loc"]))}
        )
        problems.append({**where, "detail": input_text(error)})
    return problems


def pointer(location: Sequence[int | str]) -> str:
    """A JSON pointer (RFC 6901) as a URI fragment."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
