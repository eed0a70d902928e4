"""`pingcrm demo`: the whole product on a local Google, from sign-in to the prep email, and the numbers compared.

Everything is real but Google: OAuth, Gmail, Calendar and People are served by libs/google_sim from a built-in sample or from
files of Google Takeout. With `--once` it ends by itself, with exit code 0 only if oracle and product agree.
"""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from libs.local.demo.google import GoogleFailed, LocalGoogle, local_google
from libs.local.demo.person import Person, Unexpected, person_at, poll_until
from libs.local.demo.progress import SyncProgress, Unfinished, wait_until_idle, wait_until_synced
from libs.local.demo.report import count_actual, print_comparison, shown_numbers
from libs.local.demo_folder import demo_folder, remove_abandoned_folders
from libs.local.stop_signals import until_signalled
from libs.local.supervisor import Stack
from libs.local.tick import tick
from libs.local.waiting import explained

PREP_SECONDS = 90.0
EVERYTHING = {"mail_lookback_days": 0}


@dataclass(frozen=True)
class Options:
    """What `pingcrm demo` was called with. Without `owner` the built-in sample is used."""

    once: bool = False
    mail: Path | None = None
    calendar: Path | None = None
    contacts: Path | None = None
    takeout: tuple[Path, ...] = ()
    owner: str = ""
    json_file: Path | None = None
    port: int = 0
    timeout_seconds: float = 1800.0

    @property
    def own_files(self) -> bool:
        return any((self.mail, self.calendar, self.contacts, self.takeout))

    def google_options(self) -> list[str]:
        """The command line of the local Google."""
        if not self.own_files:
            return ["--sample"]
        options = ["--account", self.owner]
        for name, path in (("--mail", self.mail), ("--calendar", self.calendar), ("--contacts", self.contacts)):
            if path is not None:
                options += [name, str(path.resolve())]
        for path in self.takeout:
            options += ["--takeout", str(path.resolve())]
        return options


@dataclass(frozen=True)
class Scene:
    """What the demo works with, once everything runs. `seconds`: how long each part of it took."""

    options: Options
    google: LocalGoogle
    services: Stack
    person: Person
    console: Console
    seconds: dict[str, float]


@dataclass
class Result:
    """Whether oracle and product agree; None until that is known."""

    agrees: bool | None = None


def run(options: Options, console: Console) -> int:
    """The demo from beginning to end; the exit code."""
    try:
        return asyncio.run(_run(options, console))
    except (GoogleFailed, Unexpected, Unfinished) as error:
        console.print(f"[red]The demo stopped:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 1


async def _run(options: Options, console: Console) -> int:
    def report(sentence: str) -> None:
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)

    result = Result()
    async with until_signalled(lambda: report("Stopping …")) as stop:
        await remove_abandoned_folders(report)
        with demo_folder(report) as folder:
            await _show(options, console, folder, result)
    if result.agrees is None:
        return stop.exit_code
    return 0 if result.agrees else 1


async def _show(options: Options, console: Console, folder: Path, result: Result) -> None:
    """Everything that the demo shows, in a folder for its data. Without `once` it goes on until it is cancelled."""
    seconds: dict[str, float] = {}
    started = perf_counter()
    async with AsyncExitStack() as stack:
        console.print("Starting a local Google …")
        async with explained(lambda: "the local Google, which reads the whole mailbox first", console.print):
            google = await stack.enter_async_context(local_google(folder, options.google_options()))
        console.print("Starting PostgreSQL, NATS, Valkey and the five services …")
        services = await stack.enter_async_context(
            Stack.start(folder / "data", _settings(options, google), postgres_options={"fsync": "off"})
        )
        seconds["start"] = perf_counter() - started
        person = await stack.enter_async_context(person_at(services.url))
        scene = Scene(options, google, services, person, console, seconds)
        expected = await _sync(scene)
        await _send_briefs(scene, expected["preps"])
        with console.status("Counting what PingCRM shows …"):
            counted = await count_actual(person, google)
        seconds["total"] = perf_counter() - started
        result.agrees = print_comparison(console, shown_numbers(expected), counted)
        items = counted["messages"] + counted["imported"] + counted["meetings"]
        console.print(
            f"{items:,} messages, Google contacts and meetings in {seconds['sync']:.1f} s"
            f" ({items / max(seconds['sync'], 0.01):,.0f} a second), {seconds['total']:.1f} s in all."
        )
        if options.json_file:
            _write(options.json_file, shown_numbers(expected), counted, seconds)
        if not options.once:
            _print_addresses(services, google, console)
            await asyncio.Event().wait()


