"""Two hundred mailboxes that are imported at once, under Gmail's quota."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from libs.common.events import AccountConnected
from libs.google_sim.account import AccountData
from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import Person
from libs.local.demo.progress import wait_until_idle
from tests.bench.bus import held_back
from tests.bench.importing import milliseconds_per_message
from tests.bench.people import people_at, sign_in_all
from tests.bench.processes import Usage, cpu_between
from tests.bench.scenario import Setting
from tests.bench.stage import WAIT_SECONDS, Spent, Stage, stage

MAILBOXES = 200
MESSAGES = 100
LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class CrowdImport:
    """What became of all mailboxes. `lasted`: seconds from the beginning of the first run to the end of each, as the API shows it;
    `seconds`: to the moment when the last message was on its timeline; `shown`: messages on the timelines of each.
    """

    mailboxes: int
    seconds: float
    last_start: float
    lasted: Sequence[float]
    shown: Sequence[int]
    cpu_seconds: Mapping[str, float]
    spent: Spent

    @property
    def messages(self) -> int:
        return self.mailboxes * MESSAGES

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu_milliseconds(self) -> float:
        """CPU per message of all services and servers."""
        return milliseconds_per_message(self.cpu_seconds, self.messages)


@dataclass(frozen=True)
class Crowd:
    """A product, and as many people as have a mailbox at its Google."""

    product: Stage
    people: Sequence[Person]
    addresses: Sequence[str]

    @asynccontextmanager
    async def signed_in(self) -> AsyncIterator[None]:
        """Everybody is signed in; nothing of their mailboxes is read before the block ends."""
        async with held_back(self.product.stack.admin_nats_url, "sync", AccountConnected):
            await sign_in_all(self.people, self.addresses)
            yield

    async def all_read(self, before: Mapping[str, Usage]) -> CrowdImport:
        """Wait until the last message is on its timeline. `before`: what was used until the beginning. TimeoutError, Unfinished: it is not.

        The database is asked, not two hundred people's pages: those would be half of what is measured.
        """
        await self._until_read()
        await wait_until_idle(self.product.stack.admin_nats_url, seconds=WAIT_SECONDS)
        ended = datetime.now(UTC)
        cpu = cpu_between(before, self.product.usage())
        runs = [await _mail_run(person) for person in self.people]
        shown = [(await person.call("GET", "/me"))["counts"]["messages"] for person in self.people]
        starts = [_moment(run["started_at"]) for run in runs]
        began = min(starts)
        return CrowdImport(
            len(self.people),
            (ended - began).total_seconds(),
            (max(starts) - began).total_seconds(),
            [(_moment(run["finished_at"]) - began).total_seconds() for run in runs],
            shown,
            cpu,
            await self.product.gmail(),
        )

    async def _until_read(self) -> None:
        database = await asyncpg.connect(self.product.stack.admin_postgres_url)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not await database.fetchval(_ALL_READ, len(self.people)):
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            await database.close()


_ALL_READ = """
SELECT count(*) FILTER (WHERE kind = 'mail' AND state = 'completed') >= $1 AND count(*) FILTER (WHERE finished_at IS NULL) = 0
FROM sync.runs
"""


@asynccontextmanager
async def crowd_at(folder: Path, setting: Setting, others: Sequence[AccountData] = ()) -> AsyncIterator[Crowd]:
    """A crowd at a product of its own, in `folder`, which is made. `others`: accounts at the same Google beside theirs."""
    now = datetime.now(UTC)
    mailboxes = [
        generate_mailbox(f"person{number}@gmail.com", MESSAGES, seed=number, now=now)
        for number in range(setting.size(MAILBOXES, 8))
    ]
    folder.mkdir()
    async with (
        stage(folder, [*mailboxes, *others], real_quota=True) as product,
        people_at(product.url, len(mailboxes)) as people,
    ):
        yield Crowd(product, people, [mailbox.address for mailbox in mailboxes])


async def _mail_run(person: Person) -> dict[str, Any]:
    run: dict[str, Any] = (await person.call("GET", "/accounts"))["items"][0]["syncs"]["mail"]
    if run["state"] != "completed":
        raise RuntimeError(f"A mailbox was not read: {run['error']}")
    return run


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
