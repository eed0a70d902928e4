"""Processes killed at random moments of a first import: nothing lost, nothing doubled."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import Unavailable
from libs.local.demo.progress import Unfinished, get_progress
from tests.support.product import Product, product

ADDRESS = "owner@gmail.com"
MESSAGES = 3_000
# Slows Google down to what it is in life, so that the kills fall into the import.
LATENCY = {"rules": [{"match": "gmail.users", "kind": "latency", "milliseconds": 250}]}


async def imported(it: Product, fraction: float) -> None:
    """Wait until this share of the messages has been read."""
    async with asyncio.timeout(90):
        done = 0
        while done < fraction * MESSAGES:
            with suppress(Unavailable):  # what was killed last is coming back
                done = (await get_progress(it.person)).done
            await asyncio.sleep(0.05)


@pytest.mark.timeout(300)
async def test_a_backfill_survives_the_death_of_sync_contacts_nats_and_postgresql(tmp_path: Path) -> None:
    moments = sorted(Random(20260101).uniform(0.08, 0.85) for _ in range(4))
    mailbox = generate_mailbox(ADDRESS, MESSAGES, seed=7, now=datetime.now(UTC))
    async with product(tmp_path, [mailbox]) as it:
        await it.google.control("PUT", "/faults", LATENCY)
        await it.person.sign_in(ADDRESS)
        assert it.stack.nats is not None
        assert it.stack.postgres is not None

        await imported(it, moments[0])
        await it.stack.kill("sync")
        await it.stack.until_ready()

        await imported(it, moments[1])
        await it.stack.kill("contacts")
        await it.stack.until_ready()

        await imported(it, moments[2])
        await it.stack.nats.kill()
        await asyncio.sleep(0.5)
        await it.stack.nats.restart()

        await imported(it, moments[3])
        await it.stack.postgres.kill()
        await asyncio.sleep(0.5)
        await it.stack.postgres.restart()
        await it.stack.until_ready()

        try:
            await it.settle(seconds=150)
        except Unfinished as error:
            pytest.fail(f"the import did not finish after the kills: {error}")
        expected, actually = await it.numbers()
        assert actually == expected
        assert await it.doubled() == 0
