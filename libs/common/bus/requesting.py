"""Requesting: a request is sent with its deadline, and its reply or refusal comes back."""

import asyncio
import time
from typing import TypeVar

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import BaseModel

from libs.common.bus.payloads import limit_of
from libs.common.errors import Outage, Refused
from libs.common.idempotency import checked_key
from libs.common.log import TRACE_HEADER, current_trace
from libs.common.requests import Request

R = TypeVar("R", bound=BaseModel)

# Unix seconds. Who serves a request does not begin it after this: its caller has given up, and must not find it done later.
# The clocks of a cluster's machines have to agree (NTP): to within a part of the seconds that a caller waits.
DEADLINE_HEADER = "Pingcrm-Deadline"
IDEMPOTENCY_HEADER = "Pingcrm-Idempotency-Key"

NO_RESPONDER_SECONDS, NO_RESPONDER_PAUSE_SECONDS = 2.0, 0.1


async def send_request(client: Client, request: Request[R], seconds: float, idempotency_key: str | None) -> R:
    """The reply. Refused: the other service's no. Outage: no reply within `seconds`."""
    body = request.model_dump_json().encode()
    if len(body) > limit_of(client):
        raise Refused(
            413,
            "request_too_large",
            f"This has {len(body):,} bytes, and at most {limit_of(client):,} can be passed on.",
        )
    headers = {DEADLINE_HEADER: f"{time.time() + seconds:.3f}"}
    if current_trace():
        headers[TRACE_HEADER] = current_trace()
    if idempotency_key:
        headers[IDEMPOTENCY_HEADER] = checked_key(idempotency_key)
    try:
        message = await _send(client, request.subject, body, headers, seconds)
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise Outage(f"Nobody replied to {request.subject}: {type(error).__name__}") from error
    reply: R = request.reply.model_validate(_reply_in(message.data))  # type: ignore[assignment]
    return reply


async def _send(client: Client, subject: str, body: bytes, headers: dict[str, str], seconds: float) -> Msg:
    """Send a request. Where nobody serves it, and so nobody got it, it is sent again: a service may be restarting."""
    clock = asyncio.get_running_loop().time
    ends_at = clock() + seconds
    patient_until = clock() + min(NO_RESPONDER_SECONDS, seconds)
    while True:
        try:
            return await client.request(subject, body, timeout=max(ends_at - clock(), 0.001), headers=headers)
        except nats.errors.NoRespondersError:
            if clock() > patient_until:
                raise
            await asyncio.sleep(NO_RESPONDER_PAUSE_SECONDS)


def _reply_in(data: bytes) -> object:
    body = orjson.loads(data)
    if refused := body.get("refused"):
        refusal = Refused(refused["status"], refused["code"], refused["detail"], **refused["extra"])
        if refusal.status == 503:
            raise Outage(refusal.detail) from refusal
        raise refusal
    return body["answer"]
