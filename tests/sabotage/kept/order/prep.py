"""In the right order, in briefs (`prep`)."""

from tests.sabotage.mutation import InText, Mutation, Replace

PREP_ROWS = "tests/integration/prep/test_prep_rows.py"
PREP_ATTEMPTS = "tests/integration/prep/test_prep_attempts.py"
PREP_GATHERING = "tests/unit/prep/test_prep_gathering.py"
PREP_SERVICE = "tests/integration/prep/test_prep_service.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a brief goes out though its meeting was cancelled while it was written",
        "order",
        "services/prep/briefing.py::_attempt",
        Replace("await _expect_unchanged(context, meeting)", ""),
        (f"{PREP_ATTEMPTS}::test_what_changes_while_its_brief_is_written_is_decided_anew",),
    ),
    Mutation(
        "the oldest brief of a meeting is its state",
        "order",
        "services/prep/store/preps.py::list_latest",
        InText("updated_at DESC", "updated_at"),
        (f"{PREP_ROWS}::test_the_latest_brief_of_each_meeting_is_the_one_written_last",),
    ),
    Mutation(
        "a lease is over while Gmail is still taking the brief",
        "order",
        "services/prep/store/preps.py::mark_handed_over",
        InText("leased_until = now() + $3::interval", "leased_until = greatest(leased_until, now() - $3::interval)"),
        (f"{PREP_ROWS}::test_handing_over_renews_the_lease_and_adds_what_it_cost",),
    ),
    Mutation(
        "a meeting that was moved into the window waits for the next scan",
        "order",
        "services/prep/handlers/meetings.py::_is_due",
        Replace("meeting.starts_at - now < window", "meeting.starts_at - now > window"),
        (f"{PREP_ATTEMPTS}::test_a_moved_meeting_is_briefed_at_once_where_the_next_scan_would_be_too_late",),
    ),
    Mutation(
        "meetings that begin together are briefed one after the other",
        "order",
        "services/prep/__main__.py::wire",
        Replace(
            "r.bus.subscribe(MeetingUpcoming, partial(meetings.brief_meeting, context), at_once=BRIEFS_AT_ONCE, loops=BRIEFS_AT_ONCE)",
            "r.bus.subscribe(MeetingUpcoming, partial(meetings.brief_meeting, context), at_once=1)",
        ),
        (f"{PREP_SERVICE}::test_meetings_that_begin_together_do_not_wait_for_each_other",),
    ),
    Mutation(
        "meetings that are due later wait for the model of those before them",
        "order",
        "services/prep/__main__.py::wire",
        Replace(
            "r.bus.subscribe(MeetingUpcoming, partial(meetings.brief_meeting, context), at_once=BRIEFS_AT_ONCE, loops=BRIEFS_AT_ONCE)",
            "r.bus.subscribe(MeetingUpcoming, partial(meetings.brief_meeting, context), at_once=BRIEFS_AT_ONCE)",
        ),
        (f"{PREP_SERVICE}::test_a_brief_that_waits_for_the_model_holds_up_none_that_is_due_later",),
    ),
    Mutation(
        "a dry run ends with the first page of meetings",
        "order",
        "services/prep/gathering.py::list_meetings",
        Replace("cursor = page.next_cursor", "cursor = None"),
        (f"{PREP_GATHERING}::test_meetings_are_listed_to_the_last_page_each_once",),
    ),
)
