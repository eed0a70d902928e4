"""What one new mail in a quiet mailbox costs."""

from datetime import UTC, datetime
from time import perf_counter

from libs.google_sim.sample import generate_mailbox
from libs.local.demo.person import person_at
from tests.bench.figure import Figure
from tests.bench.mail import letter
from tests.bench.people import recorded
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import stage

MAILBOX = 200
OPTIMUM_UNITS = 2 + 20  # history.list and messages.get


async def run(setting: Setting) -> list[Figure]:
    mailbox = generate_mailbox("owner@gmail.com", MAILBOX, now=datetime.now(UTC))
    setting.publish("starting")
    async with stage(setting.folder, [mailbox]) as product, person_at(product.url) as person:
        setting.publish("first import")
        await person.sign_in(mailbox.address)
        await recorded(person, MAILBOX)
        await product.settled(person)
        setting.publish("one mail arrives")
        account = (await person.call("GET", "/accounts"))["items"][0]
        await product.forget_counts()
        mail = letter(mailbox.address, "cost")
        await product.google.control("POST", f"/accounts/{mailbox.address}/messages", mail)
        begun = perf_counter()
        await person.call("POST", f"/accounts/{account['id']}/sync", {"kinds": ["mail"]})
        await recorded(person, MAILBOX + 1, every=0.01)
        seconds = perf_counter() - begun
        await product.settled(person)
        spent = await product.gmail()
    return [
        Figure("one new mail: calls", spent.calls, "calls", "of the sync that was asked for, to its end"),
        Figure(
            "one new mail: units", spent.units, "units",
            f"the same; a history.list and a messages.get are {OPTIMUM_UNITS}",
        ),
        Figure("one new mail: sync now to visible", seconds * 1000, "ms", "from the API call until the API counts it"),
    ]  # fmt: skip


SCENARIO = Scenario("incremental", "What does one new mail in a quiet mailbox cost?", run)
