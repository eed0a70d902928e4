"""A cluster under everything that may befall it: at the end it shows what its people's mailboxes and calendars hold, each brief was sent
once, and nothing was given up.

In the suite a short form with one fault of five kinds. PINGCRM_CHAOS_SECONDS: for how long, with all kinds (`make chaos`: 600);
PINGCRM_CHAOS_SEED: which faults befall whom in which order, and what people do. When that happens is a matter of the machine.
"""

import os
from pathlib import Path

import pytest

from tests.support.chaos.faults import FULL_DISKS, KINDS, OFTEN, Kind
from tests.support.chaos.stage import SETTLE_SECONDS, chaos_stage
from tests.support.disks import why_no_disk

SECONDS = float(os.environ.get("PINGCRM_CHAOS_SECONDS", "0"))
SEED = int(os.environ.get("PINGCRM_CHAOS_SEED", "1"))
PEOPLE = 3
SHORT: tuple[Kind, ...] = (
    "service killed",
    "NATS server killed",
    "standby promoted",
    "service paused",
    "PostgreSQL's disk full",
)
SHORT_SECONDS = 60.0


@pytest.mark.timeout(int(SECONDS or SHORT_SECONDS) + 300 + 2 * SETTLE_SECONDS)
async def test_a_cluster_among_faults_ends_as_its_oracle_says_with_each_brief_once(tmp_path: Path) -> None:
    async with chaos_stage(tmp_path, PEOPLE, SEED) as stage:
        if SECONDS:
            await stage.rage(SECONDS, OFTEN)
        else:
            await stage.rage(SHORT_SECONDS, SHORT, at_most=len(SHORT))
        scanned_at = await stage.settle()
        differences, dead = await stage.differences(scanned_at), await stage.dead_letters()
        briefs, mails = len(stage.google.world.outbox.mails), sum(person.letters for person in stage.people)
    table = f"{stage.recoveries.table()}\n{briefs} briefs, {mails} mails, seed {SEED}"
    if reason := why_no_disk():
        table += f"\nno disk was full: {reason}"
    print(f"\n{table}")
    story = "\n".join([*stage.story, table])
    assert not differences, "\n".join([*differences, story])
    assert not dead, "\n".join([*dead, story])
    assert stage.recoveries.never == [], story
    # So that it was worth it.
    assert briefs >= 1
    wanted = {*(SHORT if not SECONDS else KINDS if SECONDS >= 600 else ())}
    assert stage.recoveries.seconds.keys() >= (wanted - {*FULL_DISKS} if reason else wanted)
