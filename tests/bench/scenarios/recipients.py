"""Messages to thousands of strangers: what they cost in memory and time."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

from libs.common.bus import Bus
from libs.common.events import AccountConnected, MessageIngested, Person
from libs.common.ids import AccountId, UserId, new_id
from libs.common.requests import CountContacts
from tests.bench.contacts_alone import ContactsAlone, contacts_alone
from tests.bench.figure import Figure, at_most, exactly
from tests.bench.scenario import Scenario, Setting

MESSAGES, RECIPIENTS = 500, 2_900
AT_ONCE = 20
USER, ACCOUNT = UserId(new_id()), AccountId(new_id())


async def run(setting: Setting) -> list[Figure]:
    messages, recipients = setting.size(MESSAGES, 20), setting.size(RECIPIENTS, 400)
    setting.publish("starting")
    async with (
        contacts_alone(setting.folder) as product,
        product.bus_of("sync") as sync,
        product.bus_of("auth") as auth,
    ):
        await auth.publish(
            AccountConnected(
                user_id=USER,
                account_id=ACCOUNT,
                address="me@gmail.com",
                scopes=frozenset(),
                again=False,
                at=datetime.now(UTC),
            )
        )
        await product.until_handled(AccountConnected, seconds=30)
        idle = product.memory_mb
        setting.publish(f"{messages} messages to {recipients:,} people each")
        begun = perf_counter()
        peak = await _peak_while(product, _publish(sync, messages, recipients))
        published = perf_counter() - begun
        peak = max(peak, await _peak_while(product, product.until_handled(MessageIngested, seconds=170)))
        seconds = perf_counter() - begun
        async with product.bus_of("gateway") as gateway:
            recorded = (await gateway.request(CountContacts(user_id=USER))).messages
        async with product.database() as connection:
            addresses = await connection.fetchval("SELECT count(*) FROM addresses")
    how = f"{messages} messages with {recipients:,} recipients each, all of them different"
    return [
        Figure("recipients: memory of contacts, peak", peak, "MB", f"{how}; not shared with others, read every 50 ms", at_most(200)),
        Figure("recipients: memory of contacts, idle", idle, "MB", "before"),
        Figure("recipients: time", seconds, "s", f"{how}; from the first one's publishing until the last is handled", at_most(60)),
        Figure("recipients: time of publishing", published, "s", "a part of it"),
        Figure("recipients: messages recorded", recorded, "", "as the API shows it", exactly(messages)),
        Figure("recipients: addresses kept", addresses, "", "of all who are on them"),
    ]  # fmt: skip


def _message(number: int, recipients: int) -> MessageIngested:
    people = (Person(role="to", address=f"reader{number}.{n}@list{n % 97}.example") for n in range(recipients))
    return MessageIngested(
        user_id=USER, account_id=ACCOUNT, gmail_id=f"{number:x}", thread_id=f"{number:x}", revision=1,
        rfc_message_id=f"{number}@list.example", occurred_at=datetime.now(UTC) - timedelta(minutes=number),
        people=(Person(role="from", address="editor@list.example"), *people), title=f"Issue {number}", snippet="News",
    )  # fmt: skip


async def _publish(bus: Bus, messages: int, recipients: int) -> None:
    for begin in range(0, messages, AT_ONCE):
        await bus.publish(*[_message(number, recipients) for number in range(begin, min(begin + AT_ONCE, messages))])


async def _peak_while(product: ContactsAlone, work: Coroutine[Any, Any, None]) -> float:
    """The most memory, in MB, that contacts had at one moment until this is done."""
    working = asyncio.create_task(work)
    peak = 0.0
    while not working.done():
        peak = max(peak, product.memory_mb)
        await asyncio.sleep(0.05)
    await working
    return peak


SCENARIO = Scenario("recipients", "What do messages to thousands of strangers cost?", run, limit_seconds=240)
