"""A product with something in every panel: imports under Google's quotas, mail and meetings that arrive, briefs, open pages, mishaps."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import time
from typing import Any

import aiohttp

from libs.common.ids import new_id
from libs.google_sim.account import AccountData
from libs.google_sim.sample import generate_mailbox, sample
from libs.local.demo.person import Person, Unexpected, poll_until
from libs.local.tick import tick
from tests.bench.mail import letter
from tests.bench.people import people_at, sign_in_all
from tests.bench.stage import MAILBOX_UNITS, PROJECT_UNITS, REAL_QUOTA, WAIT_SECONDS, Stage, google_with, product_at
from tests.soak.load import Load
from tests.support import provoked
from tests.support.fake_claude import FakeClaude, run_claude
from tests.support.product import Product
from tests.support.prometheus import Prometheus, prometheus

SPEED = 60.0  # times the real rate of mail, meetings and schedules
WATCHED = 4  # people whose pages are open
TOKEN_SECONDS = 150  # of which the last two minutes are not used
BRIEFS = 2  # that are due in the sample
REFUSED = {"match": r"history\.list", "kind": "429", "first": 6}

Publish = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """So many accounts beside the sample's two, with so many messages each, all imported at once; so long under this load. Prometheus
    reads every so many seconds.
    """

    accounts: int = 50
    messages: int = 1000
    seconds: float = 75.0
    every_seconds: int = 5


@dataclass(frozen=True)
class Loaded:
    """While the load is on. `owner` is the operator; `begun`: when it began, in seconds since 1970."""

    stage: Stage
    owner: Person
    prometheus: Prometheus
    begun: float

    @property
    def product(self) -> Product:
        """As its owner sees it."""
        return Product(self.stage.stack, self.stage.google, self.owner)


@asynccontextmanager
async def under_load(folder: Path, program: str, size: Size, publish: Publish) -> AsyncIterator[Loaded]:
    """The load has begun. `program`: Prometheus."""
    now = datetime.now(UTC)
    mailboxes = [
        generate_mailbox(f"person{at}@gmail.com", size.messages, seed=at, now=now) for at in range(size.accounts)
    ]
    options = ("--sample", "--token-seconds", str(TOKEN_SECONDS))
    quota = ("--user-units-per-minute", str(MAILBOX_UNITS), "--project-units-per-minute", str(PROJECT_UNITS))
    publish("starting")
    async with AsyncExitStack() as stack:
        claude = await stack.enter_async_context(run_claude())
        google = await stack.enter_async_context(google_with(folder, mailboxes, *options, *quota))
        settings = {
            **REAL_QUOTA,
            "PINGCRM_MAIL_POLL_SECONDS": "5",
            "PINGCRM_ANTHROPIC_API_KEY": "dashboards",
            "PINGCRM_ANTHROPIC_BASE_URL": claude.url,
        }
        stage = await stack.enter_async_context(product_at(folder, google, settings))
        ports = stage.stack.health_ports
        watching = await stack.enter_async_context(
            prometheus(program, folder / "prometheus", ports, size.every_seconds)
        )
        people = await stack.enter_async_context(people_at(stage.url, size.accounts + 1))
        loaded = Loaded(stage, people[0], watching, time())
        publish("the owner signs in, and is briefed")
        await _brief_owner(loaded, sample(now))
        publish(f"{size.accounts} people sign in")
        await sign_in_all(people[1:], [mailbox.address for mailbox in mailboxes])
        async with _happening(loaded, people, mailboxes):
            publish("mishaps")
            await _have_mishaps(loaded, claude, people[1], mailboxes[0].address)
            yield loaded


async def _brief_owner(loaded: Loaded, accounts: list[AccountData]) -> None:
    await sign_in_all([loaded.owner], [accounts[0].address])
    await loaded.owner.add_account(accounts[1].address)
    await loaded.stage.settled(loaded.owner)
    await tick(loaded.stage.stack.admin_nats_url, "prep")

    async def briefed() -> bool:
        return len(await loaded.stage.google.briefs()) >= BRIEFS

    if not await poll_until(briefed, seconds=WAIT_SECONDS):
        raise TimeoutError("The owner got no briefs.")


@asynccontextmanager
async def _happening(loaded: Loaded, people: list[Person], accounts: list[AccountData]) -> AsyncIterator[None]:
    """Until the block ends, which ends with whatever ends this."""
    load = Load(loaded.stage, people, accounts, SPEED, Random(12))
    async with asyncio.TaskGroup() as group:
        happening = [group.create_task(load.keep_happening())]
        happening += [group.create_task(_watch(person)) for person in people[:WATCHED]]
        try:
            yield
        finally:
            for task in happening:
                task.cancel()


async def _watch(person: Person) -> None:
    """A page that is open: it is sent what changes."""
    async with person.http.get(f"{person.url}/api/v1/events", timeout=aiohttp.ClientTimeout()) as updates:
        async for _ in updates.content:
            pass


async def _have_mishaps(loaded: Loaded, claude: FakeClaude, person: Person, address: str) -> None:
    """What dashboards are looked at for: each a few times."""
    await loaded.stage.google.control("PUT", "/faults", {"rules": [REFUSED]})
    await provoked.event_that_cannot_be_parsed(loaded.product)
    with suppress(Unexpected):
        await loaded.owner.call("GET", f"/contacts/{new_id()}")
    await _get_mail(loaded)
    claude.mode = "overloaded"
    await provoked.brief_by_hand(loaded.product)
    claude.mode = "success"
    await loaded.stage.google.control("POST", f"/accounts/{address}/revoke")

    async def signed_out() -> bool:
        found: dict[str, Any] = (await person.call("GET", "/accounts"))["items"][0]
        return bool(found["status"] == "reauth_required")

    if not await poll_until(signed_out, seconds=WAIT_SECONDS):
        raise TimeoutError(f"{address} was not found to be signed out.")


async def _get_mail(loaded: Loaded) -> None:
    """A mail for the owner, and a run that finds it."""
    account = (await loaded.owner.call("GET", "/accounts"))["items"][0]
    await loaded.stage.google.control(
        "POST", f"/accounts/{account['address']}/messages", letter(account["address"], "news")
    )
    await loaded.owner.call("POST", f"/accounts/{account['id']}/sync", {"kinds": ["mail"]})
