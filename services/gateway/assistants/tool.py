"""Tools, declared once: the function's signature says what comes in and what goes out, its docstring when to use it.

    @tool(over=list_contacts)
    async def find_people(call: Call, arguments: FindPeople) -> PeopleFound:
        '''Find people. The first line is the title, all of it is what a model chooses by.'''

A tool works through an endpoint of the API, `over`: it calls its handler, so the queries, their limits and whose the rows are stay the
same, and it needs the scope that the endpoint declares.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, get_type_hints

import orjson
from prometheus_client import Histogram
from pydantic import BaseModel, ConfigDict, ValidationError

from libs.common.errors import Refused
from libs.common.log import get_logger
from services.gateway.api.endpoint import Call, Endpoint
from services.gateway.api.parsing import refuse_nul
from services.gateway.domain.problems import ErrorResponse, InvalidInput
from services.gateway.domain.quoted import plain, rendered
from services.gateway.middlewares import explain

SECONDS = Histogram("pingcrm_assistant_tool_seconds", "Time to call a tool", ["tool", "outcome"])
# Of problem details: what helps a model to do better, or its user to find the cause.
_EXPLAINED = ("detail", "errors", "scope", "retry_after", "trace")

Function = Callable[..., Awaitable[BaseModel]]


class Arguments(BaseModel):
    """What a model fills in. A name that is not declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Tool:
    """A declared tool. `description` is all that a model knows of it beside its arguments."""

    name: str
    title: str
    description: str
    over: Endpoint
    arguments: type[Arguments]
    result: type[BaseModel]
    function: Function

    @property
    def reads_only(self) -> bool:
        return self.over.method == "GET"


@dataclass(frozen=True)
class Outcome:
    """What a call came to: the same as `text` and as `values`; of a failure only the text, for a model to read."""

    text: str
    values: dict[str, Any] | None


def tool(*, over: Endpoint) -> Callable[[Function], Tool]:
    """Declare a function as a tool."""

    def declare(function: Function) -> Tool:
        hints = get_type_hints(function)
        description = inspect.cleandoc(function.__doc__ or "")
        return Tool(
            name=function.__name__,
            title=description.partition("\n")[0].rstrip("."),
            description=description,
            over=over,
            arguments=hints["arguments"],
            result=hints["return"],
            function=function,
        )

    return declare


async def use(chosen: Tool, call: Call, given: Mapping[str, Any]) -> Outcome:
    """Call a tool. A failure is an outcome, too, never raised: a model may do better, and its user reads why."""
    started = perf_counter()
    code = "ok"
    try:
        call.caller.require(chosen.over.scope)
        values = plain(await chosen.function(call, _checked(chosen.arguments, given)))
        return Outcome(rendered(values), values)
    except Exception as error:
        failure = explain(error)
        code = str(failure.problem["type"]).rpartition("/")[2]
        return Outcome(rendered(_problem(code, failure)), None)
    finally:
        seconds = perf_counter() - started
        SECONDS.labels(chosen.name, code).observe(seconds)
        get_logger().info(
            "assistant_tool", user=call.user_id, tool=chosen.name, outcome=code, ms=round(seconds * 1000, 1)
        )


def _checked(arguments: type[Arguments], given: Mapping[str, Any]) -> Arguments:
    """The same is refused as by the API: the package's JSON has numbers and halves of characters that ours has not."""
    try:
        orjson.dumps(given)
    except orjson.JSONEncodeError as error:
        raise Refused(422, "invalid", "The arguments hold what is no text or number.") from error
    refuse_nul(dict(given))
    try:
        return arguments.model_validate(dict(given))
    except ValidationError as error:
        raise InvalidInput("body", error) from error


def _problem(code: str, failure: ErrorResponse) -> dict[str, Any]:
    return {"error": code, **{name: failure.problem[name] for name in _EXPLAINED if name in failure.problem}}
