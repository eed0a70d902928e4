"""The API documents: the OpenAPI file, and the same as a page for people."""

from functools import partial
from typing import Any

import orjson
from aiohttp import web

from services.gateway.api.openapi import openapi_document
from services.gateway.api.serving import PREFIX
from services.gateway.context import Context


def docs_routes(context: Context) -> list[web.RouteDef]:
    document = openapi_document()
    return [
        web.get(f"{PREFIX}/openapi.json", partial(show_document, orjson.dumps(document))),
        web.get(f"{PREFIX}/docs", partial(show_page, context, _by_tag(document), _schemas(document))),
    ]


async def show_document(body: bytes, _: web.Request) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-cache"})


async def show_page(
    context: Context, groups: list[dict[str, Any]], schemas: dict[str, str], _: web.Request
) -> web.Response:
    return context.pages.page("docs.html", {"groups": groups, "schemas": schemas})


def _by_tag(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations under their tags, as the template lists them."""
    groups: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    called = {f"your webhook_url: {name}": operations for name, operations in document["webhooks"].items()}
    for path, operations in {**document["paths"], **called}.items():
        for method, operation in operations.items():
            groups[operation["tags"][0]].append(
                {
                    "method": method.upper(),
                    "path": path,
                    "id": operation["operationId"],
                    "summary": operation["summary"],
                    "scope": _scope(operation),
                    "description": operation.get("description", ""),
                    "parameters": operation["parameters"],
                    "body": _schema_name(operation.get("requestBody", {})),
                    "responses": [
                        (status, response["description"], _schema_name(response))
                        for status, response in operation["responses"].items()
                    ],
                }
            )
    return [{"tag": tag, "operations": operations} for tag, operations in groups.items()]


def _scope(operation: dict[str, Any]) -> str | None:
    """What an API token needs for it; empty where none will do, None for what is called by us."""
    if not operation["security"]:
        return None
    return next((scopes[0] for need in operation["security"] for scopes in need.values() if scopes), "")


def _schema_name(content: dict[str, Any]) -> str:
    """Of a webhook's body, that of its data."""
    for media in content.get("content", {}).values():
        schema = media["schema"].get("properties", {}).get("data", media["schema"])
        return str(schema.get("$ref", "")).rpartition("/")[2]
    return ""


def _schemas(document: dict[str, Any]) -> dict[str, str]:
    return {
        name: orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode()
        for name, schema in sorted(document["components"]["schemas"].items())
    }
