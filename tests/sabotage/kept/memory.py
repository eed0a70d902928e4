"""What is kept has a bound."""

from tests.sabotage.mutation import Mutation, Replace

MEMORY = "tests/integration/auth/test_auth_memory.py"
REQUESTS = "tests/integration/common/test_bus_requests.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a metric with a series for each request",
        "edges",
        "libs/common/bus/responding.py::Responder._reply_to",
        Replace("REQUEST_OUTCOMES.labels(subject, outcome)", "REQUEST_OUTCOMES.labels(subject, str(started))"),
        (f"{MEMORY}::test_what_auth_holds_does_not_grow_with_what_it_is_asked",),
    ),
    Mutation(
        "a request that holds itself until Python looks for cycles",
        "edges",
        "libs/common/bus/__init__.py::_undecoded",
        Replace("message.raw_message", "setattr(message, 'itself', message) or message.raw_message"),
        (f"{REQUESTS}::test_a_request_that_is_served_leaves_nothing_for_the_collector_of_cycles",),
    ),
)
