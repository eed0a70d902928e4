"""Days of a full calendar, against a clock that the test drives, while processes die: who deserves a brief gets it, once and in time.

The rules of deserving stand here once more, as a table. PINGCRM_PROOF_DAYS: how many days (`make proof`: fourteen, with 300 changes).
"""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from random import Random

import pytest
import pytest_asyncio

from libs.google_sim.faults import Kind, Rule
from libs.local.secrets import Secrets
from libs.local.streams import EMPTY
from tests.support.agenda import Agenda
from tests.support.fault_life import FRIENDS, Life, life_on
from tests.support.fault_scenarios import consumers, outbox, requests
from tests.support.fault_stage import FaultStage, fault_stage
from tests.support.servers import Servers
from tests.support.standing import DAY, Standing

pytestmark = pytest.mark.asyncio(loop_scope="session")

DAYS = int(os.environ.get("PINGCRM_PROOF_DAYS", "3"))
CHANGES_A_DAY = 22
WORKING_HOURS = (7, 19) if "PINGCRM_PROOF_DAYS" in os.environ else (10, 12)
EVERY = timedelta(minutes=10)
SEED = 3

# Why a meeting gets no brief. The first that fits counts; where none does, it deserves one.
NO_BRIEF: tuple[tuple[str, Callable[[Standing], bool]], ...] = (
    ("all_day", lambda meeting: meeting.day is not None),
    ("declined", lambda meeting: meeting.answer == "declined"),
    ("private", lambda meeting: meeting.private),
    ("no_guests", lambda meeting: not meeting.people),
    ("too_many_guests", lambda meeting: len(meeting.people) > 20),
    ("nobody_known", lambda meeting: meeting.people.isdisjoint(FRIENDS)),
)
# When a scan finds it: from 5 minutes before it on, and up to 40.
AT_LEAST, LESS_THAN = timedelta(minutes=5), timedelta(minutes=40)

# Where processes die or fail.
PLACES = (
    *consumers("sync_clock_prep", "prep_meeting_upcoming", "contacts_meeting_ingested", "gateway_prep_sent"),
    *requests("sync.meeting", "contacts.attendees"),
    *outbox("prep", "prep.sent"),
    "sync.requesting", "sync.calendar.fetched", "sync.calendar.stored", "sync.calendar.found", "sync.calendar.published",
    "sync.calendar.applied", "sync.scan.published", "sync.run.worked", "sync.run.ended", "sync.run.concluded",
    "contacts.recorded", "contacts.committed", "prep.key.set", "prep.leased", "prep.gathered", "prep.written", "prep.handed_over",
    "prep.delivered", "gateway.notified",
)  # fmt: skip
# What Google does to the next call that it fits.
TROUBLES: tuple[tuple[str, Kind], ...] = (
    ("messages.send", "lost_send"), ("messages.send", "5xx"), ("messages.send", "429"), ("messages.list", "5xx"),
    ("events.list", "5xx"), ("events.list", "truncated"),
)  # fmt: skip
KILLED, IN_TROUBLE, DOWN = 0.12, 0.06, 0.08


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(servers: Servers, secrets: Secrets) -> AsyncIterator[FaultStage]:
    tomorrow = datetime.combine(datetime.now(UTC).date() + DAY, time(WORKING_HOURS[0]), UTC)
    async with fault_stage(servers, secrets, clock=tomorrow) as made:
        yield made


@dataclass
class Expected:
    """What a scan that finds the calendar as it stands comes to: `briefs` by event and start, with title and moment, and `skips`."""

    briefs: dict[tuple[str, datetime], tuple[str, datetime]] = field(default_factory=dict)
    skips: dict[tuple[str, datetime], str] = field(default_factory=dict)

    def scan(self, standing: list[Standing], now: datetime) -> None:
        for meeting in standing:
            key = (meeting.event_id, meeting.starts_at)
            is_due = AT_LEAST <= meeting.starts_at - now < LESS_THAN
            if not is_due or key in self.briefs or meeting.event_type != "default":
                continue
            reason = next((reason for reason, fits in NO_BRIEF if fits(meeting)), None)
            if reason:
                self.skips[key] = reason
            else:
                self.skips.pop(key, None)
                self.briefs[key] = (meeting.title, now)


async def live_through(stage: FaultStage, life: Life, agenda: Agenda) -> Expected:
    """All days, a scan every ten minutes unless everything is down."""
    expected, chance, down, trouble = Expected(), agenda.chance, Random(SEED), Random(SEED)
    first, last = (timedelta(hours=hour) for hour in WORKING_HOURS)
    scans = (last - first) // EVERY
    midnight = agenda.now - first
    for day in range(DAYS):
        moments = sorted(chance.choices(range(scans), k=CHANGES_A_DAY))
        for number in range(scans):
            agenda.now = midnight + day * DAY + first + number * EVERY
            stage.set_clock(agenda.now)
            for _ in range(moments.count(number)):
                agenda.change()
            if down.random() < DOWN:
                continue
            _disturb(stage, life, trouble)
            if number == 0:
                await stage.stream.publish("clock.calendar", EMPTY)
            await stage.stream.publish("clock.prep", EMPTY)
            await stage.quiet()
            expected.scan(agenda.standing(), agenda.now)
    return expected


def _disturb(stage: FaultStage, life: Life, chance: Random) -> None:
    """Perhaps a process dies or fails at some place, and perhaps Google does not do what it should."""
    if chance.random() < KILLED and not stage.unreached():
        stage.arm(chance.choice(["dies", "dies", "fails"]), chance.choice(PLACES))
    method, kind = chance.choice(TROUBLES)
    in_trouble = chance.random() < IN_TROUBLE
    rules = [Rule(method, kind, first=1, account=life.address)] if in_trouble else []
    stage.google.world.faults.set(rules, 0)


@pytest.mark.timeout(120 + 90 * DAYS)
async def test_each_meeting_that_deserves_a_brief_gets_one_for_its_final_time_and_no_other_any(
    stage: FaultStage,
) -> None:
    async with life_on(stage) as life:
        await life.sign_in()
        await stage.quiet()
        life.account.watch = None  # else Gmail's notifications begin runs at moments of their own
        primary, team = life.account.calendars.values()
        for event_id in [*team.events]:
            team.remove(event_id)  # they stand on the tenth day, at whatever time it is now
        await life.call("PUT", "/settings", {"gmail": {"calendar_ids": [team.data.id]}})
        await stage.quiet()
        agenda = Agenda(primary, team, life.address, Random(SEED), stage.now)
        try:
            expected = await live_through(stage, life, agenda)
        finally:
            stage.disarm()
        sent = [
            (dict(mail.headers)["Subject"], datetime.fromtimestamp(mail.at, UTC))
            for mail in stage.google.world.outbox.mails
            if mail.account == life.address
        ]
        rows = await stage.pool.fetch("SELECT * FROM prep.preps WHERE user_id = $1", await life.user_id())
    deserved = [
        (f"Meeting prep: {title} in {(starts_at - at) // timedelta(minutes=1)} minutes", at)
        for (_, starts_at), (title, at) in expected.briefs.items()
    ]
    story = "\n".join(agenda.story)
    assert sorted(sent) == sorted(deserved), story
    by_state = {
        state: {(row["event_id"], row["starts_at"]): row["reason"] for row in rows if row["state"] == state}
        for state in {"sent", "skipped"} | {row["state"] for row in rows}
    }
    assert by_state == {"sent": dict.fromkeys(expected.briefs, ""), "skipped": expected.skips}, story
    assert await stage.dead_letters() == 0
    # So that it was worth it: of each kind there was something.
    assert len(agenda.story) == DAYS * CHANGES_A_DAY
    assert len(sent) >= 3 * DAYS
    assert {reason for reason, _ in NO_BRIEF} <= set(expected.skips.values())
