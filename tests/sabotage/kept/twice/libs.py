"""Nothing twice, in what every service shares: the bus, the outbox, the edges (`libs`)."""

from tests.sabotage.mutation import Mutation, Replace

LONG = "tests/unit/common/test_long_handling.py"
RESOURCES = "tests/integration/common/test_resources.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "long work is handed to another replica meanwhile",
        "twice",
        "libs/common/bus/delivery.py::_kept_alive",
        Replace("await message.in_progress()", ""),
        (f"{LONG}::test_long_work_is_reported_until_it_ends_and_no_longer",),
    ),
    Mutation(
        "a late try of a command lets go of the key that another one holds",
        "twice",
        "libs/common/idempotency.py::Try.abandon",
        Replace("self.cache.release_if(self.command.name, self.mark)", "self.cache.release(self.command.name)"),
        (f"{RESOURCES}::test_a_try_that_ended_late_takes_nothing_from_the_one_that_came_after",),
    ),
    Mutation(
        "a lease in Redis that everybody gets",
        "twice",
        "libs/common/cache.py::Cache.acquire",
        Replace(
            "self.client.set(self._full(key), value, nx=True, px=ttl)",
            "self.client.set(self._full(key), value, px=ttl)",
        ),
        (f"{RESOURCES}::test_what_is_acquired_is_the_first_one_s_until_it_is_released_by_its_holder",),
    ),
)
