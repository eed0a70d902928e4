"""A thousand meetings that are due in one window, each of another account: when the last brief is sent, and what a brief takes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg

from libs.google_sim.account import AccountData, Resource
from libs.local.demo.person import Person
from libs.local.demo.progress import wait_until_idle, wait_until_synced
from libs.local.tick import tick
from tests.bench.figure import Figure, at_most, exactly, percentile
from tests.bench.people import people_at, sign_in_all
from tests.bench.processes import cpu_between, peak_memory, usage
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import GOOGLE, WAIT_SECONDS, Stage, google_with, product_at
from tests.support.fake_claude import FakeClaude, points, run_claude

ACCOUNTS = 1000
MODEL_SECONDS = 2.0
GMAIL_MILLISECONDS = 100
AHEAD = timedelta(minutes=39)
"""So far ahead is a meeting when its brief is due: within the window of [30, 40) minutes."""
LONGEST_SECONDS = 150.0
MEBIBYTE = 2**20


async def run(setting: Setting) -> list[Figure]:
    now = datetime.now(UTC)
    accounts = [_account(number, now) for number in range(setting.size(ACCOUNTS, 8))]
    setting.publish("starting")
    async with (
        run_claude() as claude,
        google_with(setting.folder, accounts) as google,
        product_at(setting.folder, google, _model(claude)) as product,
        people_at(product.url, len(accounts)) as people,
    ):
        claude.seconds = MODEL_SECONDS
        claude.reply = lambda _: points(
            ("Ask about the engine.", ["I1"]), ("Thank for London.", ["I2"]), ("Lunch.", ["I3"])
        )
        setting.publish(f"{len(people):,} people sign in")
        await sign_in_all(people, [account.address for account in accounts])
        setting.publish("first syncs")
        await _settle(product, people)
        due_at = await _invite(product, people, accounts)
        setting.publish(f"{len(accounts):,} meetings are in the calendars; waiting until they are due")
        await asyncio.sleep(max((due_at - datetime.now(UTC)).total_seconds(), 0))
        setting.publish("the clock strikes")
        return await _measure(product, claude, len(accounts))


def _model(claude: FakeClaude) -> dict[str, str]:
    return {"PINGCRM_ANTHROPIC_API_KEY": "bench", "PINGCRM_ANTHROPIC_BASE_URL": claude.url}


def _account(number: int, now: datetime) -> AccountData:
    """Somebody with three mails to and from the one whom they will meet."""
    me, guest = f"person{number}@gmail.com", f"Ada Byron <ada{number}@analytical.example>"
    mails = [_mail(number, position, me, guest, now) for position in range(3)]
    return AccountData(me, f"Person {number}", "", messages=mails)


def _mail(number: int, position: int, me: str, guest: str, now: datetime) -> Resource:
    outbound = position == 1
    headers = {
        "From": me if outbound else guest, "To": guest if outbound else me, "Subject": f"The engine, part {position}",
        "Message-ID": f"<{number}.{position}@analytical.example>",
    }  # fmt: skip
    return {
        "id": f"{number:08x}{position:08x}",
        "threadId": f"{number:08x}{position:08x}",
        "labelIds": ["SENT" if outbound else "INBOX"],
        "snippet": "It weaves algebraic patterns, as the loom weaves flowers and leaves. Shall we go through the numbers?",
        "internalDate": str(int((now - timedelta(days=1 + position)).timestamp() * 1000)),
        "payload": {
            "mimeType": "text/plain",
            "headers": [{"name": name, "value": value} for name, value in headers.items()],
        },
    }


async def _settle(product: Stage, people: Sequence[Person]) -> None:
    for person in people:
        await wait_until_synced(person, seconds=WAIT_SECONDS)
    await wait_until_idle(product.stack.admin_nats_url, seconds=WAIT_SECONDS)


async def _invite(product: Stage, people: Sequence[Person], accounts: Sequence[AccountData]) -> datetime:
    """Everybody has a meeting with the one whom they know, and it is known to the product; when it is due."""
    # So far ahead that no scan finds it before everything is at rest, also one that has lost patience with its calendar (60 s).
    starts_at = datetime.now(UTC) + AHEAD + timedelta(seconds=150 + 0.06 * len(people))
    for number, account in enumerate(accounts):
        event = {
            "summary": "The engine",
            "start": {"dateTime": starts_at.isoformat()},
            "end": {"dateTime": (starts_at + timedelta(minutes=45)).isoformat()},
            "attendees": [
                {"email": account.address, "self": True, "responseStatus": "accepted", "organizer": True},
                {"email": f"ada{number}@analytical.example", "displayName": "Ada Byron", "responseStatus": "accepted"},
            ],
        }
        await product.google.control("PUT", f"/accounts/{account.address}/calendars/primary/events/engine", event)
    await tick(product.stack.admin_nats_url, "prep")  # an incremental run of every calendar, as every ten minutes
    await _all_stored(product, len(accounts))
    await wait_until_idle(product.stack.admin_nats_url, seconds=WAIT_SECONDS)
    return starts_at - AHEAD


async def _all_stored(product: Stage, meetings: int) -> None:
    async with _database(product) as database, asyncio.timeout(WAIT_SECONDS):
        while await database.fetchval("SELECT count(*) FROM sync.meetings") < meetings:
            await asyncio.sleep(0.5)


async def _measure(product: Stage, claude: FakeClaude, meetings: int) -> list[Figure]:
    """From the tick of the schedule to the last brief that Gmail has taken."""
    latency = {"match": ".", "kind": "latency", "milliseconds": GMAIL_MILLISECONDS}
    await product.google.control("PUT", "/faults", {"rules": [latency]})
    await product.forget_counts()
    claude.requests.clear()
    before = product.usage()
    async with (
        # Of the services alone, and not too often: reading it is work, too.
        peak_memory(lambda: usage(product.services), every_seconds=2.0) as peaks,
        _database(product) as database,
    ):
        begun = datetime.now(UTC)
        await tick(product.stack.admin_nats_url, "prep")
        await _until_settled(database, meetings)
        sent = await database.fetch(
            "SELECT extract(epoch FROM updated_at - $1)::float8 AS seconds FROM prep.preps WHERE state = 'sent'", begun
        )
    await wait_until_idle(product.stack.admin_nats_url, seconds=WAIT_SECONDS)
    cpu = cpu_between(before, product.usage())
    spent, mails = await product.gmail(), await product.google.briefs()
    each = {name: used / meetings * 1000 for name, used in cpu.items()}
    seconds = [row["seconds"] for row in sent] or [LONGEST_SECONDS]
    how = f"{meetings:,} meetings of as many accounts in one window; the model takes {MODEL_SECONDS:.0f} s, Google {GMAIL_MILLISECONDS} ms"
    return [
        Figure("briefs: last one sent", max(seconds), "s", f"{how}; from the tick of the schedule", at_most(45)),
        Figure("briefs: first one sent", min(seconds), "s", "the same"),
        Figure("briefs: half of them sent", percentile(seconds, 50), "s", "the same"),
        Figure("briefs: emails in Sent", len(mails), "", "one per meeting", exactly(meetings)),
        Figure("briefs: model calls per brief", len(claude.requests) / meetings, "", "counted by the model", exactly(1)),
        Figure("briefs: Google calls per brief", spent.http / meetings, "", "the look at its calendar included"),
        Figure("briefs: Gmail units per brief", spent.units / meetings, "units", "counted by the local Google"),
        Figure("briefs: peak memory of the services", sum(peaks.values()) / MEBIBYTE, "MiB", "each one's own peak, read every 2 s"),
        Figure("briefs: peak memory of prep", peaks["prep"] / MEBIBYTE, "MiB", f"{before['prep'].memory_bytes / MEBIBYTE:.0f} MiB at rest"),
        Figure("briefs: CPU per brief", sum(used for name, used in each.items() if name != GOOGLE), "ms", "all services and servers"),
        *(Figure(f"briefs: CPU per brief: {name}", used, "ms", "with all its processes") for name, used in each.items()),
    ]  # fmt: skip


async def _until_settled(database: "asyncpg.Connection[asyncpg.Record]", meetings: int) -> None:
    async with asyncio.timeout(LONGEST_SECONDS):
        while (
            await database.fetchval("SELECT count(*) FROM prep.preps WHERE state IN ('sent', 'skipped', 'failed')")
            < meetings
        ):
            await asyncio.sleep(0.25)


@asynccontextmanager
async def _database(product: Stage) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The administrator's connection."""
    connection = await asyncpg.connect(product.stack.admin_postgres_url)
    try:
        yield connection
    finally:
        await connection.close()


SCENARIO = Scenario("briefs", "A thousand meetings in one window: when is the last brief sent?", run, limit_seconds=600)
