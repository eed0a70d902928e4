"""The typed layer: a declaration is all that serving and describing need."""

from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.api import ENDPOINTS
from services.gateway.api.endpoint import Call, Endpoint, endpoint
from services.gateway.api.openapi import error_descriptions, openapi_document


class Filter(BaseModel):
    start: int | None = Field(None, alias="from", description="Where to begin.")
    word: str


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    size: int = 1


@endpoint("POST", "/things/{thing_id}", tag="Things", scope="write", status=201, errors={409: "Taken."})
async def make_thing(call: Call, thing_id: UUID, query: Filter, body: Thing) -> Thing:
    """Make a thing.

    It will be there at once.
    """
    return body


@endpoint("GET", "/stream", tag="Things", scope="read", media_type="text/event-stream")
async def stream_things(call: Call) -> None:
    """Stream things."""


def test_a_declaration_is_read_from_the_signature() -> None:
    assert isinstance(make_thing, Endpoint)
    assert (make_thing.query, make_thing.body, make_thing.reply) == (Filter, Thing, Thing)
    assert (make_thing.summary, make_thing.description) == ("Make a thing", "It will be there at once.")
    assert list(make_thing.path_parameters) == ["thing_id"]
    assert (stream_things.query, stream_things.body, stream_things.reply) == (None, None, None)


def test_the_errors_follow_from_the_shape() -> None:
    assert list(error_descriptions(make_thing)) == [400, 401, 403, 404, 409, 413, 415, 422, 429, 503]
    assert list(error_descriptions(stream_things)) == [401, 403, 422, 429, 503]


