"""All scenarios, in the order in which they run."""

from collections.abc import Mapping

from tests.bench.scenario import Scenario
from tests.bench.scenarios import (
    backfill,
    briefs,
    calendars,
    crowd,
    crowded_page,
    deletion,
    disk,
    duplicates,
    export,
    first,
    growth,
    idle,
    incremental,
    latency,
    live,
    pages,
    parsing,
    push,
    quota,
    recipients,
)

SCENARIOS: Mapping[str, Scenario] = {
    module.SCENARIO.name: module.SCENARIO
    for module in (
        backfill,
        first,
        latency,
        quota,
        crowd,
        crowded_page,
        push,
        live,
        pages,
        incremental,
        idle,
        parsing,
        export,
        recipients,
        deletion,
        duplicates,
        briefs,
        calendars,
        disk,
        growth,
    )
}
