"""What is kept has a bound."""

from tests.sabotage.mutation import Mutation, Replace

REQUESTS = "tests/integration/common/test_bus_requests.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a request that holds itself until Python looks for cycles",
        "edges",
        "libs/common/bus/__init__.py::_undecoded",
        Replace("message.raw_message", "setattr(message, 'itself', message) or message.raw_message"),
        (f"{REQUESTS}::test_a_request_that_is_served_leaves_nothing_for_the_collector_of_cycles",),
    ),
)
