"""Show the tools of PingCRM and the meetings of the next days, by the configuration of an assistant: python assistant.py"""

import asyncio
import json
import os
import re
from pathlib import Path

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

CONFIGURATION = Path(__file__).with_name("assistant.mcp.json")


def expanded(text: str) -> str:
    """The text with ${NAME} and ${NAME:-default} filled from the environment, as assistants fill them."""
    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda found: os.environ.get(found[1]) or found[2] or "", text)


async def main() -> None:
    server = json.loads(expanded(CONFIGURATION.read_text()))["mcpServers"]["pingcrm"]
    async with (
        httpx2.AsyncClient(headers=server["headers"], timeout=60) as http,
        Client(streamable_http_client(server["url"], http_client=http)) as client,
    ):
        for tool in (await client.list_tools()).tools:
            print(f"{tool.name}: {tool.title}")
        found = await client.call_tool("upcoming_meetings", {"days": 7})
        for meeting in found.structured_content["meetings"]:
            print(f"{meeting['starts']}  {meeting['title']['quoted']}")


asyncio.run(main())
