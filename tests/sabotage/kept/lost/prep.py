"""Nothing lost, in briefs (`prep`)."""

from tests.sabotage.mutation import InText, Mutation, Replace

PREP_ROWS = "tests/integration/prep/test_prep_rows.py"
PREP_ATTEMPTS = "tests/integration/prep/test_prep_attempts.py"
PREP_SETTLING = "tests/integration/prep/test_prep_settling.py"
PREP_SERVICE = "tests/integration/prep/test_prep_service.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a brief that was sent and its event in two transactions",
        "lost",
        "services/prep/outcomes.py::record_sent",
        Replace("connection.transaction()", "context.db.acquire()"),
        (f"{PREP_SETTLING}::test_a_brief_is_settled_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "a brief is settled though its event is lost",
        "lost",
        "services/prep/outcomes.py::record_sent",
        Replace("connection.transaction()", '__import__("contextlib").nullcontext()'),
        (f"{PREP_SETTLING}::test_a_brief_is_settled_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "abandoned briefs fail without their notification",
        "lost",
        "services/prep/outcomes.py::fail_abandoned",
        Replace("connection.transaction()", '__import__("contextlib").nullcontext()'),
        (f"{PREP_SETTLING}::test_a_brief_is_settled_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "an attempt at a brief that failed never comes back",
        "lost",
        "services/prep/briefing.py::brief_once",
        Replace("raise Throttled(str(error), _retry_pause(error, stored)) from error", "return"),
        (f"{PREP_ATTEMPTS}::test_an_attempt_that_failed_for_now_frees_the_brief_and_comes_back",),
    ),
    Mutation(
        "a brief by hand that was cut off is never failed",
        "lost",
        "services/prep/store/preps.py::list_abandoned",
        InText("AND (by_hand OR starts_at < now() + $2::interval)", "AND starts_at < now() + $2::interval"),
        (f"{PREP_ROWS}::test_a_brief_is_abandoned_when_nobody_can_come_back_to_it",),
    ),
    Mutation(
        "what a crash left in prep's outbox stays there",
        "lost",
        "services/prep/__main__.py::wire",
        Replace('r.run_in_background("outbox", partial(outbox.keep_relaying, r.db, r.bus))', ""),
        (f"{PREP_SERVICE}::test_what_a_crash_left_in_the_outbox_is_published_soon",),
    ),
    Mutation(
        "what an answer of Claude that is of no use has cost is forgotten",
        "lost",
        "services/prep/writing.py::write_talking_points",
        Replace("error.usage", "Usage()"),
        ("tests/unit/prep/test_prep_writing.py::test_a_brief_states_who_wrote_its_points_and_what_they_cost",),
    ),
)
