"""Requests made by chance of what the OpenAPI document allows, and of what it forbids; and what is wrong with the responses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests  # type: ignore[import-untyped]
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    RejectedPositiveData,
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance, negative_data_rejection,
    positive_data_acceptance,
]  # fmt: skip
SECONDS = 30
# Rules that no schema can hold: what a cursor is, which words are an address, a handle, a zone, somebody's own; that `to` is after `from`,
# and a key a fresh one.
BEYOND_SCHEMAS = frozenset(
    f"/problems/{code}"
    for code in (
        "invalid_cursor",
        "invalid_address",
        "invalid_identity",
        "public_domain",
        "own_address",
        "private_webhook",
        "nothing_to_recognise",
        "idempotency_key_reused",
    )
)
# The same of fields, which are refused with others of their body.
BEYOND_FIELDS = (
    "`to` must be after `from`.",
    " is not an email address.",
    " is not a time zone such as Europe/Berlin.",
    "The year must be between 0002 and 9998.",
    "Text must not contain the character U+0000.",  # in what a body has beside its fields; in fields the document refuses it
)


@dataclass(frozen=True)
class Caller:
    """Who sends the requests. `known`: the path parameters that lead to something of theirs."""

    url: str
    headers: Mapping[str, str]
    known: Mapping[str, str]


def operations(document: Mapping[str, Any]) -> Iterator[APIOperation]:
    """Every operation of the document, in its order. Who calls is left out: that is the caller's own affair."""
    paths = {
        path: {method: {**operation, "security": []} for method, operation in methods.items()}
        for path, methods in document["paths"].items()
    }
    for found in schemathesis.openapi.from_dict({**document, "paths": paths}).get_all_operations():
        yield found.ok()


def faults(operation: APIOperation, caller: Caller, turn: int, number: int) -> list[str]:
    """What is wrong with the responses to so many requests of each kind. Another turn makes other requests."""
    found: list[str] = []
    with requests.Session() as session:
        for mode in GenerationMode:
            _send(operation, mode, caller, session, (turn, number), found)
    return found


def _send(
    operation: APIOperation, mode: GenerationMode, caller: Caller, session: requests.Session, requested: tuple[int, int],
    found: list[str],
) -> None:  # fmt: skip
    turn, number = requested
    known = {name: value for name, value in caller.known.items() if f"{{{name}}}" in operation.path}
    cases = operation.as_strategy(generation_mode=mode, **({"path_parameters": known} if known else {}))

    @seed(turn)
    @settings(
        max_examples=number, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )  # fmt: skip
    @given(case=cases)
    def send(case: Case) -> None:
        response = case.call(base_url=caller.url, session=session, headers=dict(caller.headers), timeout=SECONDS)
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as failures:
            sent = f"turn {turn}: {case.method} {case.formatted_path} {case.query} {str(case.body)[:300]}"
            got = f"{response.status_code} {response.text[:300]}"
            found.extend(
                f"{mode.value}: {failure}\n    {sent}\n    {got}"
                for failure in failures.exceptions
                if not _is_beyond_schemas(failure, response.text)
            )

    try:
        send()
    except Unsatisfiable:
        return  # there is nothing that could be wrong with it


def _is_beyond_schemas(failure: BaseException, text: str) -> bool:
    return isinstance(failure, RejectedPositiveData) and (
        any(f'"{type_}"' in text for type_ in BEYOND_SCHEMAS) or any(detail in text for detail in BEYOND_FIELDS)
    )
