"""Responding: every request gets a reply, or a refusal that names why not. Never a silence: its caller would wait in vain."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import BaseModel, ValidationError

from libs.common import db, idempotency
from libs.common.bus.payloads import limit_of
from libs.common.bus.requesting import DEADLINE_HEADER, IDEMPOTENCY_HEADER
from libs.common.bus.validation import first_problem
from libs.common.cache import Cache
from libs.common.counters import REQUEST_OUTCOMES
from libs.common.errors import Refused
from libs.common.fault_points import reached
from libs.common.idempotency import CommandKey
from libs.common.ids import Service
from libs.common.log import TRACE_HEADER, describe_span, get_logger, traced
from libs.common.requests import Command, Request

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Responder:
    """How one service serves one kind of request: `{"answer": …}` or `{"refused": …}` goes back."""

    service: Service
    request: type[Request[Any]]
    handler: Callable[[Any], Awaitable[BaseModel]]
    cache: Cache
    outages: tuple[type[BaseException], ...]

    async def respond(self, client: Client, message: Msg) -> None:
        """Handle a request, and send what came of it."""
        headers = message.headers or {}
        with traced(headers.get(TRACE_HEADER, ""), span=self.request.subject):
            reply = self._fitting(await self._reply_to(message.data, headers), limit_of(client))
            try:
                await client.publish(message.reply, reply)
            except (nats.errors.Error, OSError) as error:
                get_logger().warning("reply_lost", subject=self.request.subject, error=type(error).__name__)

    def _fitting(self, reply: bytes, limit_bytes: int) -> bytes:
        if len(reply) <= limit_bytes:
            return reply
        get_logger().error(
            "reply_too_large", subject=self.request.subject, size_bytes=len(reply), limit_bytes=limit_bytes
        )
        return _refusal(
            Refused(
                500,
                "reply_too_large",
                f"The reply has {len(reply):,} bytes, and at most {limit_bytes:,} can be sent. Ask for less at once.",
            )
        )

    async def _reply_to(self, body: bytes, headers: Headers) -> bytes:
        """The reply's bytes, whatever happens."""
        started = perf_counter()
        subject, outcome = self.request.subject, "answered"
        try:
            return b'{"answer":' + await self._reply_json(body, headers) + b"}"
        except Refused as refusal:
            outcome = refusal.code
            return _refusal(refusal)
        except db.STATEMENT_TIMEOUTS:
            outcome = "timed_out"
            get_logger().warning("answer_timed_out", subject=subject)
            return _refusal(Refused(504, "timed_out", "This took too long and was stopped. Ask for less at once."))
        except self.outages as error:
            outcome = "outage"
            get_logger().warning("answer_unavailable", subject=subject, error=type(error).__name__)
            retry_after = getattr(error, "retry_after", None)
            extra = {"retry_after": retry_after.total_seconds()} if retry_after else {}
            return _refusal(Refused(503, "unavailable", "Something we need is away. Try again in a moment.", **extra))
        except Exception:
            outcome = "failed"
            get_logger().exception("answer_failed", subject=subject)
            return _refusal(Refused(500, "internal", "Something went wrong here. It is in the log."))
        finally:
            REQUEST_OUTCOMES.labels(subject, outcome).inc()
            describe_span(outcome=outcome)
            get_logger().debug("answered", subject=subject, outcome=outcome, ms=_ms_since(started))

    async def _reply_json(self, body: bytes, headers: Headers) -> bytes:
        """The reply's JSON. A request that is invalid or late is refused before anything is begun."""
        try:
            request = self.request.model_validate_json(body)
        except ValidationError as error:
            raise Refused(422, "invalid", f"{first_problem(error, 'the request')}.") from error
        late = time.time() - _deadline(headers)
        if late > 0:
            get_logger().warning("deadline_passed", subject=self.request.subject, late_s=round(late, 1))
            raise Refused(
                503, "deadline_passed", "This was reached too late, and was not begun. Try again in a moment."
            )
        key, user_id = headers.get(IDEMPOTENCY_HEADER), getattr(request, "user_id", None)
        with db.on_behalf_of(user_id):
            if not key or not isinstance(request, Command):
                return await self._handle(request)
            command = CommandKey(self.service, self.request.subject, str(user_id or "-"), key)
            return await self._do_once(request, command, body)

    async def _handle(self, request: Request[Any]) -> bytes:
        await reached("request.received", self.request.subject)
        reply = (await self.handler(request)).model_dump_json().encode()
        await reached("request.handled", self.request.subject)
        return reply

    async def _do_once(self, request: Request[Any], command: CommandKey, body: bytes) -> bytes:
        """The first reply to this command is the reply to all tries of it. What was refused or failed is tried anew."""
        begun = await idempotency.begin(self.cache, command, body)
        if isinstance(begun, bytes):
            return begun
        try:
            with idempotency.under(command):
                reply = await self._handle(request)
        except BaseException:
            await self._keeping(begun.abandon())
            raise
        await self._keeping(begun.finish(reply))
        return reply

    async def _keeping(self, record: Awaitable[None]) -> None:
        """Without Redis the command is done all the same; another try finds what this one created."""
        try:
            await record
        except self.outages as error:
            get_logger().warning("reply_not_kept", subject=self.request.subject, error=type(error).__name__)


def _deadline(headers: Headers) -> float:
    """Unix seconds; without one, or with one that is none, there is always time."""
    try:
        return float(headers[DEADLINE_HEADER])
    except (KeyError, ValueError):
        return float("inf")


def _refusal(refused: Refused) -> bytes:
    body = {"status": refused.status, "code": refused.code, "detail": refused.detail, "extra": refused.extra}
    return orjson.dumps({"refused": body}, default=str)


def _ms_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 1)
