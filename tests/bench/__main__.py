"""`make bench`: how fast, how cheap, how small. Prints tables; `--json FILE` writes the figures too.

Every service is a process of its own on real PostgreSQL (durable: fsync on), NATS and Valkey; the local Google is one more
process on the same machine, without quota and without latency, its CPU shown apart.
"""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from libs.google_sim.account import AccountData
from libs.google_sim.oracle import gmail_optimum
from libs.google_sim.sample import generate_mailbox
from libs.local.demo.google import LocalGoogle, local_google
from libs.local.demo.person import Person, person_at, until
from libs.local.demo.progress import quiet, synced
from libs.local.supervisor import Stack
from tests.bench.processes import cpu_between, usage

ADDRESS = "owner@gmail.com"
IDLE_SECONDS = 10.0
WAIT_SECONDS = 600.0


@dataclass(frozen=True)
class Bench:
    """What is measured: the running product, the local Google beside it, a person to start things."""

    stack: Stack
    google: LocalGoogle
    person: Person

    def pids(self) -> dict[str, int]:
        return {**self.stack.processes, **self.stack.server_processes, "local Google": self.google.pid}

    async def counters(self) -> dict[str, int]:
        """Google's own count: HTTP requests and quota units for Gmail since the last reset."""
        counted = await self.google.control("GET", "/counters")
        requests = units = 0
        for methods in counted["accounts"].values():
            for name, method in methods.items():
                if name.startswith("gmail."):
                    requests += method["requests"]
                    units += method["units"]
        return {"requests": requests, "units": units}


@asynccontextmanager
async def started(folder: Path, accounts: list[AccountData], figures: dict[str, Any]) -> AsyncIterator[Bench]:
    """The product, ready; how long that took is in `figures`."""
    options: list[str] = []
    for account in accounts:
        path = folder / f"{account.address}.jsonl"
        path.write_bytes(b"\n".join(map(orjson.dumps, account.messages)))
        options += ["--account", account.address, "--mail", f"{account.address}={path}"]
    async with local_google(folder, options) as google:
        settings = {
            "PINGCRM_GOOGLE_API_ROOT": google.url,
            "PINGCRM_GOOGLE_OAUTH_ROOT": google.url,
            "PINGCRM_GOOGLE_CLIENT_ID": "bench.apps.googleusercontent.com",
            "PINGCRM_GOOGLE_CLIENT_SECRET": "bench",
            "PINGCRM_MAIL_POLL_SECONDS": "0",
            "PINGCRM_LOG_FORMAT": "json",
        }
        begun = perf_counter()
        async with Stack.start(folder / "data", settings) as stack, person_at(stack.url) as person:
            figures["first start, s"] = perf_counter() - begun
            yield Bench(stack, google, person)


async def import_mailbox(bench: Bench, account: AccountData, figures: dict[str, Any]) -> None:
    """Sign in and wait until the last message is on its timeline."""
    messages = len(account.messages)
    before = usage(bench.pids())
    begun = perf_counter()
    await bench.person.sign_in(account.address)

    async def recorded() -> bool:
        return bool((await bench.person.call("GET", "/me"))["counts"]["messages"] >= messages)

    if not await until(recorded, seconds=WAIT_SECONDS, every=0.1):
        raise RuntimeError("The import did not finish; see the logs.")
    seconds = perf_counter() - begun
    await synced(bench.person, seconds=WAIT_SECONDS)
    await quiet(bench.stack.admin_nats_url, seconds=WAIT_SECONDS)
    cpu = cpu_between(before, usage(bench.pids()))
    counted, optimum = await bench.counters(), gmail_optimum(account, datetime.now(UTC))
    figures |= {
        "messages": messages,
        "import, s": seconds,
        "messages per second": messages / seconds,
        "CPU seconds per 1,000 messages": {name: spent / messages * 1000 for name, spent in cpu.items()},
        "Gmail requests per message": counted["requests"] / messages,
        "Gmail units per message": counted["units"] / messages,
        "Gmail units, optimum": optimum["units"],
        "Gmail units over the optimum, %": (counted["units"] / optimum["units"] - 1) * 100,
    }


async def sync_nothing_new(bench: Bench, figures: dict[str, Any]) -> None:
    """What a sync costs when nothing has changed."""
    account = (await bench.person.call("GET", "/accounts"))["items"][0]
    await bench.google.control("DELETE", "/counters")
    await bench.person.call("POST", f"/accounts/{account['id']}/sync", {"kinds": ["mail"]})
    await asyncio.sleep(1)
    await synced(bench.person, seconds=60)
    counted = await bench.counters()
    figures |= {"nothing new: requests": counted["requests"], "nothing new: units": counted["units"]}


async def idle(bench: Bench, figures: dict[str, Any]) -> None:
    """Memory that nobody else shares, and CPU, of each process when nothing happens."""
    before = usage(bench.pids())
    await asyncio.sleep(IDLE_SECONDS)
    after = usage(bench.pids())
    figures["idle memory, MB"] = {name: one.memory_bytes / 1e6 for name, one in after.items()}
    figures["idle CPU, %"] = {name: spent / IDLE_SECONDS * 100 for name, spent in cpu_between(before, after).items()}
    figures["idle memory of the five services, MB"] = sum(
        after[name].memory_bytes / 1e6 for name in bench.stack.processes
    )


async def restart(folder: Path, figures: dict[str, Any]) -> None:
    """From nothing running to ready, on data that is there already."""
    begun = perf_counter()
    async with Stack.start(folder / "data", {"PINGCRM_LOG_FORMAT": "json"}):
        figures["start with data, s"] = perf_counter() - begun


async def measure(messages: int, folder: Path) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    mailbox = generate_mailbox(ADDRESS, messages, seed=1, now=datetime.now(UTC))
    async with started(folder, [mailbox], figures) as bench:
        await idle(bench, figures)
        await import_mailbox(bench, mailbox, figures)
        await sync_nothing_new(bench, figures)
    await restart(folder, figures)
    return figures


def show(console: Console, figures: Mapping[str, Any]) -> None:
    plain = Table(title="PingCRM on the local Google", title_justify="left")
    plain.add_column("")
    plain.add_column("", justify="right")
    by_process: dict[str, Mapping[str, float]] = {}
    for name, value in figures.items():
        if isinstance(value, dict):
            by_process[name] = value
        else:
            plain.add_row(name, f"{value:,.2f}" if isinstance(value, float) else f"{value:,}")
    console.print(plain)
    table = Table(title="By process", title_justify="left")
    table.add_column("")
    for name in by_process:
        table.add_column(name, justify="right")
    for process in next(iter(by_process.values())):
        table.add_row(process, *(f"{values.get(process, 0.0):,.2f}" for values in by_process.values()))
    ours = [{name: value for name, value in values.items() if name != "local Google"} for values in by_process.values()]
    table.add_row("sum without Google", *(f"{sum(values.values()):,.2f}" for values in ours))
    console.print(table)


def main(
    messages: Annotated[int, typer.Option(help="Size of the generated mailbox.", min=100)] = 5000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
    keep: Annotated[bool, typer.Option(help="Keep the data folder and say where it is.")] = False,
) -> None:
    """Measure a first import, a sync with nothing new, start-up and idleness."""
    folder = Path(tempfile.mkdtemp(prefix="pingcrm-bench-"))
    console = Console()
    try:
        figures = asyncio.run(measure(messages, folder))
    finally:
        if keep:
            console.print(f"The data is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    show(console, figures)
    if json_file:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
