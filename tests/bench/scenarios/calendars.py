"""Calendars with many meetings: how fast they are imported, and how long a scan for what is due takes among them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter
from uuid import UUID

import asyncpg

from libs.common.config import Settings
from libs.common.db import open_pool
from libs.common.ids import AccountId
from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.local.demo.person import person_at
from libs.local.demo.progress import wait_until_idle, wait_until_synced
from services.sync.domain.meetings import upcoming
from services.sync.store import meetings
from tests.bench.figure import Figure, at_most, exactly, percentile
from tests.bench.processes import cpu_between
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import GOOGLE, Stage, google_with, product_at

ADDRESS = "planner@gmail.com"
INSTANCES, SCANNED = 80_000, 100_000
KEPT_DAYS = 1095 + 60
"""What is read of a calendar: three years back and sixty days ahead."""
SCANS = 200
SETTLED_SECONDS = 400.0


async def run(setting: Setting) -> list[Figure]:
    wanted = setting.size(INSTANCES, 1_500)
    series = -(-wanted // KEPT_DAYS)
    now = datetime.now(UTC)
    calendar = CalendarData(ADDRESS, ADDRESS, primary=True, events=[_daily(number, now) for number in range(series)])
    planner = AccountData(ADDRESS, "Plan Ner", "", calendars=[calendar])
    setting.publish("starting")
    async with google_with(setting.folder, [planner]) as google, product_at(setting.folder, google) as product:
        setting.publish(f"importing {wanted:,} instances of {series} series")
        figures = await _import(product)
        setting.publish(f"scanning among {SCANNED:,} meetings")
        return [*figures, *await _scan(product, setting.size(SCANNED, 2_000))]


def _daily(number: int, now: datetime) -> Resource:
    """A meeting of every day, with one guest."""
    begins = (now - timedelta(days=KEPT_DAYS)).replace(
        hour=number % 24, minute=number // 24 * 5, second=0, microsecond=0
    )
    return {
        "id": f"daily{number}",
        "status": "confirmed",
        "summary": f"Daily {number}",
        "start": {"dateTime": begins.isoformat(), "timeZone": "Europe/Berlin"},
        "end": {"dateTime": (begins + timedelta(minutes=15)).isoformat(), "timeZone": "Europe/Berlin"},
        "recurrence": ["RRULE:FREQ=DAILY"],
        "iCalUID": f"daily{number}@google.com",
        "attendees": [
            {"email": ADDRESS, "self": True, "responseStatus": "accepted", "organizer": True},
            {"email": f"guest{number}@team.example", "displayName": f"Guest {number}", "responseStatus": "accepted"},
        ],
    }


async def _import(product: Stage) -> list[Figure]:
    """From the sign-in until the last meeting is on its timeline."""
    async with person_at(product.url) as person, _database(product) as database:
        before, begun = product.usage(), perf_counter()
        await person.sign_in(ADDRESS)
        await wait_until_synced(person, seconds=SETTLED_SECONDS)
        read = perf_counter() - begun
        instances = await database.fetchval("SELECT count(*) FROM sync.meetings WHERE NOT cancelled")
        await wait_until_idle(product.stack.admin_nats_url, seconds=SETTLED_SECONDS)
        seconds = perf_counter() - begun
        shown = await database.fetchval("SELECT count(*) FROM contacts.interactions WHERE platform = 'calendar'")
        cpu = cpu_between(before, product.usage())
    each = {name: used / instances * 1000 for name, used in cpu.items()}
    how = f"{instances:,} instances of daily series, each with a guest; from the sign-in until the last one is on its timeline"
    return [
        Figure("calendar import: instances a second", instances / seconds, "1/s", how),
        Figure("calendar import: time", seconds, "s", "the same"),
        Figure("calendar import: read and published", read, "s", "until the run has ended"),
        Figure("calendar import: not on a timeline", instances - shown, "", "of all instances", exactly(0)),
        Figure("calendar import: CPU per instance", sum(used for name, used in each.items() if name != GOOGLE), "ms",
               "all services and servers"),
        *(Figure(f"calendar import: CPU per instance: {name}", used, "ms", "with all its processes") for name, used in each.items()),
    ]  # fmt: skip


async def _scan(product: Stage, wanted: int) -> list[Figure]:
    """What a scan asks of the database, for an account that has so many meetings."""
    async with _database(product) as database:
        account_id = await database.fetchval("SELECT account_id FROM sync.accounts LIMIT 1")
        await database.execute(MORE_MEETINGS, wanted)
        held = await database.fetchval("SELECT count(*) FROM sync.meetings WHERE NOT cancelled")
        await database.execute("ANALYZE sync.meetings")
    settings = Settings(postgres_url=product.stack.settings_for("sync")["PINGCRM_POSTGRES_URL"])
    pool = await open_pool(settings)
    took: list[float] = []
    found = 0
    try:
        for number in range(SCANS):
            start, end = upcoming(datetime.now(UTC) + timedelta(hours=number), 5, 40)
            begun = perf_counter()
            async with pool.acquire() as connection:
                found += len(await meetings.list_upcoming(connection, AccountId(UUID(str(account_id))), start, end))
            took.append((perf_counter() - begun) * 1000)
    finally:
        await pool.close()
    how = f"{SCANS} scans of an account with {held:,} meetings, each for another hour; {found:,} found in all"
    return [
        Figure("scan: p50", percentile(took, 50), "ms", how),
        Figure("scan: slowest", max(took), "ms", "the same", at_most(100)),
    ]


MORE_MEETINGS = """
    INSERT INTO sync.meetings (meeting_id, user_id, account_id, calendar_id, event_id, starts_at, said, generation, meeting)
    SELECT gen_random_uuid(), user_id, account_id, calendar_id, event_id || '_' || copy, starts_at + copy * interval '7 minutes', true,
           generation, meeting || jsonb_build_object('event_id', event_id || '_' || copy, 'ical_uid', (meeting->>'ical_uid') || copy)
    FROM (SELECT *, row_number() OVER () AS number FROM sync.meetings WHERE NOT cancelled) m
    CROSS JOIN generate_series(1, 2) AS copy
    WHERE number <= greatest($1 - (SELECT count(*) FROM sync.meetings WHERE NOT cancelled), 0) / 2
"""


@asynccontextmanager
async def _database(product: Stage) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The administrator's connection."""
    connection = await asyncpg.connect(product.stack.admin_postgres_url)
    try:
        yield connection
    finally:
        await connection.close()


SCENARIO = Scenario(
    "calendars",
    "A calendar of eighty thousand instances: how fast is it there, and how fast is it scanned?",
    run,
    limit_seconds=600,
)
