"""A local server that speaks Anthropic's Messages API as far as PingCRM can see, and misbehaves on request."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from aiohttp import web

from libs.common.web import port_of

Mode = Literal["success", "refusal", "error", "overloaded", "slow", "malformed", "not_json", "cut", "held", "in_words"]
SLOW_SECONDS = 30.0
INPUT_TOKENS, OUTPUT_TOKENS = 1_200, 150


def points(*labelled: tuple[str, list[str]]) -> dict[str, Any]:
    """A reply in the shape that prep requests."""
    return {"points": [{"text": text, "evidence": evidence} for text, evidence in labelled]}


@dataclass
class FakeClaude:
    """`mode` decides how it replies (`held`: not before `release`; `in_words`: without schemas), `reply` what (a function of the prompt),
    `seconds` after how long.

    `requests` are the bodies it got.
    """

    url: str = ""
    mode: Mode = "success"
    reply: Callable[[str], dict[str, Any]] = lambda _: points(("Ask about the pricing.", ["I1"]))
    requests: list[dict[str, Any]] = field(default_factory=list)
    cached: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        self.requests.append(body)
        await asyncio.sleep(self.seconds)
        match self.mode:
            case "slow":
                await asyncio.sleep(SLOW_SECONDS)
            case "held":
                await self.release.wait()
            case "error":
                return _error(401, "authentication_error")
            case "in_words" if "output_config" in body:
                return _error(400, "invalid_request_error")
            case "overloaded":
                return _error(529, "overloaded_error")
            case "not_json":
                return web.Response(text="<html>a proxy's page</html>", content_type="text/html")
            case "cut":
                return web.Response(body=b'{"id": "msg_1", "content": [', content_type="application/json")
            case _:
                pass
        return web.json_response(self._message(body), headers={"request-id": "req_test"})

    def _message(self, body: dict[str, Any]) -> dict[str, Any]:
        text = orjson.dumps(self.reply(body["messages"][0]["content"])).decode()
        texts = {
            "refusal": "I can't help with that.",
            "malformed": text[: len(text) // 2],
            "in_words": f"Here it is:\n```json\n{text}\n```",
        }
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [{"type": "text", "text": texts.get(self.mode, text)}],
            "stop_reason": "refusal" if self.mode == "refusal" else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS, **self.cached},
        }


def _error(status: int, kind: str) -> web.Response:
    body = {"type": "error", "error": {"type": kind, "message": "No."}, "request_id": "req_test"}
    return web.json_response(body, status=status, headers={"x-should-retry": "false"})


@asynccontextmanager
async def run_claude(mode: Mode = "success") -> AsyncIterator[FakeClaude]:
    fake = FakeClaude(mode=mode)
    app = web.Application()
    app.add_routes([web.post("/v1/messages", fake.handle)])
    # A slow reply ends with its requester, or with the test.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.url = f"http://127.0.0.1:{port_of(runner)}"
        yield fake
    finally:
        await runner.cleanup()
