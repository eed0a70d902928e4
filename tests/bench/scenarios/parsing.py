"""Hostile messages: what the slowest of 20,000 mutated ones takes."""

from random import Random
from time import thread_time

from libs.common.resources.gmail import read_message
from libs.google_sim.sample import sample
from services.sync.domain.mail import read
from tests.bench.figure import Figure, at_most, percentile
from tests.bench.scenario import Scenario, Setting
from tests.unit.sync.test_mail_fuzz import ME, MESSAGES, NOW, mutated


async def run(setting: Setting) -> list[Figure]:
    chance = Random(20260301)
    seeds = [message for account in sample(NOW) for message in account.messages]
    count = setting.size(MESSAGES, 500)
    setting.publish(f"{count:,} mutated messages")
    milliseconds: list[float] = []
    for _ in range(count):
        message = mutated(chance.choice(seeds), chance)
        begun = thread_time()
        read(read_message(message), ME, None, 1)
        milliseconds.append((thread_time() - begun) * 1000)
    how = f"CPU time from Gmail's resource to recorded, filtered or set aside; {count:,} messages with spoiled headers and structure"
    return [
        Figure("parsing, slowest", max(milliseconds), "ms", how, at_most(50)),
        Figure("parsing, p99", percentile(milliseconds, 99), "ms", "the same", at_most(50)),
        Figure("parsing, mean", sum(milliseconds) / count, "ms", "the same"),
    ]


SCENARIO = Scenario("parsing", "How long can a hostile message keep the reader busy?", run)
