"""What the document allows is taken, what it forbids is refused, and every response is declared: by chance, against all services.

In the suite one request of each kind for each operation that takes something; `make proof` sends turn after turn of them to every
operation, for ten minutes.
"""

import asyncio
import os
from collections.abc import Iterator
from itertools import count
from time import monotonic
from typing import Any

import aiohttp
import pytest

from services.gateway.api.openapi import openapi_document
from services.gateway.sessions.cookies import SESSION_COOKIE
from tests.integration.gateway.test_gateway_hostile_input import api
from tests.support.fuzzing import Caller, faults, operations

__all__ = ["api"]

# Its generators draw from `random`, which Hypothesis seeds.
pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")

SECONDS = float(os.environ.get("PINGCRM_PROOF_FUZZING_SECONDS", "0"))
NUMBER = 20 if SECONDS else 1
# Endless; the end of the caller, or of the session that calls.
LEFT_OUT = {"stream_events", "delete_me", "sign_out_everywhere"}


def takes_something(operation: dict[str, object]) -> bool:
    return "requestBody" in operation or "query" in str(operation["parameters"])


def turns() -> Iterator[int]:
    """A whole turn, and others for as long as is set."""
    until = monotonic() + SECONDS
    for turn in count(1):
        yield turn
        if monotonic() >= until:
            return


async def things_of(client: aiohttp.ClientSession, turn: int) -> dict[str, str]:
    """Something of the caller's for each parameter that leads to it: an operation may have deleted what was there before."""

    async def newest(path: str, body: dict[str, Any]) -> str:
        async with client.post(f"/api/v1{path}", json=body):
            pass  # there may be as many as there can be
        async with client.get(f"/api/v1{path}") as response:
            return str((await response.json())["items"][0]["id"])

    things = {
        "exclusion_id": await newest("/do-not-record", {"value": f"turn-{turn}.example"}),
        "token_id": await newest("/tokens", {"name": "a token"}),
    }
    for name in ("contact_id", "other_id"):
        async with client.post("/api/v1/contacts", json={"name": "Dora"}) as response:
            things[name] = (await response.json())["id"]
    async with client.get("/api/v1/accounts") as response:
        for account in (await response.json())["items"]:
            things["account_id"] = account["id"]
    return things


async def test_the_document_is_true_of_requests_by_chance(api: tuple[aiohttp.ClientSession, dict[str, str]]) -> None:
    client, _ = api
    url = str(client._base_url).rstrip("/")
    tried, found = 0, []
    for turn in turns():
        caller = Caller(url, {"Cookie": f"{SESSION_COOKIE}=1", "Origin": url}, await things_of(client, turn))
        for operation in operations(openapi_document()):
            declared = operation.definition.raw
            if declared["operationId"] in LEFT_OUT or not (SECONDS or takes_something(declared)):
                continue
            found += await asyncio.to_thread(faults, operation, caller, turn, NUMBER)
            tried += 1
        assert not found, "\n".join(dict.fromkeys(found))
    assert tried >= 19
