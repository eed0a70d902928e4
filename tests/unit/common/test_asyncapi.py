"""The AsyncAPI document in docs/ is the one that events/, requests/ and topology.py yield, and somebody can connect with it."""

import json
from collections.abc import Iterator
from typing import Any

from libs.common.asyncapi import document
from libs.common.events import EVENTS, OFFERED, TICKS
from libs.common.requests import REQUESTS
from libs.common.topology import CONSUMERS, streams
from libs.local import ROOT

DESCRIBED: dict[str, Any] = json.loads(document())


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        yield from [part["$ref"]] if "$ref" in part else []
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def fields_of(schemas: dict[str, Any], model: type) -> set[str]:
    return set(schemas[model.__name__].get("properties", {}))


def test_the_committed_document_is_up_to_date() -> None:
    committed = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
    assert committed == DESCRIBED, "run `make docs`"


def test_every_subject_is_documented() -> None:
    addresses = {channel["address"] for channel in DESCRIBED["channels"].values()}
    assert addresses >= {declared.subject for declared in (*EVENTS, *TICKS, *REQUESTS)}
    assert addresses >= {f"users.{{user_id}}.{{account_id}}.{event.subject}" for event in OFFERED}
    assert addresses >= {"interaction.reported.{integration}.{user_id}", "rejected.{integration}.interaction.reported"}


def test_everything_that_is_referred_to_is_there() -> None:
    for reference in set(references(DESCRIBED)):
        part = DESCRIBED
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
        assert part, reference


def test_every_message_has_its_own_name_its_payload_and_a_sentence() -> None:
    messages = DESCRIBED["components"]["messages"]
    assert {message["name"] for message in messages.values()} == set(messages)
    assert all(message["summary"] and message["payload"] for message in messages.values())
    schemas = DESCRIBED["components"]["schemas"]
    for event in EVENTS:
        assert messages[event.__name__]["payload"] == {"$ref": f"#/components/schemas/{event.__name__}"}
        assert set(schemas[event.__name__]["properties"]) == set(event.model_fields)
    for request in REQUESTS:
        assert fields_of(schemas, request) == {field.alias or name for name, field in request.model_fields.items()}
        assert fields_of(schemas, request.reply) == {
            field.alias or name for name, field in request.reply.model_fields.items()
        }


def test_it_tells_where_and_how_to_connect_and_from_where_to_pull() -> None:
    [server] = json.loads(document(["127.0.0.1:4777"]))["servers"].values()
    assert (server["host"], server["protocol"]) == ("127.0.0.1:4777", "nats")
    assert server["security"] == [{"$ref": "#/components/securitySchemes/login"}]
    assert [stream["name"] for stream in DESCRIBED["x-streams"]] == [config.name for config in streams(1)]
    operations = DESCRIBED["operations"]
    for consumer in CONSUMERS:
        described = operations[f"{consumer.service}.consumes.{consumer.event.subject}"]["x-consumer"]
        assert (described["stream"], described["durable_name"]) == (consumer.stream, consumer.name)
        assert DESCRIBED["channels"][consumer.event.subject]["x-stream"] == consumer.stream
    for event in OFFERED:
        assert operations[f"integration.pulls.{event.subject}"]["x-consumer"]["stream"] == "INTEGRATIONS"
    for topic in (
        "inbox_prefix",
        "`user_id` is printed by",
        "30 seconds",
        "14 days",
        "256 MB",
        "Pingcrm-Reason",
        "pingcrm integration create",
    ):
        assert topic in DESCRIBED["info"]["description"], topic
