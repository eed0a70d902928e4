"""Sync as its operators see it, in numbers; and what it gave up, once more."""

from collections.abc import Iterable
from itertools import product
from typing import get_args

from libs.common.bus import Bus
from libs.common.events import Kind
from libs.common.google.quota import QuotaLimiter
from libs.common.measuring import Measuring, sample
from libs.common.requests import Done, HandleAgainInSync, Measurements, MeasureSync, Sample
from services.sync.context import Context
from services.sync.store import operations

STATES = ("queued", "running", "importing", "waiting")


async def measure(context: Context) -> list[Sample]:
    """The runs of all accounts. Where nothing is polled, no poll is late."""
    async with context.db.acquire() as connection:
        unfinished = {(found.kind, found.state): found for found in await operations.list_unfinished(connection)}
        late, lag = await operations.get_late_polls(connection) if context.settings.mail_poll_seconds else (0, 0.0)
        pending = await operations.count_pending_messages(connection)
    samples = [
        sample("pingcrm_polls_late", late),
        sample("pingcrm_polls_lag_seconds", lag),
        sample("pingcrm_messages_pending", pending),
    ]
    for kind, state in product(get_args(Kind), STATES):
        found = unfinished.get((kind, state))
        samples.append(sample("pingcrm_runs", found.runs if found else 0, kind=kind, state=state))
        samples.append(sample("pingcrm_sync_lag_seconds", found.lag_seconds if found else 0, kind=kind, state=state))
    return samples


async def measure_quotas(limiters: Iterable[QuotaLimiter | None]) -> list[Sample]:
    """What the project has used of the quotas of these APIs. None: there is no ceiling, nothing is counted."""
    samples = []
    for limiter in filter(None, limiters):
        use = await limiter.get_use()
        samples += [
            sample("pingcrm_quota_used_units", use.units, api=limiter.api),
            sample("pingcrm_quota_ceiling_units", use.ceiling, api=limiter.api),
            sample("pingcrm_quota_closed_seconds", use.closed_seconds, api=limiter.api),
        ]
    return samples


async def get_measurements(measuring: Measuring, _: MeasureSync) -> Measurements:
    return Measurements(items=await measuring.take())


async def handle_again(bus: Bus, command: HandleAgainInSync) -> Done:
    await bus.handle_again(command.event_subject, command.payload)
    return Done()
