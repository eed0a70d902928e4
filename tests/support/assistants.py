"""An assistant as the official client of the protocol makes one."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, get_args

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

Mode = Literal["auto", "legacy"]
MODES: tuple[Mode, ...] = get_args(Mode)


@asynccontextmanager
async def assistant(url: str, token: str, mode: Mode = "auto") -> AsyncIterator[Client]:
    """A client of the gateway at `url`. `legacy` is the protocol of 2025, with its handshake."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


def text_of(result: CallToolResult) -> str:
    """The text that a model reads."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


async def use(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool returns; asserts that its text and its values are the same."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text_of(result)
    values = json.loads(text_of(result))
    assert values == result.structured_content
    return dict(values)


async def refusal(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool says that refuses."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, text_of(result)
    return dict(json.loads(text_of(result)))
