"""Nothing twice, in briefs (`prep`)."""

from tests.sabotage.mutation import InText, Mutation, Replace

PREP_ROWS = "tests/integration/prep/test_prep_rows.py"
PREP_SETTLING = "tests/integration/prep/test_prep_settling.py"
PREP_EARLIER = "tests/integration/prep/test_prep_earlier_attempts.py"
MODEL_CALLS = "tests/integration/prep/test_model_calls.py"
PREP_KEYS = "tests/integration/prep/test_prep_dedup_keys.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a late attempt hands its brief over",
        "twice",
        "services/prep/store/preps.py::mark_handed_over",
        InText("AND attempts = $2 ", ""),
        (f"{PREP_ROWS}::test_who_lost_the_lease_writes_nothing",),
    ),
    Mutation(
        "a late attempt settles the brief of the next",
        "twice",
        "services/prep/store/preps.py::settle",
        InText("AND attempts = $2 ", ""),
        (f"{PREP_ROWS}::test_who_lost_the_lease_writes_nothing",),
    ),
    Mutation(
        "a brief whose lease was lost is sent all the same",
        "twice",
        "services/prep/sending.py::deliver",
        Replace(
            "not await preps.mark_handed_over(connection, stored, brief)",
            "await preps.mark_handed_over(connection, stored, brief) is None",
        ),
        (f"{PREP_SETTLING}::test_who_lost_the_lease_before_handing_over_sends_nothing",),
    ),
    Mutation(
        "a brief is taken from who is at it",
        "twice",
        "services/prep/store/preps.py::acquire",
        InText("AND preps.leased_until <= now()", ""),
        (f"{PREP_ROWS}::test_a_brief_is_acquired_by_whoever_comes_first",),
    ),
    Mutation(
        "the next attempt has another token, which Sent does not find",
        "twice",
        "services/prep/store/preps.py::acquire",
        InText("SET state = 'sending', resumed", "SET token = excluded.token, state = 'sending', resumed"),
        (f"{PREP_ROWS}::test_a_lease_that_is_over_passes_on_with_the_token_that_gmail_may_have",),
    ),
    Mutation(
        "a brief whose answer was lost is sent without a look into Sent",
        "twice",
        "services/prep/briefing.py::_attempt",
        Replace(
            "stored.handed_over_at and await _settle_earlier_attempt(context, stored, account, stored.handed_over_at)",
            "False",
        ),
        (f"{PREP_EARLIER}::test_a_brief_whose_answer_was_lost_is_found_in_sent_and_not_sent_again",),
    ),
    Mutation(
        "Sent is looked at no further than its first few mails",
        "twice",
        "services/prep/sending.py::find_sent",
        Replace("is_past and message.sent_ms is not None and message.sent_ms < earliest_ms", "True"),
        (f"{PREP_EARLIER}::test_sent_is_looked_through_as_far_as_the_brief_can_be",),
    ),
    Mutation(
        "what was thrown away is not among what was sent",
        "twice",
        "libs/common/google/gmail.py::Gmail.list_sent_ids",
        Replace('"true"', '"false"'),
        ("tests/integration/prep/test_prep_briefs.py::test_a_brief_that_was_thrown_away_at_once_is_not_sent_again",),
    ),
    Mutation(
        "each copy of a meeting has a brief of its own",
        "twice",
        "services/prep/store/preps.py::acquire",
        Replace('meeting.series_key if meeting.ical_uid else ""', '""'),
        (f"{PREP_ROWS}::test_a_meeting_in_two_calendars_of_an_account_has_one_brief[sent-False]",),
    ),
    Mutation(
        "a brief by hand that Gmail may have is sent again",
        "twice",
        "services/prep/store/preps.py::acquire_by_hand",
        InText("AND preps.handed_over_at IS NULL", ""),
        (f"{PREP_ROWS}::test_a_brief_by_hand_goes_on_where_nothing_of_it_can_be_sent_twice",),
    ),
    Mutation(
        "a key in Redis that can't be doubted yet is passed over",
        "twice",
        "services/prep/leasing.py::acquire_lease",
        Replace("doubted_from > now", "doubted_from < now"),
        (f"{PREP_KEYS}::test_a_key_without_a_row_stops_everybody_until_it_can_be_doubted",),
    ),
    Mutation(
        "each scan publishes the same skip again",
        "twice",
        "services/prep/outcomes.py::record_skipped",
        Replace("prep is not None and stored.reason != reason", "prep is not None"),
        (f"{PREP_SETTLING}::test_a_skip_is_published_once_per_reason",),
    ),
    Mutation(
        "the same content is sent to the model again",
        "twice",
        "services/prep/store/model_calls.py::find_answer",
        InText("AND content = $2", "AND content <> $2"),
        (f"{MODEL_CALLS}::test_the_same_content_is_sent_once_and_costs_nothing_again",),
    ),
    Mutation(
        "a day's budget that is spent without end",
        "twice",
        "services/prep/store/model_calls.py::insert_call",
        InText("<= $13::double precision", "<= $13::double precision + 1000"),
        (f"{MODEL_CALLS}::test_beyond_the_budget_of_the_day_nothing_is_sent",),
    ),
)
