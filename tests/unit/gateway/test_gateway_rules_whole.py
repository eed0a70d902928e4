"""Errors, refused input and limits of the gateway, each compared as a whole."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network

import pytest
from pydantic import BaseModel, Field, ValidationError

from libs.common.errors import Outage, Refused, Throttled
from libs.common.preferences import Preferences
from services.gateway.domain import problems
from services.gateway.domain.client_address import client_address, counted_as
from services.gateway.domain.import_estimate import ImportEstimate, import_estimate
from services.gateway.domain.preferences import with_own_address
from services.gateway.domain.problems import ErrorResponse, InvalidInput
from services.gateway.domain.sessions import (
    cookie_name,
)


def problem(code: str, title: str, status: int, detail: str, **more: object) -> dict[str, object]:
    return {**more, "type": f"/problems/{code}", "title": title, "status": status, "detail": detail}


AWAY = "A part of PingCRM does not answer right now. Try again in a moment."
BUG = "Something went wrong here. It is in the log under the trace id."
BUG_PAGE = "What happened is in the log, under the trace id below."
NOTHING = "There is nothing at this address. The API is described at /api/v1/docs."
METHOD = "This address exists, but not for this method: see the Allow header."
ODD = "The request could not be understood."
LATE = "The rest of this request did not come in time. Send it again, at once."
LARGE_REPLY = "There is too much of this to be sent at once. Ask for less: a smaller `limit`, or a part of it."
LARGE_REQUEST = "This is too much to be taken in at once. Send it in parts."


@pytest.mark.parametrize(
    ("response", "whole"),
    [
        (lambda: problems.of_outage(Outage("secret")),
         ErrorResponse(503, problem("unavailable", "Service Unavailable", 503, AWAY), {"Retry-After": "5"}, AWAY)),
        (lambda: problems.of_outage(Throttled("slow", timedelta(seconds=7.6))),
         ErrorResponse(503, problem("unavailable", "Service Unavailable", 503, AWAY, retry_after=7.6), {"Retry-After": "8"}, AWAY)),
        (lambda: problems.of_outage(Throttled("slow")),
         ErrorResponse(503, problem("unavailable", "Service Unavailable", 503, AWAY), {"Retry-After": "5"}, AWAY)),
        (lambda: problems.of_bug("trace"),
         ErrorResponse(500, problem("internal", "Internal Server Error", 500, BUG, trace="trace"), {}, BUG_PAGE)),
        (lambda: problems.of_http(404, None),
         ErrorResponse(404, problem("not_found", "Not Found", 404, NOTHING), {}, "There is nothing at this address.")),
        (lambda: problems.of_http(405, "GET"),
         ErrorResponse(405, problem("method_not_allowed", "Method Not Allowed", 405, METHOD), {"Allow": "GET"}, ODD)),
        (lambda: problems.of_http(413, None), ErrorResponse(
            413, problem("too_large", problems.title(413), 413, "A request may have at most 1 MB."), {}, ODD)),
        (lambda: problems.of_http(408, None), ErrorResponse(
            408, problem("too_slow", "Request Timeout", 408, LATE), {}, ODD)),
        (lambda: problems.of_http(400, None), ErrorResponse(400, problem("bad_request", "Bad Request", 400, ODD), {}, ODD)),
        (lambda: problems.of_refusal(Refused(500, "reply_too_large", "x")), ErrorResponse(
            500, problem("reply_too_large", "Internal Server Error", 500, LARGE_REPLY), {}, LARGE_REPLY)),
        (lambda: problems.of_refusal(Refused(413, "request_too_large", "x")), ErrorResponse(
            413, problem("request_too_large", problems.title(413), 413, LARGE_REQUEST), {}, LARGE_REQUEST)),
        (lambda: problems.of_refusal(Refused(429, "slow", "Slow.", retry_after=0)), ErrorResponse(
            429, problem("slow", "Too Many Requests", 429, "Slow.", retry_after=0), {"Retry-After": "5"}, "Slow.")),
        (lambda: problems.error_response(401, "x", "X."), ErrorResponse(
            401, problem("x", "Unauthorized", 401, "X."), {"WWW-Authenticate": 'Bearer realm="PingCRM"'}, "X.")),
        (lambda: problems.error_response(599, "x", "X."), ErrorResponse(599, problem("x", "Error", 599, "X."), {}, "X.")),
    ],
)  # fmt: skip
def test_each_error_is_whole(response: Callable[[], ErrorResponse], whole: ErrorResponse) -> None:
    assert response() == whole


@pytest.mark.parametrize(("status", "passed_on"), [(399, 500), (400, 400), (599, 599), (600, 500)])
def test_only_an_error_s_status_is_passed_on(status: int, passed_on: int) -> None:
    assert problems.of_refusal(Refused(status, "x", "X.")).status == passed_on


class Input(BaseModel):
    emails: tuple[str, ...] = ()
    limit: int = Field(ge=1)


@pytest.mark.parametrize(("where", "named"), [("body", "body"), ("query", "query string"), ("path", "path")])
def test_input_that_does_not_fit_is_explained(where: str, named: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Input.model_validate({"limit": 0})
    detail = f"One field does not fit in the {named}: see errors."
    place = {"pointer": "#/limit"} if where == "body" else {"parameter": "limit"}
    errors = [{**place, "detail": "This must be 1 or more."}]
    title = problems.title(422)
    assert problems.of_input(InvalidInput(where, caught.value)) == ErrorResponse(
        422, problem("invalid", title, 422, detail, errors=errors), {}, ODD
    )
    with pytest.raises(ValidationError) as several:
        Input.model_validate({"limit": 0, "emails": [5, 6]})
    assert problems.of_input(InvalidInput(where, several.value)).problem["detail"] == (
        f"3 fields do not fit in the {named}: see errors."
    )


@pytest.mark.parametrize(
    ("units", "live", "prices", "estimate"),
    [
        (6_000, 50.0, (20, 30), ImportEstimate(
            units_per_message=(20, 5), messages_per_minute=(150, 600), minutes_per_10000_messages=(67, 17),
            sentence="Gmail's quota allows 150 to 600 messages a minute: 10,000 messages take 17 to 67 minutes."
            " The newest come first and show at once; you need not wait.")),
        (10, 0.0, (20, 0), ImportEstimate(
            units_per_message=(20, 1), messages_per_minute=(1, 10), minutes_per_10000_messages=(10_000, 1_000),
            sentence="Gmail's quota allows 1 to 10 messages a minute: 10,000 messages take 1,000 to 10,000 minutes."
            " The newest come first and show at once; you need not wait.")),
        (0, 1.0, (20, 600), ImportEstimate(
            units_per_message=(20, 20), messages_per_minute=None, minutes_per_10000_messages=None,
            sentence="No quota is set here: mail comes in as fast as it is given out.")),
        (6_000, 1.0, (0, 40), ImportEstimate(
            units_per_message=(0, 1), messages_per_minute=None, minutes_per_10000_messages=None,
            sentence="No quota is set here: mail comes in as fast as it is given out.")),
    ],
)  # fmt: skip
def test_an_estimate_is_whole(units: int, live: float, prices: tuple[int, int], estimate: ImportEstimate) -> None:
    assert import_estimate(units, live, {"messages.get": prices[0], "threads.get": prices[1]}) == estimate


def test_an_own_address_is_added_once() -> None:
    before = Preferences.model_validate({"gmail": {"own_addresses": ["A.nn@gmail.com"], "mail_lookback_days": 7}})
    assert with_own_address(before, "ann@gmail.com") is before
    after = with_own_address(before, "b@x.example")
    assert after.gmail == before.gmail.model_copy(update={"own_addresses": ("A.nn@gmail.com", "b@x.example")})
    assert after.notifications == before.notifications
    with pytest.raises(Refused) as caught:
        with_own_address(before, "no address")
    assert (caught.value.status, caught.value.code, caught.value.detail) == (
        409, "address_refused", "no address can't be added: the settings take at most 50 well-formed addresses.",
    )  # fmt: skip


def test_at_most_fifty_hops_are_read() -> None:
    proxies = (ip_network("10.0.0.0/8"),)
    chain = ["198.51.100.1", *["10.0.0.2"] * 49]
    assert client_address("10.0.0.1", [",".join(chain)], proxies) == "198.51.100.1"
    assert client_address("10.0.0.1", [",".join([*chain, "10.0.0.3"])], proxies) == "10.0.0.2"
    assert client_address("[10.0.0.1]:80", ["1.2.3.4"], proxies) == "1.2.3.4"
    assert counted_as("2001:db8:2:3:ffff::1") == "2001:db8:2:3::/64"
    assert cookie_name("x", "https://a") == "__Host-x"
