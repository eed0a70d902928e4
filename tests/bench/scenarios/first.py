"""How long somebody who has just connected waits for something to look at."""

from datetime import UTC, datetime
from statistics import median
from time import perf_counter

from libs.google_sim.sample import generate_mailbox
from tests.bench.figure import Figure
from tests.bench.people import people_at, recorded
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import stage

PEOPLE = 3
ENOUGH = 100
POLL_SECONDS = 0.03


async def run(setting: Setting) -> list[Figure]:
    now = datetime.now(UTC)
    mailboxes = [
        generate_mailbox(f"person{number}@gmail.com", setting.messages, seed=number, now=now)
        for number in range(setting.size(PEOPLE, 1))
    ]
    seconds: list[float] = []
    setting.publish("starting")
    async with stage(setting.folder, mailboxes) as product, people_at(product.url, len(mailboxes)) as people:
        for person, mailbox in zip(people, mailboxes, strict=True):
            setting.publish(f"{mailbox.address} connects")
            begun = perf_counter()
            await person.sign_in(mailbox.address)
            await recorded(person, ENOUGH, every=POLL_SECONDS)
            seconds.append(perf_counter() - begun)
            await product.settled(person)
    how = (
        f"from the first click on “Sign in with Google” until the API counts {ENOUGH} messages,"
        f" asked every {POLL_SECONDS * 1000:.0f} ms; {len(mailboxes)} mailboxes of {setting.messages:,}, one after another"
    )
    return [
        Figure(f"first {ENOUGH} messages visible", median(seconds), "s", f"{how}; the median"),
        Figure(f"first {ENOUGH} messages visible, worst", max(seconds), "s", "the slowest of them"),
    ]


SCENARIO = Scenario("first", "How long until somebody who connects sees the first hundred messages?", run)
