"""`pingcrm demo`: the whole product on a local Google, from sign-in to the prep email, and the numbers compared.

Everything is real but Google: OAuth, Gmail, Calendar and People are served by libs/google_sim from a built-in sample or from
files of Google Takeout. With `--once` it ends by itself, with exit code 0 only if oracle and product agree.
"""

import asyncio
import json
import shutil
import signal
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from libs.local.demo.google import GoogleFailed, LocalGoogle, local_google
from libs.local.demo.person import Person, Unexpected, person_at, until
from libs.local.demo.progress import Glimpse, Unfinished, quiet, synced
from libs.local.demo.report import actual, chosen, show
from libs.local.supervisor import Stack
from libs.local.tick import tick

PREP_SECONDS = 90.0
EVERYTHING = {"mail_lookback_days": 0}


@dataclass(frozen=True)
class Options:
    """What `pingcrm demo` was asked for. Without `owner` the built-in sample is used."""

    once: bool = False
    mail: Path | None = None
    calendar: Path | None = None
    contacts: Path | None = None
    owner: str = ""
    json_file: Path | None = None
    port: int = 0
    timeout_seconds: float = 1800.0

    @property
    def own_files(self) -> bool:
        return any((self.mail, self.calendar, self.contacts))

    def google_options(self) -> list[str]:
        """The command line of the local Google."""
        if not self.own_files:
            return ["--sample"]
        options = ["--account", self.owner]
        for name, path in (("--mail", self.mail), ("--calendar", self.calendar), ("--contacts", self.contacts)):
            if path is not None:
                options += [name, str(path.resolve())]
        return options


def run(options: Options, console: Console) -> int:
    """The demo from beginning to end; the exit code."""
    try:
        return asyncio.run(_run(options, console))
    except (GoogleFailed, Unexpected, Unfinished) as error:
        console.print(f"[red]The demo stopped:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130


async def _run(options: Options, console: Console) -> int:
    folder = Path(tempfile.mkdtemp(prefix="pingcrm-demo-"))
    seconds: dict[str, float] = {}
    started = perf_counter()
    try:
        async with AsyncExitStack() as stack:
            console.print("Starting a local Google …")
            google = await stack.enter_async_context(local_google(folder, options.google_options()))
            console.print("Starting PostgreSQL, NATS, Valkey and the five services …")
            services = await stack.enter_async_context(
                Stack.start(folder / "data", _settings(options, google), postgres_options={"fsync": "off"})
            )
            seconds["start"] = perf_counter() - started
            person = await stack.enter_async_context(person_at(services.url))
            expected = await _sync(options, google, services, person, console, seconds)
            await _brief(google, services, person, expected["preps"], console, seconds)
            with console.status("Counting what PingCRM shows …"):
                actually = await actual(person, google)
            seconds["total"] = perf_counter() - started
            agree = show(console, chosen(expected), actually)
            items = actually["messages"] + actually["imported"] + actually["meetings"]
            console.print(
                f"{items:,} messages, Google contacts and meetings in {seconds['sync']:.1f} s"
                f" ({items / max(seconds['sync'], 0.01):,.0f} a second), {seconds['total']:.1f} s in all."
            )
            if options.json_file:
                _write(options.json_file, chosen(expected), actually, seconds)
            if not options.once:
                await _stay(services, google, console)
            return 0 if agree else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _settings(options: Options, google: LocalGoogle) -> dict[str, str]:
    """The environment that points the product at the local Google."""
    settings = {
        "PINGCRM_GOOGLE_API_ROOT": google.url,
        "PINGCRM_GOOGLE_OAUTH_ROOT": google.url,
        "PINGCRM_GMAIL_UNITS_PER_MINUTE": "0",  # the local Google has no quota
        "PINGCRM_GMAIL_PROJECT_UNITS_PER_MINUTE": "0",
        "PINGCRM_GOOGLE_CLIENT_ID": "demo.apps.googleusercontent.com",
        "PINGCRM_GOOGLE_CLIENT_SECRET": "demo",
        "PINGCRM_PORT": str(options.port),
        "PINGCRM_MAIL_POLL_SECONDS": "10",
        "PINGCRM_LOG_FORMAT": "json",
    }
    if options.own_files:
        settings["PINGCRM_CALENDAR_PAST_DAYS"] = "0"
    return settings


async def _sync(
    options: Options, google: LocalGoogle, services: Stack, person: Person, console: Console, seconds: dict[str, float]
) -> dict[str, Any]:
    """Connect every account and wait until all of it is on the timelines; what the oracle expects."""
    addresses = await google.addresses()
    started = perf_counter()
    with _progress(console) as progress:
        task = progress.add_task(f"Signing in as {addresses[0]}", total=None)
        await person.sign_in(addresses[0])
        if options.own_files:  # whatever its age
            settings = await person.call("GET", "/settings")
            await person.call("PUT", "/settings", {**settings, "gmail": {**settings["gmail"], **EVERYTHING}})
        for address in addresses[1:]:
            await person.add_account(address)

        def update(glimpse: Glimpse) -> None:
            what = f"Reading {glimpse.open[0]}" if glimpse.open else "Read everything"
            progress.update(task, description=what, completed=glimpse.done, total=glimpse.total or None)

        await services_settled(person, services, options.timeout_seconds, update)
    seconds["sync"] = perf_counter() - started
    past = {"mail_lookback_days": 0, "calendar_past_days": 0} if options.own_files else {}
    return await google.expected(**past)


async def services_settled(person: Person, services: Stack, seconds: float, update: Any = None) -> None:
    """All runs ended and the bus is quiet; a setting that was changed meanwhile may have queued another run."""
    for _ in range(2):
        glimpse = await synced(person, seconds=seconds, show=update)
        await quiet(services.admin_nats_url, seconds=seconds)
    if glimpse.failed:
        raise Unfinished("; ".join(glimpse.failed))


async def _brief(
    google: LocalGoogle, services: Stack, person: Person, wanted: int, console: Console, seconds: dict[str, float]
) -> None:
    """Run the prep scan and wait for its emails."""
    started = perf_counter()
    with _progress(console) as progress:
        task = progress.add_task("Looking for meetings in half an hour", total=wanted or None)
        await tick(services.admin_nats_url, "prep")

        async def sent() -> bool:
            briefs = len(await google.briefs())
            progress.update(task, completed=briefs, description="Sending briefs")
            return briefs >= wanted

        await until(sent, seconds=PREP_SECONDS)
        await synced(person, seconds=PREP_SECONDS)
        await quiet(services.admin_nats_url, seconds=PREP_SECONDS)
    seconds["prep"] = perf_counter() - started


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console,
    )  # fmt: skip


def _write(path: Path, expected: dict[str, int], actually: dict[str, int], seconds: dict[str, float]) -> None:
    rounded = {name: round(value, 2) for name, value in seconds.items()}
    path.write_text(json.dumps({"expected": expected, "actual": actually, "seconds": rounded}, indent=2) + "\n")


async def _stay(services: Stack, google: LocalGoogle, console: Console) -> None:
    """Leave everything running until the person has seen enough."""
    console.print(f"\nPingCRM is at [bold]{services.url}[/] — sign in with any account of the local Google.")
    console.print(f"The API's documents: {services.url}/api/v1/docs")
    console.print(f"The local Google is at {google.url}; Ctrl-C stops everything and removes its data.")
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
