"""A user with a million interactions is deleted while another one searches."""

import asyncio
from time import perf_counter

from libs.common.bus import Bus
from libs.common.events import UserDeleted
from libs.common.ids import AccountId, UserId, new_id
from libs.common.requests import SearchContacts
from tests.bench.contacts_alone import contacts_alone
from tests.bench.figure import Figure, at_most, exactly, percentile
from tests.bench.large_mailbox import Size, count_rows, fill
from tests.bench.scenario import Scenario, Setting

INTERACTIONS = 1_000_000
OTHERS_INTERACTIONS = 20_000
MAILS_PER_CONTACT = 50
SEARCH_EVERY_SECONDS = 0.05
ROUNDS_AT_REST = 100


async def run(setting: Setting) -> list[Figure]:
    interactions, others = setting.size(INTERACTIONS, 5_000), setting.size(OTHERS_INTERACTIONS, 500)
    user_id, account_id, other_id = UserId(new_id()), AccountId(new_id()), UserId(new_id())
    setting.publish("starting")
    async with (
        contacts_alone(setting.folder) as product,
        product.bus_of("auth") as auth,
        product.bus_of("gateway") as gateway,
        product.database() as database,
    ):
        setting.publish(f"{interactions:,} interactions are filled in")
        await fill(database, user_id, account_id, Size(interactions, interactions // MAILS_PER_CONTACT))
        await fill(database, other_id, new_id(), Size(others, others // MAILS_PER_CONTACT))
        await database.execute("VACUUM ANALYZE")
        setting.publish("the other one searches at rest")
        at_rest = [await _search(gateway, other_id, number) for number in range(ROUNDS_AT_REST)]
        setting.publish("the user is deleted")
        begun = perf_counter()
        await auth.publish(UserDeleted(user_id=user_id, account_ids=(account_id,)))
        deleting = asyncio.create_task(product.until_handled(UserDeleted, seconds=250))
        searches = await _search_while(gateway, other_id, deleting)
        seconds = perf_counter() - begun
        left = await count_rows(database, user_id)
    contacts = interactions // MAILS_PER_CONTACT
    how = f"a user with {interactions:,} interactions and {contacts:,} contacts, from the event until it is handled"
    when = f"{len(searches)} searches of a user with {others:,} interactions meanwhile, through the bus"
    return [
        Figure("deletion: time", seconds, "s", how, at_most(60)),
        Figure("deletion: rows left", left, "", "of this user in any table", exactly(0)),
        Figure("deletion: another user's search, p50", percentile(searches, 50), "ms", when),
        Figure("deletion: another user's search, p99", percentile(searches, 99), "ms", "the same", at_most(100)),
        Figure("deletion: another user's search, slowest", max(searches), "ms", "the same"),
        Figure("deletion: search at rest, p99", percentile(at_rest, 99), "ms", f"{ROUNDS_AT_REST} searches before"),
    ]  # fmt: skip


async def _search(gateway: Bus, user_id: UserId, number: int) -> float:
    """How long somebody waits who looks for a name, in milliseconds."""
    begun = perf_counter()
    page = await gateway.request(SearchContacts(user_id=user_id, q=f"person {number % 10 + 1}"))
    if not page.items:
        raise RuntimeError("The other user finds nobody.")
    return (perf_counter() - begun) * 1000


async def _search_while(gateway: Bus, user_id: UserId, work: "asyncio.Task[None]") -> list[float]:
    found: list[float] = []
    while not work.done() or not found:
        found.append(await _search(gateway, user_id, len(found)))
        await asyncio.sleep(SEARCH_EVERY_SECONDS)
    await work
    return found


SCENARIO = Scenario("deletion", "Does the deletion of a large user hold up another one?", run, limit_seconds=600)
