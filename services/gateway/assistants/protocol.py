"""The Model Context Protocol, spoken by its official package. Nothing else imports that, and this only when an assistant first calls.

Each request is served by itself: no session is kept, so every replica answers every call, and what comes back is one JSON document. Nothing
here has progress to report or anything to ask of a client.
"""

from collections.abc import Sequence
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp.types import Tool as ListedTool
from starlette.types import Receive, Scope, Send

from services.gateway.api.endpoint import Call
from services.gateway.assistants.asgi import AsgiApp
from services.gateway.assistants.tool import Tool, use
from services.gateway.domain.quoted import NOTICE

CALL = "pingcrm.call"
"""Where the scope of a request has the caller's call."""

INSTRUCTIONS = (
    "PingCRM is the user's own contact manager: it has the people they know, one timeline per person with mail, meetings and notes, how "
    "close they are, and a brief before each meeting. Begin with find_people or upcoming_meetings: they give the ids that the other tools "
    "need. Lists come in pages: call again with next_cursor for more, and stop when you have what was asked for. "
    + NOTICE
)

Context = ServerRequestContext[Any, Any]


def protocol_app(tools: Sequence[Tool]) -> AsgiApp:
    """An application that serves these tools."""
    by_name = {known.name: known for known in tools}
    listed = [(known.over.scope, _listed(known)) for known in tools]

    async def list_tools(context: Context, _: PaginatedRequestParams | None) -> ListToolsResult:
        scopes = _call(context).caller.scopes
        return ListToolsResult(tools=[tool for scope, tool in listed if scope in scopes])

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        if params.name not in by_name:
            raise MCPError(INVALID_PARAMS, "There is no tool of this name: tools/list has them.")
        outcome = await use(by_name[params.name], _call(context), params.arguments or {})
        return CallToolResult(
            content=[TextContent(text=outcome.text)],
            structured_content=outcome.values,
            is_error=outcome.values is None,
        )

    server = Server("pingcrm", title="PingCRM", instructions=INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool)  # fmt: skip

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        manager = StreamableHTTPSessionManager(server, stateless=True, json_response=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    return app


def _call(context: Context) -> Call:
    assert context.request is not None
    call: Call = context.request.scope[CALL]
    return call


def _listed(known: Tool) -> ListedTool:
    return ListedTool(
        name=known.name,
        title=known.title,
        description=known.description,
        input_schema=known.arguments.model_json_schema(),
        output_schema=known.result.model_json_schema(),
        annotations=ToolAnnotations(
            read_only_hint=known.reads_only, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )
