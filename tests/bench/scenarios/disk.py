"""What a message and a meeting take on the disk, in which table and which index."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import Person
from tests.bench.corpus import real_mailboxes
from tests.bench.figure import Figure, Target, at_most
from tests.bench.people import people_at, sign_in_all
from tests.bench.relations import Database, Relation, growth, relation_sizes, row_widths
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import Stage, stage

MEETINGS = 5_000
PLANNER = "planner@gmail.com"
LEAST_BYTES = 5.0
"""What takes less per item is in the sum alone."""


@dataclass(frozen=True)
class Imported:
    """What so many items of a kind have made each relation grow by, in bytes; and the rows of each table afterwards, with their width."""

    count: int
    grown: Mapping[Relation, int]
    rows: Mapping[Relation, tuple[int, float]]

    @property
    def each(self) -> float:
        return sum(self.grown.values()) / self.count

    def of_schema(self, schema: str) -> float:
        return sum(size for relation, size in self.grown.items() if relation.schema == schema) / self.count


async def run(setting: Setting) -> list[Figure]:
    now = datetime.now(UTC)
    meetings = setting.size(MEETINGS, 200)
    generated = generate_mailbox("owner@gmail.com", setting.messages, seed=1, now=now)
    real = real_mailboxes(["real@gmail.com"], setting.messages, now=now)
    calendar = CalendarData(PLANNER, PLANNER, primary=True, events=[_alone(number, now) for number in range(meetings)])
    planner = AccountData(PLANNER, "Plan Ner", "9" * 21, calendars=[calendar])
    wanted: list[tuple[str, AccountData, Target | None]] = [("message", generated, at_most(1500))]
    wanted += [("real message", mailbox, None) for mailbox in real]
    setting.publish("starting")
    async with stage(setting.folder, [generated, *real, planner]) as product, people_at(product.url, 3) as people:
        database = await asyncpg.connect(product.stack.admin_postgres_url, command_timeout=120)
        try:
            figures: list[Figure] = []
            for person, (name, account, target) in zip(people, wanted, strict=False):
                setting.publish(f"importing {name}s")
                how = f"an import of {len(account.messages):,}"
                figures += _of_mail(name, await _import(product, database, person, account), how, target)
            setting.publish("importing meetings that nobody attends")
            return figures + _of_meetings(await _import(product, database, people[-1], planner))
        finally:
            await database.close()


def _alone(number: int, now: datetime) -> Resource:
    """A block in somebody's own calendar, as Google gives it out."""
    begins = now - timedelta(days=1 + number % 700, hours=number % 24)
    times = {
        name: {"dateTime": at.replace(second=0, microsecond=0).isoformat(), "timeZone": "Europe/Berlin"}
        for name, at in (("start", begins), ("end", begins + timedelta(hours=1)))
    }
    id_ = f"{number:026x}"
    return {"id": id_, "status": "confirmed", "summary": f"Focus {number}", "iCalUID": f"{id_}@google.com", **times}


async def _import(product: Stage, database: Database, person: Person, account: AccountData) -> Imported:
    """From the sign-in until nothing is left to do."""
    before = await relation_sizes(database)
    await sign_in_all([person], [account.address])
    await product.settled(person)
    grown = growth(before, await relation_sizes(database))
    tables = {relation: size for relation, size in grown.items() if relation.index is None}
    count = len(account.messages) or sum(len(calendar.events) for calendar in account.calendars)
    return Imported(count, grown, await row_widths(database, tables))


def _of_mail(name: str, found: Imported, how: str, target: Target | None = None) -> list[Figure]:
    return [
        Figure(f"bytes per {name}", found.each, "B", f"{how}; all tables and indexes of all services", target),
        *(
            Figure(f"bytes per {name}: {schema}", found.of_schema(schema), "B", "of these")
            for schema in ("sync", "contacts")
        ),
        *_by_relation(f"bytes per {name}", found),
    ]


def _of_meetings(found: Imported) -> list[Figure]:
    how = f"{found.count:,} single meetings without guests"
    return [
        Figure("bytes per meeting nobody attends", found.each, "B", f"{how}; all tables and indexes of all services"),
        Figure("bytes per meeting nobody attends: sync", found.of_schema("sync"), "B", "of these"),
        *_by_relation("bytes per meeting nobody attends", found),
    ]


def _by_relation(name: str, found: Imported) -> list[Figure]:
    """Each table with the mean width of its rows, each index."""
    figures: list[Figure] = []
    for relation, size in found.grown.items():
        if size / found.count < LEAST_BYTES:
            continue
        rows, width = found.rows.get(relation, (0, 0.0))
        how = f"in the end {rows:,} rows of {width:.0f} bytes in the mean" if rows else ""
        figures.append(Figure(f"{name}: {relation}", size / found.count, "B", how))
    return figures


SCENARIO = Scenario("disk", "What does a message take on the disk, and where?", run, limit_seconds=300)
