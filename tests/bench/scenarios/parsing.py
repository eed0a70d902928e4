"""Hostile messages: what the slowest of 20,000 mutated ones takes, and what a kB of the worst forms takes, however long they are."""

from itertools import pairwise
from random import Random
from time import thread_time

from libs.common.resources.gmail import GmailMessage, read_message
from libs.google_sim.sample import sample
from services.sync.domain.mail import read
from tests.bench.figure import Figure, at_most, percentile
from tests.bench.scenario import Scenario, Setting
from tests.support.hostile_texts import FORMS
from tests.unit.sync.test_mail_fuzz import ME, MESSAGES, NOW, mutated

SIZES = (8, 64, 512)  # kB, each eight times the one before
MOST_GROWTH = 16.0  # for eight times the text; what is quadratic takes 64 times as long
HEADERS = ("from", "to", "subject", "authentication-results")
TRIES = (5, 3, 1)  # of each size: what is short is measured more often
NOISE_MS = 1.0  # shorter times tell nothing about growth


async def run(setting: Setting) -> list[Figure]:
    return [*_mutated(setting), *_worst_forms(setting)]


def _mutated(setting: Setting) -> list[Figure]:
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


def _worst_forms(setting: Setting) -> list[Figure]:
    """Of each kind of form the slowest at each size, by kB, and the largest growth from one size to the next."""
    sizes = SIZES[: setting.size(len(SIZES), 2)]
    figures: list[Figure] = []
    for kind, forms in FORMS.items():
        setting.publish(f"{kind} forms of {', '.join(map(str, sizes))} kB")
        taken = [
            [_milliseconds(form.make(size * 1000), tries) for size, tries in zip(sizes, TRIES, strict=False)]
            for form in forms
        ]
        where = ", ".join(header.title() for header in HEADERS)
        how = f"CPU time of a message with the text as {where} and snippet, by kB of all five; the slowest of {len(forms)} forms"
        for place, size in enumerate(sizes):
            slowest = max(times[place] for times in taken)
            figures.append(Figure(f"{kind} forms of {size} kB", slowest / size / (len(HEADERS) + 1), "ms/kB", how))
        pairs = [pair for times in taken for pair in pairwise(times)]
        growth = max(after / max(before, NOISE_MS) for before, after in pairs)
        name = f"{kind} forms, growth of the time"
        figures.append(
            Figure(name, growth, "times", "the largest, where the text grows eight times", at_most(MOST_GROWTH))
        )
    return figures


def _milliseconds(text: str, count: int) -> float:
    """The shortest of so many tries."""
    message = GmailMessage("1", "1", 1, frozenset(), 1, "text/plain", dict.fromkeys(HEADERS, (text,)), text)
    tries = []
    for _ in range(count):
        begun = thread_time()
        read(message, ME, None, 1)
        tries.append((thread_time() - begun) * 1000)
    return min(tries)


SCENARIO = Scenario("parsing", "How long can a hostile message keep the reader busy?", run)
