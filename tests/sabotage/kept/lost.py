"""Nothing lost: store, publish, then acknowledge or move the cursor."""

from tests.sabotage.mutation import InText, Mutation, Replace

AUTH_CHANGES = "tests/integration/auth/test_auth_changes.py"
AUTH_LINKING = "tests/integration/auth/test_auth_linking.py"
PREP_ROWS = "tests/integration/prep/test_prep_rows.py"
PREP_ATTEMPTS = "tests/integration/prep/test_prep_attempts.py"
PREP_SERVICE = "tests/integration/prep/test_prep_service.py"
AUTH_REFRESHES = "tests/integration/auth/test_auth_refresh_races.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a brief is settled though its event is lost",
        "lost",
        "services/prep/outcomes.py::record_sent",
        Replace("connection.transaction()", '__import__("contextlib").nullcontext()'),
        (f"{PREP_ATTEMPTS}::test_a_brief_is_settled_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "abandoned briefs fail without their notification",
        "lost",
        "services/prep/outcomes.py::fail_abandoned",
        Replace("connection.transaction()", '__import__("contextlib").nullcontext()'),
        (f"{PREP_ATTEMPTS}::test_a_brief_is_settled_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "settings are stored though their event is lost",
        "lost",
        "services/auth/handlers/preferences.py::put_settings",
        Replace("connection.transaction()", '__import__("contextlib").nullcontext()'),
        (f"{AUTH_CHANGES}::test_a_change_is_stored_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "a user is deleted though the event is lost",
        "lost",
        "services/auth/handlers/users.py::delete_user",
        Replace("connection.transaction()", '__import__("contextlib").nullcontext()'),
        (f"{AUTH_CHANGES}::test_a_change_is_stored_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "a dead token is deleted though nobody is notified",
        "lost",
        "services/auth/token_refresh.py::_require_reauth",
        Replace("connection.transaction()", '__import__("contextlib").nullcontext()'),
        (f"{AUTH_CHANGES}::test_a_change_is_stored_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "a refresh without a new refresh token deletes the one that is held",
        "lost",
        "services/auth/store/access_tokens.py::store_refreshed",
        InText("refresh_token = coalesce($5, refresh_token)", "refresh_token = $5"),
        (f"{AUTH_REFRESHES}::test_a_refresh_is_stored_whole_and_what_google_did_not_name_stays",),
    ),
    Mutation(
        "a sign-in without a new refresh token ends the account",
        "lost",
        "services/auth/store/accounts.py::update_grant",
        InText("refresh_token = coalesce($7, refresh_token),", "refresh_token = $7,"),
        (f"{AUTH_LINKING}::test_signing_in_again_keeps_what_google_did_not_give_again",),
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
