"""docs/asyncapi.json as pages: the events, the requests between the services, and the schemas."""

from collections.abc import Iterator, Mapping
from typing import Any

from docs.handbook.json_schema import anchor, cell, schema_name, schema_sections

SCHEMAS = "bus-schemas.md"
REPLY = ".reply"
MADE = "Made of [asyncapi.json](../asyncapi.json) at each build."


def events_page(document: Mapping[str, Any]) -> str:
    """What is published: for integrations first, with how to be one, then what only the services see."""
    events = _channels(document, requests=False)
    offered = [name for name in events if _roles(document, name, "pulls") or name.startswith("rejected.")]
    own = [name for name in events if name not in offered]
    return "\n".join(
        [
            *("# Events of the bus", "", f"{MADE} [How to begin](../build/bus.md) is a page of its own.", ""),
            *(str(document["info"]["description"]).strip(), ""),
            *("## For integrations", "", *_table(document, offered), ""),
            *("## Between the services", "", *_table(document, own), ""),
        ]
    )


def requests_page(document: Mapping[str, Any]) -> str:
    """Every command and query, by the service that serves it."""
    lines = [
        "# Requests between the services",
        "",
        "Made of [asyncapi.json](../asyncapi.json) at each build, for who works on PingCRM: nobody else may send them.",
    ]
    by_service: dict[str, list[str]] = {}
    for name in _channels(document, requests=True):
        for operation, entry in document["operations"].items():
            service, _, rest = operation.partition(".serves.")
            if rest == name:
                by_service.setdefault(service, []).append(_request_row(document, name, entry))
    for service, rows in sorted(by_service.items()):
        lines += [
            "",
            f"## {service}",
            "",
            "| request | what is sent, and what comes back | |",
            "| --- | --- | --- |",
            *rows,
        ]
    return "\n".join([*lines, ""])


def bus_schemas_page(document: Mapping[str, Any]) -> str:
    """What messages are made of."""
    opening = [
        "# Shapes on the bus",
        "",
        "What messages are made of. [The events](events.md) and [the requests](requests.md) name them.",
    ]
    return "\n".join([*opening, *schema_sections(document["components"]["schemas"], SCHEMAS), ""])


def _channels(document: Mapping[str, Any], *, requests: bool) -> list[str]:
    """Names of channels. A request is one that has a channel for its reply."""
    names = [name for name in document["channels"] if not name.endswith(REPLY)]
    return [name for name in names if (f"{name}{REPLY}" in document["channels"]) is requests]


def _roles(document: Mapping[str, Any], channel: str, role: str) -> list[str]:
    """Who publishes, consumes, serves or pulls what goes through a channel."""
    return [
        operation.partition(".")[0]
        for operation, entry in document["operations"].items()
        if operation.split(".")[1] == role and entry["channel"]["$ref"] == f"#/channels/{channel}"
    ]


def _table(document: Mapping[str, Any], names: list[str]) -> Iterator[str]:
    yield from ("| subject | from | to | what it carries |", "| --- | --- | --- | --- |")
    for name in names:
        channel = document["channels"][name]
        publishers = ", ".join(_roles(document, name, "publishes"))
        receivers = ", ".join([*_roles(document, name, "consumes"), *_roles(document, name, "pulls")])
        yield f"| `{channel['address']}` | {publishers} | {receivers} | {_what(document, channel)} |"


def _what(document: Mapping[str, Any], channel: Mapping[str, Any]) -> str:
    links = [_schema_link(document, schema_name(message["$ref"])) for message in channel["messages"].values()]
    return cell(" ".join(filter(None, (", ".join(filter(None, links)), str(channel.get("description", "")).strip()))))


def _schema_link(document: Mapping[str, Any], message: str) -> str:
    reference = document["components"]["messages"][message].get("payload", {}).get("$ref", "")
    return f"[{schema_name(reference)}]({SCHEMAS}#{anchor(schema_name(reference))})" if reference else ""


def _request_row(document: Mapping[str, Any], name: str, operation: Mapping[str, Any]) -> str:
    channel, reply = document["channels"][name], document["channels"][f"{name}{REPLY}"]
    description = cell(str(channel.get("description", "")).strip())
    shapes = " → ".join(filter(None, (_links_of(document, channel), _links_of(document, reply))))
    return f"| `{name}` | {shapes} | {description} |"


def _links_of(document: Mapping[str, Any], channel: Mapping[str, Any]) -> str:
    return ", ".join(
        filter(None, (_schema_link(document, schema_name(m["$ref"])) for m in channel["messages"].values()))
    )