def test_what_creates_takes_an_idempotency_key_and_states_its_errors() -> None:
    @endpoint("POST", "/notes", tag="Things", scope="write", status=201, errors={409: "Full."}, creates=True)
    async def add_note(call: Call, body: Thing) -> Thing:
        """Add a note."""
        return body

    document = openapi_document((add_note, make_thing))
    OpenAPIV31SpecValidator(document).validate()
    operation = document["paths"]["/api/v1/notes"]["post"]
    [parameter] = operation["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("Idempotency-Key", "header", False)
    assert operation["responses"]["409"]["description"].startswith("Full. A request with this Idempotency-Key")
    assert "Idempotency-Key" in operation["responses"]["422"]["description"]
    others = document["paths"]["/api/v1/things/{thing_id}"]["post"]["parameters"]
    assert "Idempotency-Key" not in [parameter["name"] for parameter in others]


def test_the_operations_that_create_are_these() -> None:
    creating = {f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS if endpoint.creates}
    assert creating == {
        "POST /contacts", "POST /contacts/{contact_id}/interactions", "POST /contacts/{contact_id}/merge", "POST /tokens",
        "POST /contacts/{contact_id}/identities/unlink",
        "POST /meetings/{meeting_id}/prep", "POST /do-not-record", "POST /contacts/{contact_id}/do-not-record",
    }  # fmt: skip


def test_these_need_a_session_and_these_the_scope_for_the_account() -> None:
    needing: dict[str, set[str]] = {}
    for operation in ENDPOINTS:
        needing.setdefault(operation.scope, set()).add(f"{operation.method} {operation.path}")
    assert needing["session"] == {"POST /tokens", "DELETE /me", "POST /accounts/connect"}
    assert needing["account"] == {
        "GET /tokens", "DELETE /tokens/{token_id}", "GET /me/export", "POST /me/export", "GET /me/export/{export_id}",
        "GET /me/export/{export_id}/archive", "POST /me/sign-out-everywhere", "DELETE /accounts/{account_id}",
        "POST /accounts/{account_id}/sync", "POST /accounts/{account_id}/audit", "POST /accounts/{account_id}/messages/retry",
        "POST /accounts/{account_id}/messages/{message_id}/retry", "PUT /settings", "GET /settings/webhook",
        "POST /settings/webhook/secret",
        "POST /notifications/{notification_id}/accept", "POST /do-not-record", "DELETE /do-not-record/{exclusion_id}",
        "POST /contacts/{contact_id}/do-not-record",
    }  # fmt: skip
    assert all(name.startswith("GET ") for name in needing["read"]), "reading changes nothing"
    assert not [name for name in needing["write"] if name.startswith("GET ")]


def test_a_declaration_becomes_an_operation() -> None:
    made = openapi_document((make_thing, stream_things))
    OpenAPIV31SpecValidator(made).validate()
    operation = made["paths"]["/api/v1/things/{thing_id}"]["post"]
    assert [(parameter["name"], parameter["in"], parameter["required"]) for parameter in operation["parameters"]] == [
        ("thing_id", "path", True),
        ("from", "query", False),
        ("word", "query", True),
    ]
    assert operation["parameters"][0]["schema"]["format"] == "uuid"
    assert operation["requestBody"]["required"]
    assert operation["responses"]["409"]["description"] == "Taken."
    assert operation["responses"]["404"]["content"].keys() == {"application/problem+json"}
    stream = made["paths"]["/api/v1/stream"]["get"]["responses"]["200"]
    assert stream["content"].keys() == {"text/event-stream"}


def test_the_whole_document_is_valid_and_every_operation_has_a_name_of_its_own() -> None:
    made = openapi_document()
    OpenAPIV31SpecValidator(made).validate()
    names = [endpoint.name for endpoint in ENDPOINTS]
    assert len(set(names)) == len(names)
    places = [(endpoint.method, endpoint.path) for endpoint in ENDPOINTS]
    assert len(set(places)) == len(places)


def test_replies_are_whole_and_inputs_have_no_default_that_is_null() -> None:
    """What a generated client takes for optional, it asks its user to check; and a default of null it would have to send."""
    schemas = openapi_document()["components"]["schemas"]
    problems = {"Problem", "FieldProblem"}  # which leave out what they have not
    bodies = {endpoint.body.__name__ for endpoint in ENDPOINTS if endpoint.body}
    written = bodies | {"GmailChanges", "NotificationChanges", "Identity", "TypedIdentity"}
    for name in schemas.keys() - written - problems:
        assert set(schemas[name].get("required", ())) == schemas[name].get("properties", {}).keys(), name
        assert not [member for member in schemas[name].get("properties", {}).values() if "default" in member], name
    for name in written:
        members = schemas[name]["properties"].values()
        assert not [member for member in members if member.get("default", "") is None], name
        assert not schemas[name].keys() & {"anyOf", "oneOf", "allOf"}, name
    assert written <= schemas.keys()


@pytest.mark.parametrize(
    ("contact", "fits"),
    [
        ({"name": "Ada"}, True),
        ({"company": "Engines"}, True),
        ({"emails": ["ada@x.example"]}, True),
        ({"phones": ["+44 20 7946 0000"], "name": None}, True),
        ({"identities": [{"kind": "telegram", "value": "@ada"}]}, True),
        ({}, False),
        ({"name": "", "company": None, "emails": [], "phones": [], "identities": []}, False),
        ({"notes": "Nobody knows whose."}, False),
    ],
)
def test_a_new_contact_has_something_that_it_is_known_by(contact: dict[str, Any], fits: bool) -> None:
    document = openapi_document()
    schema = {"$ref": "#/components/schemas/NewContact", "components": document["components"]}
    assert Draft202012Validator(schema).is_valid(contact) is fits
    assert document["paths"]["/api/v1/contacts"]["post"]["requestBody"]["required"]
    assert not document["paths"]["/api/v1/contacts/{contact_id}"]["patch"]["requestBody"]["required"]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_every_endpoint_describes_what_it_does_and_refuses_unknown_fields(endpoint: Endpoint) -> None:
    assert endpoint.summary
    assert endpoint.summary[0].isupper()
    assert endpoint.reply or endpoint.status == 204 or endpoint.media_type != "application/json"
    if endpoint.body:
        assert endpoint.body.model_config.get("extra") == "forbid", "a misspelt field must not pass in silence"
