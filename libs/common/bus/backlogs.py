"""What waits for integrations, and giving it up where nobody takes it: integrations.py decides, the server's consumers are moved on."""

from datetime import datetime

import nats.js.errors
import orjson
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo, RawStreamMsg

from libs.common.integrations import INTEGRATION_STREAM, MADE_AT, Backlog, Missed, missed_subject, missed_with, overdue
from libs.common.log import get_logger

PAGE = 256  # consumers that the server lists at once
TIMEOUT_SECONDS = 5.0


async def limit_backlogs(client: Client, stream: JetStreamContext, now: datetime) -> None:
    """Of each backlog that is overdue nothing waits afterwards but a notice of how much that was.

    In a stream that is nearly full one after the other is, until there is room: what two of them hold goes with the second.
    """
    while given_up := overdue(await _list_backlogs(client, stream), await _filled(stream), now):
        for backlog in given_up:
            await _give_up(client, stream, backlog, now)


async def _give_up(client: Client, stream: JetStreamContext, backlog: Backlog, now: datetime) -> None:
    """The notice is stored first, and its key makes those of two replicas one. What a crash leaves in between is finished."""
    missed = missed_with(backlog, now)
    key = f"{backlog.name}:{backlog.idle_since.isoformat()}:{missed.messages}"
    body = missed.model_dump_json().encode()
    stored = await stream.publish(missed_subject(backlog.name), body, headers={"Nats-Msg-Id": key})
    await _move_on(client, backlog.name, stored.seq)
    get_logger().warning("backlog_given_up", integration=backlog.name, count=backlog.events)


async def _filled(stream: JetStreamContext) -> float:
    """How full the stream is: 1 is as full as it gets."""
    info = await stream.stream_info(INTEGRATION_STREAM)
    limit = info.config.max_bytes or 0
    return info.state.bytes / limit if limit > 0 else 0.0


async def _list_backlogs(client: Client, stream: JetStreamContext) -> list[Backlog]:
    backlogs: list[Backlog] = []
    for info in await _list_waiting(stream):
        notice = await _get_notice(stream, info.name)
        if notice and info.ack_floor and info.ack_floor.stream_seq < (notice.seq or 0) - 1:
            await _move_on(client, info.name, notice.seq or 0)
        else:
            backlogs.append(_backlog(info, notice))
    return backlogs


async def _list_waiting(stream: JetStreamContext) -> list[ConsumerInfo]:
    """The consumers of the integrations for which something waits."""
    found: list[ConsumerInfo] = []
    while len(page := await stream.consumers_info(INTEGRATION_STREAM, offset=len(found))) == PAGE:
        found += page
    waiting = [info for info in (*found, *page) if info.num_pending or info.num_ack_pending]
    return [info for info in waiting if MADE_AT in (info.config.metadata or {})]  # others are somebody's debugging


async def _get_notice(stream: JetStreamContext, name: str) -> RawStreamMsg | None:
    """The notice that waits for an integration, if there is one: what is acknowledged is gone from the stream."""
    try:
        return await stream.get_last_msg(INTEGRATION_STREAM, missed_subject(name), direct=True)
    except nats.js.errors.NotFoundError:
        return None


def _backlog(info: ConsumerInfo, notice: RawStreamMsg | None) -> Backlog:
    made = datetime.fromisoformat((info.config.metadata or {})[MADE_AT])
    taken = [part.last_active for part in (info.delivered, info.ack_floor) if part and part.last_active]
    return Backlog(
        info.name,
        (info.num_pending or 0) + (info.num_ack_pending or 0),
        idle_since=max(made, *taken) if taken else made,
        missed=Missed.model_validate_json(notice.data or b"") if notice else None,
    )


async def _move_on(client: Client, name: str, sequence: int) -> None:
    """The next message that the integration gets is the one with this sequence. Raises nats.js.errors.APIError."""
    subject = f"$JS.API.CONSUMER.RESET.{INTEGRATION_STREAM}.{name}"
    reply = await client.request(subject, orjson.dumps({"seq": sequence}), timeout=TIMEOUT_SECONDS)
    if refused := orjson.loads(reply.data).get("error"):
        raise nats.js.errors.APIError.from_error(refused)
