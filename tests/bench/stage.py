"""The product as it is run for people: every service a process of its own on real PostgreSQL (fsync on), NATS and Valkey.

The local Google is one more process on the same machine; its CPU is shown apart.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from libs.google_sim.account import AccountData
from libs.local.demo.google import LocalGoogle, local_google
from libs.local.demo.person import Person
from libs.local.demo.progress import wait_until_idle, wait_until_synced
from libs.local.supervisor import Stack
from tests.bench.processes import Usage, usage

GOOGLE = "local Google"
FORK_SERVER = "fork server"
WAIT_SECONDS = 150.0

# Gmail's quota units a minute, of a mailbox and of a project.
MAILBOX_UNITS, PROJECT_UNITS = 6_000, 1_200_000
REAL_QUOTA = {
    "PINGCRM_GMAIL_UNITS_PER_MINUTE": str(MAILBOX_UNITS),
    "PINGCRM_GMAIL_PROJECT_UNITS_PER_MINUTE": str(PROJECT_UNITS),
}
# Units are counted as ever, but nobody waits for them: what is measured is the product's own speed.
NO_WAITING = dict.fromkeys(REAL_QUOTA, "60000000")


@dataclass(frozen=True)
class Spent:
    """What Google counted since the last reset. `calls`: a batch of 25 is 25; `http`: it is one, and OAuth counts too."""

    calls: int
    units: int
    refused: int
    http: int


@dataclass(frozen=True)
class Stage:
    """The running product, and the local Google beside it."""

    stack: Stack
    google: LocalGoogle

    @property
    def url(self) -> str:
        return self.stack.url

    @property
    def services(self) -> dict[str, int]:
        """Name → process id, with the process that they are copies of."""
        shared = self.stack.fork_server_pid
        return self.stack.processes | ({FORK_SERVER: shared} if shared else {})

    def usage(self) -> dict[str, Usage]:
        """By process: the services, what they are copies of, the servers, the local Google."""
        return usage({**self.services, **self.stack.server_processes, GOOGLE: self.google.pid})

    async def gmail(self) -> Spent:
        """What Gmail was asked and what that cost, over all mailboxes."""
        counted = await self.google.control("GET", "/counters")
        gmail = [
            counter
            for methods in counted["accounts"].values()
            for name, counter in methods.items()
            if name.startswith("gmail.")
        ]
        calls, units, refused = (sum(counter[key] for counter in gmail) for key in ("requests", "units", "refused"))
        return Spent(calls, units, refused, counted["http"])

    async def forget_counts(self) -> None:
        await self.google.control("DELETE", "/counters")

    async def settled(self, person: Person) -> None:
        """Every run of the person's accounts has ended, and every message is handled."""
        await wait_until_synced(person, seconds=WAIT_SECONDS)
        await wait_until_idle(self.stack.admin_nats_url, seconds=WAIT_SECONDS)


@asynccontextmanager
async def google_with(folder: Path, accounts: Sequence[AccountData], *options: str) -> AsyncIterator[LocalGoogle]:
    """A local Google with these accounts. `options`: of its command line."""
    arguments = list(options)
    for account in accounts:
        arguments += ["--account", account.address]
        if account.messages:
            path = folder / f"{account.address}.jsonl"
            path.write_bytes(b"\n".join(map(orjson.dumps, account.messages)))
            arguments += ["--mail", f"{account.address}={path}"]
        if events := [event for calendar in account.calendars for event in calendar.events]:
            path = folder / f"{account.address}.calendar.jsonl"
            path.write_bytes(b"\n".join(map(orjson.dumps, events)))
            arguments += ["--calendar", f"{account.address}={path}"]
    async with local_google(folder, arguments) as google:
        yield google


@asynccontextmanager
async def product_at(
    folder: Path, google: LocalGoogle, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Stage]:
    """The product on the data in `folder`, which may be there already. Unless the settings say so, mail is not polled and
    no quota slows it down.
    """
    chosen = {
        "PINGCRM_GOOGLE_API_ROOT": google.url,
        "PINGCRM_GOOGLE_OAUTH_ROOT": google.url,
        "PINGCRM_GMAIL_UNITS_PER_MINUTE": "0",
        "PINGCRM_GMAIL_PROJECT_UNITS_PER_MINUTE": "0",
        "PINGCRM_GOOGLE_CLIENT_ID": "bench.apps.googleusercontent.com",
        "PINGCRM_GOOGLE_CLIENT_SECRET": "bench",
        "PINGCRM_SIGN_UP": "open",
        "PINGCRM_API_REQUESTS_PER_MINUTE": "0",
        "PINGCRM_MAIL_POLL_SECONDS": "0",
        "PINGCRM_LOG_FORMAT": "json",
        **NO_WAITING,
        **(settings or {}),
    }
    async with Stack.start(folder / "data", chosen) as stack:
        yield Stage(stack, google)


@asynccontextmanager
async def stage(folder: Path, accounts: Sequence[AccountData], *, real_quota: bool = False) -> AsyncIterator[Stage]:
    """Both, from nothing. `real_quota`: Google enforces Gmail's quota, and the product keeps it."""
    options = ("--user-units-per-minute", str(MAILBOX_UNITS), "--project-units-per-minute", str(PROJECT_UNITS))
    async with (
        google_with(folder, accounts, *(options if real_quota else ())) as google,
        product_at(folder, google, REAL_QUOTA if real_quota else {}) as running,
    ):
        yield running
