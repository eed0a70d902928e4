"""A calendar of many years of series: how fast it is read, and how fast the meetings are found that begin soon."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter

import asyncpg

from libs.common.config import Settings
from libs.common.db import on_behalf_of, open_pool
from libs.common.ids import AccountId, UserId
from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.local.demo.person import person_at
from services.sync.domain.meetings import upcoming
from services.sync.store.meetings import list_upcoming
from tests.bench.figure import Figure, at_most, exactly
from tests.bench.processes import cpu_between
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import Stage, stage

ADDRESS = "busy@gmail.com"
SERIES, INSTANCES = 80, 1_000
GUESTS = 200
MEETINGS = 100_000
SCANS = 50


async def run(setting: Setting) -> list[Figure]:
    now = datetime.now(UTC)
    series, instances = setting.size(SERIES, 4), setting.size(INSTANCES, 50)
    events = [_series(number, instances, now) for number in range(series)]
    account = AccountData(
        ADDRESS, "Busy", "1" * 21, calendars=[CalendarData(ADDRESS, ADDRESS, primary=True, events=events)]
    )
    setting.publish("starting")
    async with stage(setting.folder, [account]) as product, person_at(product.url) as person:
        before = product.usage()
        setting.publish(f"{series * instances:,} instances are read")
        begun = perf_counter()
        await person.sign_in(ADDRESS)
        await product.settled(person)
        seconds = perf_counter() - begun
        cpu = cpu_between(before, product.usage())
        count = await _count(product)
        setting.publish(f"{MEETINGS:,} meetings are looked through")
        scans = await _scans(product, MEETINGS - count)
    each = 1000 / max(count, 1)
    how = f"{series} daily series of {instances} instances each with three guests, from sign-in until the bus is quiet"
    looked = f"{SCANS} scans of an account with {MEETINGS:,} meetings, of which the window has {scans[0][1]}"
    milliseconds = [taken for taken, _ in scans]
    return [
        Figure("calendar: meetings read", count, "", how, exactly(series * instances)),
        Figure("calendar: meetings a second", count / seconds, "1/s", "the same"),
        *(Figure(f"calendar: CPU per meeting: {name}", used * each, "ms", "with all its processes") for name, used in cpu.items()),
        Figure("scan: slowest", max(milliseconds), "ms", looked, at_most(100)),
        Figure("scan: in the middle", median(milliseconds), "ms", "the same"),
    ]  # fmt: skip


def _series(number: int, instances: int, now: datetime) -> Resource:
    """Once a day, the last one tomorrow."""
    first = (now - timedelta(days=instances - 2)).replace(
        hour=number % 24, minute=15 * (number % 4), second=0, microsecond=0
    )
    guests = [
        {"email": f"guest{(number * 7 + at) % GUESTS}@firm{at}.example", "responseStatus": "accepted"}
        for at in range(3)
    ]
    return {
        "id": f"series{number}", "status": "confirmed", "eventType": "default", "iCalUID": f"series{number}@google.com",
        "summary": f"Series {number}", "recurrence": [f"RRULE:FREQ=DAILY;COUNT={instances}"],
        "start": {"dateTime": first.isoformat(), "timeZone": "UTC"},
        "end": {"dateTime": (first + timedelta(minutes=45)).isoformat(), "timeZone": "UTC"},
        "organizer": {"email": ADDRESS, "self": True},
        "attendees": [{"email": ADDRESS, "self": True, "responseStatus": "accepted"}, *guests],
    }  # fmt: skip


async def _count(product: Stage) -> int:
    connection = await asyncpg.connect(product.stack.admin_postgres_url)
    try:
        count: int = await connection.fetchval("SELECT count(*) FROM sync.meetings WHERE NOT cancelled")
    finally:
        await connection.close()
    return count


async def _scans(product: Stage, more: int) -> Sequence[tuple[float, int]]:
    """Milliseconds of each scan, and how many meetings it found, once so many more are there: as the service itself looks for them."""
    connection = await asyncpg.connect(product.stack.admin_postgres_url)
    try:
        await connection.execute(
            """INSERT INTO sync.meetings (meeting_id, user_id, account_id, calendar_id, event_id, starts_at, said, generation, meeting)
               SELECT gen_random_uuid(), user_id, account_id, calendar_id, event_id || ' ' || number, now() + number * interval '1 minute',
                      true, generation, meeting || jsonb_build_object('ical_uid', number::text)
               FROM (SELECT * FROM sync.meetings LIMIT 1) AS like_this, generate_series(1, $1) AS number""",
            more,
        )  # fmt: skip
        await connection.execute("VACUUM ANALYZE sync.meetings")
        user_id, account_id = await connection.fetchrow("SELECT user_id, account_id FROM sync.accounts")  # type: ignore[misc]
    finally:
        await connection.close()
    pool = await open_pool(Settings(postgres_url=product.stack.settings_for("sync")["PINGCRM_POSTGRES_URL"]))
    scans: list[tuple[float, int]] = []
    try:
        for _ in range(SCANS):
            with on_behalf_of(UserId(user_id)):
                async with pool.acquire() as reading:
                    begun = perf_counter()
                    found = await list_upcoming(reading, AccountId(account_id), *upcoming(datetime.now(UTC), 5, 40))
                    scans.append(((perf_counter() - begun) * 1000, len(found)))
    finally:
        await pool.close()
    return scans


SCENARIO = Scenario(
    "calendar", "How fast is a large calendar read, and looked through before meetings?", run, limit_seconds=300
)
