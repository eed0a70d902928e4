"""Nothing private, nothing silent: logs, errors, metrics, dead letters, traces."""

from tests.sabotage.mutation import Mutation, Replace

EDGES = "tests/integration/gateway/test_gateway_edges.py"
LIFE = "tests/unit/common/test_service_life.py"
OUTBOX = "tests/integration/common/test_outbox.py"
SETTLING = "tests/integration/common/test_bus_settling.py"

MUTATIONS = (
    Mutation(
        "an outage that is explained to whoever asks",
        "private",
        "services/gateway/domain/problems.py::of_outage",
        Replace('"A part of PingCRM does not answer right now. Try again in a moment."', "str(outage)"),
        (f"{EDGES}::test_what_nobody_foresaw_is_in_the_log_under_the_trace_and_not_in_the_response",),
    ),
    Mutation(
        "a health page that shows a driver's words",
        "private",
        "libs/common/web.py::_state",
        Replace("return type(error).__name__", "return str(error)"),
        (f"{LIFE}::test_a_check_that_fails_or_hangs_is_named_by_its_kind_and_the_service_not_ready",),
    ),
    Mutation(
        "an event out of the outbox under a trace of its own",
        "private",
        "libs/common/outbox.py::add",
        Replace("current_trace()", '""'),
        (f"{OUTBOX}::test_events_come_out_in_the_order_in_which_they_were_added_and_under_their_trace",),
    ),
    Mutation(
        "a dead letter that forgets its trace",
        "private",
        "libs/common/dead_letters.py::Letter.headers",
        Replace("current_trace()", '""'),
        (f"{SETTLING}::test_one_trace_leads_from_the_cause_through_the_dead_letter_to_its_replay",),
    ),
)
