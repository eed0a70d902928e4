"""Many mailboxes at once, in turn with one alone: how much gets through in all, what it costs, and whether everybody gets a fair share."""

from datetime import UTC, datetime
from pathlib import Path

from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import person_at
from tests.bench.crowding import MESSAGES, CrowdImport, crowd_at
from tests.bench.figure import Figure, at_least, at_most, exactly
from tests.bench.importing import FirstImport, import_first
from tests.bench.pairs import compared
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import GOOGLE, stage

PAIRS = 3


async def run(setting: Setting) -> list[Figure]:
    pairs: list[tuple[CrowdImport, FirstImport]] = []
    for number in range(1, setting.size(PAIRS, 1) + 1):
        setting.publish(f"one mailbox alone, {number}")
        alone = await _alone(setting, setting.folder / f"alone {number}")
        setting.publish(f"all imports at once, {number}")
        pairs.append((await _crowd(setting, setting.folder / f"crowd {number}"), alone))
    return [*_beside_one_alone(pairs, setting.messages), *_figures(pairs[-1][0])]


async def _alone(setting: Setting, folder: Path) -> FirstImport:
    mailbox = generate_mailbox("owner@gmail.com", setting.messages, seed=1, now=datetime.now(UTC))
    folder.mkdir()
    async with stage(folder, [mailbox]) as product, person_at(product.url) as person:
        return await import_first(product, person, mailbox)


async def _crowd(setting: Setting, folder: Path) -> CrowdImport:
    async with crowd_at(folder, setting) as crowd:
        async with crowd.signed_in():
            before = crowd.product.usage()
        return await crowd.all_read(before)


def _beside_one_alone(pairs: list[tuple[CrowdImport, FirstImport]], messages: int) -> list[Figure]:
    size = f"{pairs[0][0].mailboxes} mailboxes of {MESSAGES} messages under Gmail's quota, and one of {messages:,} alone without it"
    return [
        *compared(
            "crowd: CPU per message, against one mailbox alone",
            [(crowd.cpu_milliseconds, alone.cpu_milliseconds) for crowd, alone in pairs],
            "ms", f"{size}; all services and servers", at_most(1.5),
        ),
        *compared(
            "crowd: messages a second, against one mailbox alone",
            [(crowd.rate, alone.rate) for crowd, alone in pairs],
            "1/s", f"{size}; to the last one on its timeline", at_least(0.8),
        ),
    ]  # fmt: skip


def _figures(crowd: CrowdImport) -> list[Figure]:
    """Of one crowd."""
    each = {name: used / crowd.messages * 1000 for name, used in crowd.cpu_seconds.items()}
    size = f"{crowd.mailboxes} mailboxes of {MESSAGES} messages under Gmail's quota"
    return [
        Figure(
            "crowd: slowest / fastest mailbox", max(crowd.lasted) / min(crowd.lasted), "",
            f"{size}; from the moment the first import began to the end of each, as the API shows it", at_most(1.2),
        ),
        Figure("crowd: messages a second", crowd.rate, "1/s", f"{size}, to the last one on its timeline"),
        Figure("crowd: last import begins after", crowd.last_start, "s", "of the moment the first one began"),
        Figure("crowd: fastest mailbox", min(crowd.lasted), "s", "the same moments"),
        Figure("crowd: slowest mailbox", max(crowd.lasted), "s", "the same moments"),
        Figure("crowd: CPU per message", crowd.cpu_milliseconds, "ms", "all services and servers, contacts and calendars included"),
        *(Figure(f"crowd: CPU per message: {name}", used, "ms",
                 "with all its processes" + (", not in the sum" if name == GOOGLE else "")) for name, used in each.items()),
        Figure("crowd: mailboxes complete", sum(number >= MESSAGES for number in crowd.shown), "",
               "all messages on their timelines", at_least(crowd.mailboxes)),
        Figure("crowd: refused by Gmail", crowd.spent.refused, "calls", "counted by the local Google", exactly(0)),
    ]  # fmt: skip


SCENARIO = Scenario(
    "crowd", "Two hundred mailboxes at once: how fast, how fair, and against one alone?", run, limit_seconds=600
)
