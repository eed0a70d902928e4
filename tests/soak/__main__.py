"""`make soak`: does anything grow that should not, while mail arrives at twenty times the real rate?"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from time import monotonic

import orjson
from rich.console import Console

from libs.common.log import error_text
from libs.google_sim.account import AccountData
from libs.local.demo.progress import Unfinished, wait_until_idle, wait_until_synced
from tests.bench.people import people_at, sign_in_all
from tests.bench.stage import WAIT_SECONDS, Stage, google_with, product_at
from tests.soak.load import Load
from tests.soak.report import Row, rows, show
from tests.soak.samples import UNREACHABLE, Sample, count_recorded, take, take_left

POLL_SECONDS = 60  # of life, as the product has it
TOKEN_SECONDS, SHORTEST_TOKEN_SECONDS = 3_600, 180  # Google's; `auth` hands out what lasts two minutes more
SAMPLES = 360  # in all; at most one a second
SHORTEST = 20  # seconds: less says nothing
DRAIN_SECONDS = 300.0  # a run of the last schedule may be due four minutes after it

Publish = Callable[[str], None]


async def soak(folder: Path, *, accounts: int, seconds: float, speed: float, publish: Publish) -> list[Row]:
    """The whole: set up, `seconds` of life at this speed, and what is left once everything is at rest."""
    mailboxes = [AccountData(f"person{number}@gmail.com", f"Person {number}", "") for number in range(accounts)]
    settings = {"PINGCRM_MAIL_POLL_SECONDS": str(max(round(POLL_SECONDS / speed), 1))}
    token_seconds = max(round(TOKEN_SECONDS / speed), SHORTEST_TOKEN_SECONDS)
    publish("starting")
    async with (
        google_with(folder, mailboxes, "--token-seconds", str(token_seconds)) as google,
        product_at(folder, google, settings) as product,
        people_at(product.url, accounts) as people,
    ):
        publish(f"{accounts} people sign in")
        await sign_in_all(people, [mailbox.address for mailbox in mailboxes])
        for person in people:
            await wait_until_synced(person, seconds=WAIT_SECONDS)
        load = Load(product, people, mailboxes, speed, Random(12))
        publish(f"{seconds:.0f} s at {speed:g} times the real rate")
        with (folder / "samples.jsonl").open("wb", buffering=0) as kept:
            samples = await _sampled(
                product, load, seconds, publish, lambda sample: kept.write(orjson.dumps(sample) + b"\n")
            )
        publish("coming to rest")
        unfinished = await _rest(product, load)
        return rows(samples, load, await take_left(product), accounts, unfinished)


async def _sampled(
    product: Stage, load: Load, seconds: float, publish: Publish, keep: Callable[[Sample], object]
) -> list[Sample]:
    samples, missed, begun, every = [], 0, monotonic(), max(seconds / SAMPLES, 1.0)
    happening = asyncio.create_task(load.keep_happening())
    try:
        while (now := monotonic() - begun) < seconds:
            try:
                samples.append(await take(product, begun))
                keep(samples[-1])
            except UNREACHABLE as error:
                missed += 1
                publish(f"no sample: {error_text(error)}")
            if int(now / 60) < int((now + every) / 60):
                publish(f"{load.delivered:,} messages, {load.meetings} meetings")
            await asyncio.wait({happening}, timeout=max(begun + (len(samples) + missed) * every - monotonic(), 0.0))
            if happening.done():
                happening.result()  # what stopped it
        return samples
    finally:
        happening.cancel()
        with suppress(asyncio.CancelledError):
            await happening


async def _rest(product: Stage, load: Load) -> list[str]:
    """Wait until all that has happened is handled; what is not by then, in sentences."""
    try:
        for person in load.people:
            await wait_until_synced(person, seconds=DRAIN_SECONDS)
        async with asyncio.timeout(DRAIN_SECONDS):  # quiet mailboxes are polled ten times more seldom
            while await count_recorded(product) < load.delivered:
                await asyncio.sleep(1)
        await wait_until_idle(product.stack.admin_nats_url, seconds=DRAIN_SECONDS)
    except (Unfinished, TimeoutError) as error:
        return [str(error)[:80] or "mail that was delivered is not recorded"]
    return []


def main(arguments: Sequence[str]) -> int:
    """0 where nothing grows that should not."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="default: %(default)s")
    parser.add_argument("--accounts", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--speed", type=float, default=20.0, help="times the real rate; default: %(default)s")
    parser.add_argument("--keep", action="store_true", help="keep data, logs and samples, and say where they are")
    chosen = parser.parse_args(arguments)
    if chosen.seconds < SHORTEST:
        parser.error(f"--seconds: at least {SHORTEST}")
    console, begun = Console(width=None if sys.stdout.isatty() else 120), monotonic()
    folder = Path(tempfile.mkdtemp(prefix="pingcrm-soak-"))

    def publish(sentence: str) -> None:
        console.print(f"[dim]{monotonic() - begun:6.1f} s  {sentence}[/]", highlight=False)

    try:
        found = asyncio.run(
            soak(folder, accounts=chosen.accounts, seconds=chosen.seconds, speed=chosen.speed, publish=publish)
        )
    finally:
        if chosen.keep:
            console.print(f"Data and logs are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    show(
        console, f"{chosen.accounts} accounts for {chosen.seconds:.0f} s at {chosen.speed:g} times the real rate", found
    )
    grown = [row.name for row in found if row.is_good is False]
    console.print(f"Grows, or is not as it should be: {', '.join(grown) or 'nothing'}.", highlight=False)
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
