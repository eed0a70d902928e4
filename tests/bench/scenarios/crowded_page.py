"""What somebody waits for who opens a page while two hundred mailboxes are imported."""

import asyncio
from datetime import UTC, datetime
from time import perf_counter

from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import Person, Unexpected, person_at
from tests.bench.crowding import crowd_at
from tests.bench.figure import Figure, at_least, at_most, percentile
from tests.bench.pairs import compared
from tests.bench.scenario import Scenario, Setting

PAIRS = 2
LOADS = 100
PAUSE_SECONDS = 0.1
MESSAGES = 600  # of the onlooker: few enough to be read within the quota of a minute


async def run(setting: Setting) -> list[Figure]:
    pairs: list[tuple[list[float], list[float]]] = []
    for number in range(1, setting.size(PAIRS, 1) + 1):
        setting.publish(f"crowd {number}")
        pairs.append(await _loads(setting, number))
    crowded, at_rest = pairs[-1]
    how = f"a contact's page at the gateway, opened every {PAUSE_SECONDS * 1000:.0f} ms by somebody whose own mail is read"
    return [
        *compared(
            "contact page under the crowd, against the page at rest",
            [(percentile(crowded, 95), percentile(at_rest, 95)) for crowded, at_rest in pairs],
            "ms", f"p95; {how}: from the beginning of 200 imports to the end of the last, and before it", at_most(3),
        ),
        Figure("contact page under the crowd, p50", percentile(crowded, 50), "ms", "the last crowd"),
        Figure("contact page at rest, p50", percentile(at_rest, 50), "ms", "before it"),
        Figure("contact page under the crowd: loads", min(len(crowded) for crowded, _ in pairs), "", "of each crowd, at least",
               at_least(setting.size(40, 1))),
    ]  # fmt: skip


async def _loads(setting: Setting, number: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each load under a crowd, and before it."""
    own = generate_mailbox("onlooker@gmail.com", MESSAGES, seed=1, now=datetime.now(UTC))
    async with (
        crowd_at(setting.folder / f"crowd {number}", setting, [own]) as crowd,
        person_at(crowd.product.url) as onlooker,
    ):
        await onlooker.sign_in(own.address)
        await crowd.product.settled(onlooker)
        contact = (await onlooker.call("GET", "/contacts", limit=1))["items"][0]["id"]
        path = f"/contacts/{contact}"
        async with crowd.signed_in():
            at_rest = [await _load(onlooker, path) for _ in range(setting.size(LOADS, 5))]
            before = crowd.product.usage()
        reading = asyncio.create_task(crowd.all_read(before))
        crowded: list[float] = []
        while not reading.done():
            crowded.append(await _load(onlooker, path))
        await reading
    return crowded, at_rest


async def _load(person: Person, path: str) -> float:
    """Milliseconds, and a pause after it."""
    begun = perf_counter()
    async with person.http.get(person.url + path) as response:
        await response.read()
        if response.status != 200:
            raise Unexpected(f"{path} answered {response.status}.")
    milliseconds = (perf_counter() - begun) * 1000
    await asyncio.sleep(PAUSE_SECONDS)
    return milliseconds


SCENARIO = Scenario(
    "crowded_page", "How long does a page take while two hundred mailboxes are imported?", run, limit_seconds=400
)