def _settings(options: Options, google: LocalGoogle) -> dict[str, str]:
    """The environment that points the product at the local Google."""
    settings = {
        "PINGCRM_GOOGLE_API_ROOT": google.url,
        "PINGCRM_GOOGLE_OAUTH_ROOT": google.url,
        "PINGCRM_GMAIL_UNITS_PER_MINUTE": "0",  # the local Google has no quota
        "PINGCRM_GMAIL_PROJECT_UNITS_PER_MINUTE": "0",
        "PINGCRM_GOOGLE_CLIENT_ID": "demo.apps.googleusercontent.com",
        "PINGCRM_GOOGLE_CLIENT_SECRET": "demo",
        "PINGCRM_API_REQUESTS_PER_MINUTE": "0",  # everything is counted through the API
        "PINGCRM_PORT": str(options.port),
        "PINGCRM_MAIL_POLL_SECONDS": "10",
        "PINGCRM_LOG_FORMAT": "json",
    }
    if options.own_files:
        settings["PINGCRM_CALENDAR_PAST_DAYS"] = "0"
    return settings


async def _sync(scene: Scene) -> dict[str, Any]:
    """Connect every account and wait until all of it is on the timelines; what the oracle expects."""
    options, google, person = scene.options, scene.google, scene.person
    addresses = await google.addresses()
    started = perf_counter()
    with _progress(scene.console) as progress:
        task = progress.add_task(f"Signing in as {addresses[0]}", total=None)
        await person.sign_in(addresses[0])
        if options.own_files:  # whatever its age
            settings = await person.call("GET", "/settings")
            await person.call("PUT", "/settings", {**settings, "gmail": {**settings["gmail"], **EVERYTHING}})
        for address in addresses[1:]:
            await person.add_account(address)

        def update(reached: SyncProgress) -> None:
            what = f"Reading {reached.open[0]}" if reached.open else "Read everything"
            progress.update(task, description=what, completed=reached.done, total=reached.total or None)

        await wait_until_settled(person, scene.services, options.timeout_seconds, update)
    scene.seconds["sync"] = perf_counter() - started
    past = {"mail_lookback_days": 0, "calendar_past_days": 0} if options.own_files else {}
    return await google.expected(**past)


async def wait_until_settled(person: Person, services: Stack, seconds: float, update: Any = None) -> None:
    """All runs ended and the bus is quiet; a setting that was changed meanwhile may have queued another run."""
    for _ in range(2):
        reached = await wait_until_synced(person, seconds=seconds, show=update)
        await wait_until_idle(services.admin_nats_url, seconds=seconds)
    if reached.failed:
        raise Unfinished("; ".join(reached.failed))


async def _send_briefs(scene: Scene, wanted: int) -> None:
    """Run the prep scan and wait for its emails, `wanted` of them."""
    admin_nats_url = scene.services.admin_nats_url
    started = perf_counter()
    with _progress(scene.console) as progress:
        task = progress.add_task("Looking for meetings in half an hour", total=wanted or None)
        await tick(admin_nats_url, "prep")

        async def sent() -> bool:
            briefs = len(await scene.google.briefs())
            progress.update(task, completed=briefs, description="Sending briefs")
            return briefs >= wanted

        await poll_until(sent, seconds=PREP_SECONDS)
        await wait_until_synced(scene.person, seconds=PREP_SECONDS)
        await wait_until_idle(admin_nats_url, seconds=PREP_SECONDS)
    scene.seconds["prep"] = perf_counter() - started


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console,
    )  # fmt: skip


def _write(path: Path, expected: dict[str, int], counted: dict[str, int], seconds: dict[str, float]) -> None:
    rounded = {name: round(value, 2) for name, value in seconds.items()}
    path.write_text(json.dumps({"expected": expected, "actual": counted, "seconds": rounded}, indent=2) + "\n")


def _print_addresses(services: Stack, google: LocalGoogle, console: Console) -> None:
    console.print(
        f"\nPingCRM is at [bold]{services.url}[/] — sign in with the accounts that were connected: it has its owner."
    )
    console.print(f"The API's documents: {services.url}/api/v1/docs")
    console.print(f"The local Google is at {google.url}; Ctrl-C stops everything and removes its data.")
