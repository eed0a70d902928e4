"""What prep's handlers are handed, and that it is given back when the service stops."""

from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, cast

from pydantic import SecretStr

from libs.common.config import Settings
from services.prep.context import Context


async def test_the_client_of_claude_is_closed_when_the_service_stops() -> None:
    nothing = cast(Any, None)
    settings = Settings(
        anthropic_api_key=SecretStr("sk-test"), gmail_project_units_per_minute=0, gmail_units_per_minute=0
    )
    async with AsyncExitStack() as stack:
        resources = SimpleNamespace(
            settings=settings, stack=stack, db=nothing, cache=nothing, bus=nothing, http=nothing
        )
        access = Context.of(cast(Any, resources)).claude.access
        assert access is not None
        client = await access.client(seconds=5)
        assert await access.client(seconds=5) is client
        assert not client.is_closed
    assert client.is_closed
