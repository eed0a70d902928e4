"""What a service measures of its state: for `/metrics` and for the operations page, which show the same numbers.

    r.measuring.add("state", partial(operations.measure, context))     # in `wire`; returns samples

Nothing is measured before somebody wants to know, and never more often than its cost allows: a measurement that took a second is kept
for fifty. What is counted as it happens is in counters.py.
"""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from time import time

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from libs.common import __version__
from libs.common.db import on_behalf_of
from libs.common.log import error_text, get_logger
from libs.common.requests import Sample

Measure = Callable[[], Awaitable[Iterable[Sample]]]

SHORTEST_SECONDS, LONGEST_SECONDS = 2.0, 300.0
COST_SHARE = 50  # measuring takes at most a fiftieth of the time
PART_SECONDS = 8.0  # less than the 10 s after which Prometheus gives up

# Every number that is measured, and what it says. Several replicas of a service say the same of what they share: take the largest.
GAUGES: Mapping[str, str] = {
    "pingcrm_build_info": "1, with the version of the program and of its Python",
    "pingcrm_measured_timestamp_seconds": "When the measured numbers were taken, which may be minutes ago where that takes long",
    "pingcrm_server_info": "1, with the version of a server that the service works with",
    "pingcrm_measure_failed": "1 where this part of the measurements could not be taken, else 0",
    "pingcrm_queue_waiting": "Events that wait for a consumer and were not handed out yet",
    "pingcrm_queue_in_hand": "Events that were handed out and are not settled: being handled, or to come again after a failure",
    "pingcrm_queue_age_seconds": "For how long the oldest event that is not settled has waited, at most",
    "pingcrm_queue_delivered_timestamp_seconds": "When an event was last handed out",
    "pingcrm_outbox_waiting": "Events that were stored with a change and are not published yet",
    "pingcrm_outbox_age_seconds": "For how long the oldest of them has waited",
    "pingcrm_users": "Users",
    "pingcrm_accounts": "Connected Google accounts by state",
    "pingcrm_runs": "Runs that have not ended, by kind and state; `importing` is a first one under way",
    "pingcrm_sync_lag_seconds": "The longest time that a run of this kind is overdue (queued), makes no progress (waiting) or takes",
    "pingcrm_polls_late": "Mailboxes that should have been polled by now",
    "pingcrm_polls_lag_seconds": "For how long the first of them is overdue",
    "pingcrm_messages_pending": "Messages that were listed and not read yet",
    "pingcrm_quota_used_units": "Units of an API's quota that the project spent in the last minute; of the calendar's a unit is a request",
    "pingcrm_quota_ceiling_units": "How many of them a minute has; 0 is no limit",
    "pingcrm_quota_closed_seconds": "For how long the API's quota of the day stays used up",
    "pingcrm_dead_letters": "Dead letters, by the service that gave them up and the subject of the event",
    "pingcrm_briefs_of_day": "Briefs of the last 24 hours by what became of them",
    "pingcrm_model_tokens_of_days": "Tokens that all calls of the model took within so many days",
    "pingcrm_model_cost_usd_of_days": "What they cost at list price",
    "pingcrm_live_streams": "Browsers that are connected for live updates",
    "pingcrm_webhook_calls_waiting": "Webhook calls that are still to be made",
    "pingcrm_webhook_calls_age_seconds": "For how long the oldest of them is overdue",
}


def sample(name: str, value: float, **labels: str) -> Sample:
    """A measured number. KeyError: GAUGES does not declare it."""
    GAUGES[name]
    return Sample(name=name, labels=labels, value=float(value))


@dataclass
class Measuring:
    """The measurements of one service. A part that fails is missing, and the others are there."""

    shortest_seconds: float = SHORTEST_SECONDS
    _parts: dict[str, Measure] = field(default_factory=dict)
    _taken: tuple[Sample, ...] = ()
    _kept_until: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add(self, part: str, measure: Measure) -> None:
        """ValueError: the name is in use."""
        if part in self._parts:
            raise ValueError(f"there are two measurements called {part}")
        self._parts[part] = measure

    async def take(self) -> tuple[Sample, ...]:
        """All samples, taken now or moments ago."""
        async with self._lock:
            clock = asyncio.get_running_loop().time
            began = clock()
            if began >= self._kept_until:
                taken = await asyncio.gather(*(_take_part(part, measure) for part, measure in self._parts.items()))
                self._taken = (_build(), _now(), *(found for part in taken for found in part))
                self._kept_until = clock() + kept_seconds(clock() - began, self.shortest_seconds)
            return self._taken


def kept_seconds(took_seconds: float, shortest_seconds: float = SHORTEST_SECONDS) -> float:
    """For how long measurements that took so long are good enough."""
    return min(max(took_seconds * COST_SHARE, shortest_seconds), LONGEST_SECONDS)


async def _take_part(part: str, measure: Measure) -> Sequence[Sample]:
    try:
        with on_behalf_of(None):  # all users together, also where one of them wants to see it
            async with asyncio.timeout(PART_SECONDS):
                taken = list(await measure())
    except Exception as error:
        # Whatever it is: what can be measured shall be seen, most of all when something is wrong.
        get_logger().warning("measure_failed", part=part, error=error_text(error))
        return [sample("pingcrm_measure_failed", 1, part=part)]
    return [*taken, sample("pingcrm_measure_failed", 0, part=part)]


def _build() -> Sample:
    return sample("pingcrm_build_info", 1, version=__version__, python=platform.python_version())


def _now() -> Sample:
    return sample("pingcrm_measured_timestamp_seconds", time())


class _Taken(Collector):
    """Samples as prometheus-client wants them."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = sorted(samples, key=lambda found: found.name)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, group in groupby(self._samples, key=lambda found: found.name):
            found = list(group)
            labels = sorted(found[0].labels)
            family = GaugeMetricFamily(name, GAUGES[name], labels=labels)
            for measured in found:
                family.add_metric([measured.labels[label] for label in labels], measured.value)
            yield family


def exposition(samples: Iterable[Sample]) -> bytes:
    """What this process has counted, and these samples, in the format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Taken(samples))
    return generate_latest() + generate_latest(registry)
