"""Google's notifications of a calendar's changes: channels are begun, renewed and ended within calendar runs.

A channel is on record, with its token, before Google is asked for it: its first notification may come before the answer does.
"""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import replace

from libs.common.errors import Outage
from libs.common.google.errors import Forbidden, Gone, GoogleError, NotReady, Rejected
from libs.common.ids import new_id
from libs.common.log import get_logger
from services.sync.domain.channels import Channel, renewal, steps
from services.sync.domain.freshness import RETRY_AFTER_OUTAGE, RETRY_AFTER_REFUSAL
from services.sync.runs.run import Run
from services.sync.store import channels


def token_hash(token: str) -> bytes:
    """What is kept of a channel's token."""
    return hashlib.sha256(token.encode()).digest()


async def keep_channels(run: Run, calendar_ids: Collection[str]) -> None:
    """A channel for each of these calendars where Google can reach us, and none else. No failure of it stops the calendars."""
    endpoint = run.engine.settings.calendar_push_endpoint
    wanted = calendar_ids if endpoint else ()
    known = await _list(run)
    for calendar_id in steps(known, wanted, run.now).begin:
        await _begin(run, calendar_id, endpoint)
    for channel in steps(await _list(run) if wanted else known, wanted, run.now).end:
        await _end(run, channel)


async def _list(run: Run) -> list[Channel]:
    async with run.db.acquire() as connection:
        return await channels.list_channels(connection, run.lease.account_id)


async def _begin(run: Run, calendar_id: str, endpoint: str) -> None:
    channel, token = Channel(new_id(), calendar_id, run.now + RETRY_AFTER_OUTAGE), secrets.token_urlsafe(32)
    async with run.writing() as connection:
        await channels.insert_channel(connection, run.lease.user_id, run.lease.account_id, channel, token_hash(token))
    try:
        granted = await run.calendar.watch_events(calendar_id, channel.channel_id, token, endpoint)
    except (Forbidden, Gone, Rejected, NotReady) as error:
        get_logger().warning("calendar_watch_refused", code=error.code, error=str(error))
        known = replace(channel, renew_at=run.now + RETRY_AFTER_REFUSAL)
    except Outage as outage:
        get_logger().warning("calendar_watch_postponed", error=str(outage))
        return
    else:
        get_logger().info("calendar_watched", until=granted.expires_at.isoformat(timespec="seconds"))
        known = replace(
            channel,
            resource_id=granted.resource_id,
            expires_at=granted.expires_at,
            renew_at=renewal(granted.expires_at, run.now),
        )
    async with run.writing() as connection:
        await channels.set_channel(connection, known)


async def _end(run: Run, channel: Channel) -> None:
    """Stop it where Google has it. Where Google is away, or does not let us, it ends by itself within a week, and nobody listens."""
    if channel.resource_id:
        try:
            await run.calendar.stop_channel(channel.channel_id, channel.resource_id)
        except (GoogleError, Outage) as error:
            get_logger().info("calendar_watch_left", error=str(error))
    async with run.writing() as connection:
        await channels.delete_channel(connection, channel.channel_id)
