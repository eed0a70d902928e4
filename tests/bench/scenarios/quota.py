"""A mailbox at Gmail's real quota: how much of it is used, and what the person sees meanwhile."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import fmean
from typing import Any, NamedTuple

from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import Person, person_at
from tests.bench.figure import Figure, at_least, exactly
from tests.bench.live import Update, listening
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import MAILBOX_UNITS, Stage, stage

GET_UNITS = 20
MINUTE = 60
SETTLE_SECONDS = 62  # what is spent at once in the beginning has to leave the minute that Gmail looks back
WINDOW_SECONDS = 72
SAMPLE_SECONDS = 0.1


class Sample(NamedTuple):
    """How many units were spent at a moment."""

    at: float
    units: int


def units_per_minute(samples: Sequence[Sample], span: float) -> float:
    """The mean over all stretches of `span` seconds that the samples hold.

    Units are spent in steps (a batch is one, and somebody may spend a whole minute's at once), so one stretch has a step more
    or less than the next; their mean is the pace. 0 where the samples hold none.
    """
    moments = [sample.at for sample in samples]
    ends = [samples[bisect_right(moments, at + span) - 1] for at in moments if at + span <= moments[-1]]
    stretches = [(begin, end) for begin, end in zip(samples, ends, strict=False) if end.at > begin.at]
    paces = [(end.units - begin.units) / (end.at - begin.at) for begin, end in stretches]
    return fmean(paces) * 60 if paces else 0.0


async def run(setting: Setting) -> list[Figure]:
    settle, window = setting.size(SETTLE_SECONDS, 4), setting.size(WINDOW_SECONDS, 12)
    size = MAILBOX_UNITS // GET_UNITS * 4  # more than can be read until then
    mailbox = generate_mailbox("owner@gmail.com", size, now=datetime.now(UTC), thread_lengths=((1, 1),))
    setting.publish("starting")
    async with stage(setting.folder, [mailbox], real_quota=True) as product, person_at(product.url) as person:
        await person.sign_in(mailbox.address)
        async with listening(person) as updates:
            setting.publish(f"the first {settle} s")
            await asyncio.sleep(settle)
            setting.publish(f"{window} s of steady state")
            before = await _run_of(person)
            samples = await _watch(product, window)
            after = await _run_of(person)
            seen = [updates.get_nowait() for _ in range(updates.qsize())]
        spent = await product.gmail()
    throttle = units_per_minute(samples, setting.size(MINUTE, 6))
    notes = [note for note in map(_note, seen) if "quota" in note]
    return [
        Figure(
            "quota used", throttle / MAILBOX_UNITS * 100, "%",
            f"of {MAILBOX_UNITS:,} units a minute, in the mean of all minutes within {window} s; an import of single messages"
            " after its first minute", at_least(99),
        ),
        Figure("messages.get a minute", throttle / GET_UNITS, "1/min", f"{MAILBOX_UNITS // GET_UNITS} are allowed"),
        Figure("refused by Gmail", spent.refused, "calls", "from sign-in on, counted by the local Google", exactly(0)),
        Figure("updates that tell of the quota", len(notes), "", "live updates with such a note", at_least(1)),
        Figure("what they say", notes[-1] if notes else "nothing", "", "the last note"),
        Figure("what the API says", after.get("note") or "nothing", "", "the note of the run"),
        Figure("time left, as shown", (before["eta_seconds"] or 0.0) / 60, "min", "when the window began"),
        Figure(
            "time left, as it turns out", _minutes_left(before, after, window), "min",
            "the messages that were left then, at the pace in the window",
        ),
    ]  # fmt: skip


async def _watch(product: Stage, seconds: float) -> list[Sample]:
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    samples: list[Sample] = []
    while clock() < end:
        spent = await product.gmail()
        samples.append(Sample(clock(), spent.units))
        await asyncio.sleep(SAMPLE_SECONDS)
    return samples


async def _run_of(person: Person) -> dict[str, Any]:
    run: dict[str, Any] = (await person.call("GET", "/accounts"))["items"][0]["syncs"]["mail"]
    if run["state"] == "failed":
        raise RuntimeError(f"The sync of mail failed: {run['error']}")
    return run


def _minutes_left(before: dict[str, Any], after: dict[str, Any], seconds: float) -> float:
    done = after["done"] - before["done"]
    return (before["total"] - before["done"]) * seconds / done / 60 if done else 0.0


def _note(update: Update) -> str:
    data: Any = update.data
    return str(data.get("note") or "") if update.name == "sync.progressed" else ""


SCENARIO = Scenario("quota", "How much of Gmail's quota does an import use?", run)
