"""The AsyncAPI 3.0 document of the bus, out of events/, requests/ and topology.py: `python -m libs.common.asyncapi > docs/asyncapi.json`.

`pingcrm asyncapi` prints it with the address of the installation that runs.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from nats.js.api import StreamConfig
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from libs.common.asyncapi_texts import ACCOUNT_ID, BUS, INTEGRATION, LOGIN, REJECTED, SERVER, USER_ID
from libs.common.events import ALSO_KEPT, BROADCAST, EVENTS, OFFERED, TICKS, Event
from libs.common.integrations import INTEGRATION_STREAM, PUBLISHABLE, Missed
from libs.common.requests import REQUESTS
from libs.common.topology import ACK_WAIT_SECONDS, CONSUMERS, DAY_SECONDS, Consumer, streams

Part = dict[str, Any]

VERSION = "0.2.0"
EXAMPLE_HOST = "nats.example.org:4222"
HEADERS: Part = {
    "type": "object",
    "properties": {
        "Nats-Msg-Id": {
            "type": "string",
            "description": "The same for an event that comes again. On every message for integrations, not on all others.",
        },
        "Pingcrm-Trace": {"type": "string", "description": "The same on everything with one cause, in logs too."},
    },
}
REJECTION_HEADERS: Part = {
    "type": "object",
    "required": ["Pingcrm-Reason", "Pingcrm-Subject", "Pingcrm-At", "Pingcrm-Attempts"],
    "properties": {
        "Pingcrm-Reason": {
            "type": "string",
            "description": "What is wrong: the field and the rule, without its value.",
        },
        "Pingcrm-Subject": {"type": "string", "description": "Under which it was published."},
        "Pingcrm-At": {"type": "string", "format": "date-time"},
        "Pingcrm-Attempts": {
            "type": "string",
            "description": "How often it was tried: 1 where it could never succeed.",
        },
        "Pingcrm-Encoding": {
            "type": "string",
            "enum": ["gzip"],
            "description": "There where the payload is compressed.",
        },
    },
}


def document(hosts: Sequence[str] = (EXAMPLE_HOST,)) -> str:
    """Every event and request with who sends and who gets it, and what integrations may have of them, as JSON.

    `hosts`: where the servers are, as `host:port`.
    """
    described: Part = {
        "asyncapi": "3.0.0",
        "info": {"title": "PingCRM: the bus", "version": VERSION, "description": BUS},
        "defaultContentType": "application/json",
        "servers": {f"nats{number or ''}": _server(host) for number, host in enumerate(hosts)},
        "channels": dict(_channels()),
        "operations": dict(_operations()),
        "components": {
            "securitySchemes": {"login": {"type": "userPassword", "description": LOGIN}},
            "messages": dict(_messages()),
            "schemas": _schemas(),
        },
        "x-streams": [_stream(config) for config in streams(1)],
    }
    return orjson.dumps(
        described, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    ).decode()


def _server(host: str) -> Part:
    return {
        "host": host,
        "protocol": "nats",
        "description": SERVER,
        "security": [_ref("components/securitySchemes/login")],
    }


def _channels() -> Iterator[tuple[str, Part]]:
    for event in (*EVENTS, *TICKS):
        yield event.subject, _channel(event.subject, _doc(event), event.__name__) | _kept_in(event)
    for event in OFFERED:
        parameters = {"user_id": {"description": USER_ID}, "account_id": {"description": ACCOUNT_ID}}
        address = f"users.{{user_id}}.{{account_id}}.{event.subject}"
        about = f"For integrations: a copy of `{event.subject}` under the user whom it is about. {_doc(event)}"
        yield f"users.{event.subject}", _channel(address, about, event.__name__) | {
            "parameters": parameters, "x-stream": INTEGRATION_STREAM,
        }  # fmt: skip
    for event in PUBLISHABLE:
        parameters = {"integration": {"description": INTEGRATION}, "user_id": {"description": USER_ID}}
        about = f"From integrations: `{event.subject}` under its author and the user whom it is about. {_doc(event)}"
        yield (
            f"integrations.{event.subject}",
            _channel(f"{event.subject}.{{integration}}.{{user_id}}", about, event.__name__)
            | {"parameters": parameters, "x-stream": "EVENTS"},
        )
        yield (
            f"rejected.{event.subject}",
            _channel(f"rejected.{{integration}}.{event.subject}", REJECTED, f"{event.__name__}Rejected")
            | {"parameters": {"integration": {"description": INTEGRATION}}, "x-stream": INTEGRATION_STREAM},
        )
    about = _doc(Missed)
    yield "missed", _channel("missed.{integration}", about, "Missed") | {
        "parameters": {"integration": {"description": INTEGRATION}}, "x-stream": INTEGRATION_STREAM,
    }  # fmt: skip
    for request in REQUESTS:
        yield request.subject, _channel(request.subject, _doc(request), request.__name__)
        about = f"The reply to `{request.subject}`, in the inbox of who requested it."
        yield f"{request.subject}.reply", _channel(None, about, f"{request.__name__}Reply")


def _operations() -> Iterator[tuple[str, Part]]:
    consumers = {(consumer.service, consumer.event): consumer for consumer in CONSUMERS}
    for event in (*EVENTS, *TICKS):
        for publisher in event.published_by:
            yield (
                f"{publisher}.publishes.{event.subject}",
                _operation("send", event.subject, f"{publisher} publishes it", event.__name__),
            )
        for service in event.consumed_by:
            described = _operation("receive", event.subject, f"{service} consumes it", event.__name__)
            known = consumers.get((service, event))
            yield f"{service}.consumes.{event.subject}", described | (_consumer(known) if known else {})
    for event in OFFERED:
        described = _operation("receive", f"users.{event.subject}", "An integration pulls it", event.__name__)
        consumer = {"stream": INTEGRATION_STREAM, "durable_name": "{integration}", "ack_wait_seconds": ACK_WAIT_SECONDS}
        yield f"integration.pulls.{event.subject}", described | {"x-consumer": consumer}
    for event in PUBLISHABLE:
        yield (
            f"integration.publishes.{event.subject}",
            _operation("send", f"integrations.{event.subject}", "An integration publishes it", event.__name__),
        )
        yield (
            f"integration.pulls.rejected.{event.subject}",
            _operation(
                "receive",
                f"rejected.{event.subject}",
                "Its author gets back what can't be handled",
                f"{event.__name__}Rejected",
            ),
        )
    yield "integration.pulls.missed", _operation("receive", "missed", "An integration learns what it missed", "Missed")
    for request in REQUESTS:
        title = f"{', '.join(request.requested_by)} request it of {request.served_by}"
        reply = {
            "address": {"location": "$message.header#/reply-to"},
            "channel": _ref(f"channels/{request.subject}.reply"),
            "messages": [_ref(f"channels/{request.subject}.reply/messages/{request.__name__}Reply")],
        }
        yield (
            f"{request.served_by}.serves.{request.subject}",
            _operation("receive", request.subject, title, request.__name__) | {"reply": reply},
        )


def _messages() -> Iterator[tuple[str, Part]]:
    for event in (*EVENTS, *TICKS):
        empty = {"type": "object", "description": "Empty."}
        payload = empty if event in TICKS else _ref(f"components/schemas/{event.__name__}")
        yield (
            event.__name__,
            _message(event.__name__, f"{event.subject}: {_doc(event)}", payload) | {"headers": HEADERS},
        )
    for event in PUBLISHABLE:
        name = f"{event.__name__}Rejected"
        yield (
            name,
            _message(name, REJECTED, {"description": "As it was published, JSON or not."})
            | {"headers": REJECTION_HEADERS},
        )
    yield "Missed", _message("Missed", _doc(Missed), _ref("components/schemas/Missed"))
    for request in REQUESTS:
        yield (
            request.__name__,
            _message(
                request.__name__, f"{request.subject}: {_doc(request)}", _ref(f"components/schemas/{request.__name__}")
            ),
        )
        reply = request.reply
        yield (
            f"{request.__name__}Reply",
            _message(
                f"{request.__name__}Reply",
                f"The reply to {request.subject}: {_doc(reply)}",
                _ref(f"components/schemas/{reply.__name__}"),
            ),
        )


def _schemas() -> Mapping[str, Any]:
    models: list[type[BaseModel]] = [*EVENTS, Missed, *REQUESTS, *{request.reply for request in REQUESTS}]
    _, described = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas: Mapping[str, Any] = described["$defs"]
    return schemas


def _channel(address: str | None, about: str, message: str) -> Part:
    return {"address": address, "description": about, "messages": {message: _ref(f"components/messages/{message}")}}


def _operation(action: str, channel: str, title: str, message: str) -> Part:
    return {
        "action": action,
        "title": title,
        "channel": _ref(f"channels/{channel}"),
        "messages": [_ref(f"channels/{channel}/messages/{message}")],
    }


def _message(name: str, summary: str, payload: Part) -> Part:
    return {"name": name, "title": name, "summary": summary, "contentType": "application/json", "payload": payload}


def _kept_in(event: type[Event]) -> Part:
    if event in BROADCAST and event not in ALSO_KEPT:
        return {}  # plain NATS, for whoever is connected; the stream has it for the copies of integrations alone
    return {"x-stream": "CLOCK" if event in TICKS else "EVENTS"}


def _consumer(consumer: Consumer) -> Part:
    return {
        "x-consumer": {
            "stream": consumer.stream,
            "durable_name": consumer.name,
            "ack_wait_seconds": consumer.config().ack_wait,
        }
    }


def _stream(config: StreamConfig) -> Part:
    return {
        "name": config.name,
        "subjects": config.subjects,
        "retention": config.retention,
        "max_age_days": config.max_age / DAY_SECONDS if config.max_age else None,
        "max_bytes": config.max_bytes,
    }


def _ref(path: str) -> Part:
    return {"$ref": f"#/{path}"}


def _doc(payload: type) -> str:
    return " ".join((payload.__doc__ or "").split())


if __name__ == "__main__":
    sys.stdout.write(document())
