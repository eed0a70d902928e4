"""Errors of every origin become problem details."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, Field, ValidationError

from libs.common.errors import Outage, Refused, Throttled, not_found
from services.gateway.domain import problems
from services.gateway.domain.problems import ErrorResponse, InvalidInput
from services.gateway.middlewares import problem_response


def body(failure: ErrorResponse) -> dict[str, Any]:
    response = problem_response(failure)
    assert response.content_type == "application/problem+json"
    assert isinstance(response.body, bytes)
    parsed: dict[str, Any] = orjson.loads(response.body)
    assert parsed["status"] == response.status
    return parsed


def test_a_refusal_maps_one_to_one_with_its_extra_members() -> None:
    response = problems.of_refusal(Refused(409, "address_taken", "Carol has this address.", contact_id="7"))
    assert body(response) == {
        "type": "/problems/address_taken",
        "title": "Conflict",
        "status": 409,
        "detail": "Carol has this address.",
        "contact_id": "7",
    }
    assert body(problems.of_refusal(not_found("contact")))["detail"] == "There is no such contact."


def test_extra_members_can_not_hide_the_standard_ones() -> None:
    response = problems.error_response(
        409, "taken", "It is taken.", {"type": "evil", "title": "evil", "detail": "evil"}
    )
    parsed = body(response)
    assert (parsed["type"], parsed["title"], parsed["detail"]) == ("/problems/taken", "Conflict", "It is taken.")


@pytest.mark.parametrize(("status", "code"), [(500, "reply_too_large"), (413, "request_too_large")])
def test_what_the_bus_can_not_carry_is_a_sentence_without_its_bytes(status: int, code: str) -> None:
    found = body(
        problems.of_refusal(Refused(status, code, "The reply has 9,000,000 bytes, and at most 8,384,512 can be sent."))
    )
    assert (found["status"], found["type"]) == (status, f"/problems/{code}")
    assert "bytes" not in found["detail"]
    assert "at once" in found["detail"]
    assert found["detail"].endswith(".")


def test_a_pause_that_is_named_is_in_the_header_too() -> None:
    in_progress = problems.of_refusal(Refused(409, "in_progress", "It is being worked on.", retry_after=1))
    assert (in_progress.status, in_progress.headers["Retry-After"]) == (409, "1")


@pytest.mark.parametrize("status", [0, 200, 302, 777])
def test_a_refusal_is_never_a_success(status: int) -> None:
    assert problems.of_refusal(Refused(status, "odd", "Odd.")).status == 500


@pytest.mark.parametrize(
    ("outage", "seconds"),
    [(Outage("nats://secret@host"), "5"), (Throttled("slow", timedelta(seconds=90)), "90")],
)
def test_an_outage_is_503_with_retry_after_and_without_its_inner_words(outage: Outage, seconds: str) -> None:
    response = problems.of_outage(outage)
    assert (response.status, response.headers["Retry-After"]) == (503, seconds)
    assert "secret" not in orjson.dumps(body(response)).decode()


def test_401_explains_how_to_authenticate() -> None:
    assert "WWW-Authenticate" in problems.error_response(401, "unauthenticated", "Sign in.").headers


class Inner(BaseModel):
    emails: tuple[str, ...]


class Outer(BaseModel):
    inner: Inner
    limit: int = Field(ge=1)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("body", [{"pointer": "#/inner/emails/1"}, {"pointer": "#/limit"}]),
        ("query", [{"parameter": "inner.emails.1"}, {"parameter": "limit"}]),
    ],
)
def test_input_that_does_not_fit_names_each_place_and_repeats_no_value(where: str, expected: list[Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"inner": {"emails": ["a", 424242]}, "limit": "hunter2"})
    response = problems.of_input(InvalidInput(where, caught.value))
    parsed = body(response)
    assert response.status == 422
    assert [{key: value for key, value in error.items() if key != "detail"} for error in parsed["errors"]] == expected
    assert "424242" not in str(parsed)
    assert "hunter2" not in str(parsed)


@pytest.mark.parametrize(("location", "pointer"), [((), "#"), (("a", 0), "#/a/0"), (("a/b", "c~d"), "#/a~1b/c~0d")])
def test_pointers_are_escaped(location: tuple[int | str, ...], pointer: str) -> None:
    assert problems.pointer(location) == pointer
