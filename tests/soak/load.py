"""What happens all along: mail arrives, meetings are made and moved, schedules fire, people look at pages; each at a steady rate."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

import aiohttp

from libs.google_sim.account import AccountData
from libs.local.demo.person import Person, Unexpected
from libs.local.tick import CLOCKS, tick
from tests.bench.mail import letter
from tests.bench.stage import Stage

DAY_SECONDS = 86_400
MAIL_A_DAY, MEETINGS_A_DAY = 30, 2  # of an account: docs/operating/capacity.md
SENDERS = 500
LOOK_SECONDS = 1.0  # from one look at a page to the next
AHEAD = timedelta(minutes=36)  # the next scan finds the meeting
PATHS = ("/me", "/contacts", "/meetings", "/accounts")
SCHEDULE_SECONDS = {"prep": 600, "mail": 21_600, "contacts": 21_600, "calendar": 86_400}


@dataclass
class Load:
    """`speed`: how many times faster than life. What has happened is counted."""

    product: Stage
    people: Sequence[Person]
    accounts: Sequence[AccountData]
    speed: float
    chance: Random
    delivered: int = 0
    meetings: int = 0
    ticks: int = 0
    looks: int = 0
    failed_looks: int = 0

    async def keep_happening(self) -> None:
        """Until cancelled."""
        per_day = len(self.accounts) * self.speed
        async with asyncio.TaskGroup() as group:
            group.create_task(_repeat(DAY_SECONDS / (per_day * MAIL_A_DAY), self._deliver))
            group.create_task(_repeat(DAY_SECONDS / (per_day * MEETINGS_A_DAY), self._meet))
            group.create_task(_repeat(LOOK_SECONDS, self._look))
            for clock in CLOCKS:
                if seconds := SCHEDULE_SECONDS.get(clock):
                    group.create_task(_repeat(seconds / self.speed, lambda clock=clock: self._tick(clock)))  # type: ignore[misc]

    async def _deliver(self) -> None:
        address, sender = self._anybody(), self.chance.randrange(SENDERS)
        mail = letter(address, f"soak-{self.delivered}", f"Sender {sender} <sender{sender}@analytical.example>")
        await self.product.google.control("POST", f"/accounts/{address}/messages", mail)
        self.delivered += 1

    async def _meet(self) -> None:
        """A meeting whose brief the next scan finds due; every other one is moved at once."""
        address, starts_at = self._anybody(), datetime.now(UTC) + AHEAD
        event = {
            "summary": f"The engine {self.meetings}",
            "start": {"dateTime": starts_at.isoformat()},
            "end": {"dateTime": (starts_at + timedelta(minutes=30)).isoformat()},
            "attendees": [
                {"email": address, "self": True, "responseStatus": "accepted", "organizer": True},
                {"email": f"sender{self.chance.randrange(SENDERS)}@analytical.example", "responseStatus": "accepted"},
            ],
        }
        path = f"/accounts/{address}/calendars/primary/events/soak{self.meetings}"
        await self.product.google.control("PUT", path, event)
        if self.meetings % 2:
            later = starts_at + timedelta(minutes=1)
            moved = {"start": {"dateTime": later.isoformat()}, "end": {"dateTime": (later + AHEAD).isoformat()}}
            await self.product.google.control("PATCH", path, moved)
        self.meetings += 1

    async def _look(self) -> None:
        try:
            await self.chance.choice(self.people).call("GET", self.chance.choice(PATHS))
        except (Unexpected, aiohttp.ClientError, TimeoutError):
            self.failed_looks += 1
        self.looks += 1

    async def _tick(self, clock: str) -> None:
        await tick(self.product.stack.admin_nats_url, clock)  # type: ignore[arg-type]
        self.ticks += clock != "prep"

    def _anybody(self) -> str:
        return self.chance.choice(self.accounts).address


async def _repeat(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    """At a steady rate, also where an act takes a while."""
    clock = asyncio.get_running_loop().time
    begun = clock()
    for number in count(1):
        await asyncio.sleep(max(begun + number * seconds - clock(), 0))
        await act()
