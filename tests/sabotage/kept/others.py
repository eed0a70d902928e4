"""Nobody else's: whose a row is, looked at in every query."""

from tests.sabotage.mutation import InText, Mutation, Replace

SYNC = "tests/integration/sync"
STORE = "tests/integration/gateway/test_gateway_store.py"
ENDS = "tests/integration/gateway/test_gateway_stream_ends.py"
AUTH_LINKING = "tests/integration/auth/test_auth_linking.py"
AUTH_CREDENTIALS = "tests/integration/auth/test_auth_credentials.py"
PREP_ROWS = "tests/integration/prep/test_prep_rows.py"
PREP_GATHERING = "tests/unit/prep/test_prep_gathering.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a message is settled in every mailbox that has its id",
        "others",
        "services/sync/store/ledger.py::settle",
        InText("WHERE m.account_id = s.account_id AND m.gmail_id", "WHERE m.gmail_id"),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "what another mailbox set aside is tried again",
        "others",
        "services/sync/store/messages.py::retry",
        InText("WHERE account_id = $1 AND state = 'set_aside'", "WHERE state = 'set_aside'"),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "a card of another account is marked as published",
        "others",
        "services/sync/store/people.py::mark_people_published",
        InText("WHERE account_id = $1 AND people", "WHERE $1::uuid IS NOT NULL AND people"),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "the list of another audit counts",
        "others",
        "services/sync/store/audits.py::_LISTED",
        InText("WHERE p.account_id = $1", ""),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "a meeting is shown whose user nobody looked at",
        "others",
        "services/sync/store/meetings.py::get_meeting",
        InText("m.user_id = $1 AND meeting_id", "$1::uuid IS NOT NULL AND meeting_id"),
        (f"{SYNC}/test_sync_apart.py::test_olga_sees_neither_runs_nor_meetings_of_mayas_though_she_knows_their_ids",),
    ),
    Mutation(
        "the sync history of an account is shown to whoever knows its id",
        "others",
        "services/sync/store/runs.py::list_runs",
        InText("account_id = $2 AND user_id = $1", "account_id = $2 AND $1::uuid IS NOT NULL"),
        (f"{SYNC}/test_sync_apart.py::test_olga_sees_neither_runs_nor_meetings_of_mayas_though_she_knows_their_ids",),
    ),
    Mutation(
        "an audit is started by whoever knows the id of the account",
        "others",
        "services/sync/context.py::Context.get_account",
        Replace("account is None or account.user_id != user_id", "account is None"),
        (f"{SYNC}/test_sync_schedules.py::test_the_owner_of_an_account_may_have_it_audited_now",),
    ),
    Mutation(
        "a sync is requested by whoever knows the id of the account",
        "others",
        "services/sync/handlers/requests.py::request_run",
        Replace(
            'account is None or account.user_id != event.user_id or account.state == "disconnected"',
            'account is None or account.state == "disconnected"',
        ),
        (
            f"{SYNC}/test_sync_handlers.py::test_a_sync_is_requested_of_the_own_account_and_mail_is_polled_at_the_full_rate_from_then_on",
        ),
    ),
    Mutation(
        "whether a watch fails is read of another account",
        "others",
        "services/sync/store/freshness.py::note_activity",
        InText("FROM accounts WHERE account_id = $1", "FROM accounts"),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "a user who marks everything as read marks it for all",
        "others",
        "services/gateway/store/notifications.py::mark_all_notifications_read",
        InText("user_id = $1 AND read_at", "$1::uuid IS NOT NULL AND read_at"),
        (f"{STORE}::test_nobody_reads_marks_or_answers_the_notification_of_another_user",),
    ),
    Mutation(
        "an offer that another user answers",
        "others",
        "services/gateway/store/notifications.py::record_answer",
        InText("WHERE user_id = $1 AND", "WHERE $1::uuid IS NOT NULL AND"),
        (f"{STORE}::test_nobody_reads_marks_or_answers_the_notification_of_another_user",),
    ),
    Mutation(
        "an event that is counted in another user's notification",
        "others",
        "services/gateway/store/notifications.py::_add_to_earlier",
        InText("WHERE user_id = $1 AND", "WHERE $1::uuid IS NOT NULL AND"),
        (f"{STORE}::test_the_same_event_key_of_two_users_is_two_notifications",),
    ),
    Mutation(
        "what is stored while its user is deleted stays for ever",
        "others",
        "services/gateway/store/notifications.py::insert_notification",
        InText("SELECT pg_advisory_xact_lock_shared(", "SELECT ("),
        (f"{STORE}::test_what_is_stored_while_its_owner_is_deleted_goes_too",),
    ),
    Mutation(
        "a stream that stays open after its session was signed out",
        "others",
        "services/gateway/pages/sign_in.py::sign_out",
        Replace("context.hub.close_session(caller.id, session)", ""),
        (f"{ENDS}::test_signing_out_ends_the_stream_here_and_elsewhere",),
    ),
    Mutation(
        "streams that stay open after signing out everywhere",
        "others",
        "services/gateway/sessions/ending.py::end_all_sessions",
        Replace("context.hub.close_sessions(user_id)", ""),
        (f"{ENDS}::test_signing_out_everywhere_ends_the_streams_of_all_sessions_and_no_others",),
    ),
    Mutation(
        "the state of a brief is shown to whoever knows the meeting",
        "others",
        "services/prep/store/preps.py::list_latest",
        InText("WHERE user_id = $1 AND", "WHERE $1::uuid IS NOT NULL AND"),
        (f"{PREP_ROWS}::test_the_latest_brief_of_each_meeting_is_the_one_written_last",),
    ),
    Mutation(
        "another user's brief is gone on with under their id",
        "others",
        "services/prep/store/preps.py::acquire_by_hand",
        InText(
            "(preps.user_id, preps.meeting_id) = (excluded.user_id, excluded.meeting_id)",
            "preps.meeting_id = excluded.meeting_id",
        ),
        (f"{PREP_ROWS}::test_a_brief_by_hand_is_taken_up_by_its_user_for_its_meeting_alone",),
    ),
    Mutation(
        "a brief of somebody else's meeting",
        "others",
        "services/prep/gathering.py::gather",
        Replace("meeting is None or owner is None or meeting.user_id != user_id", "meeting is None or owner is None"),
        (f"{PREP_GATHERING}::test_a_brief_is_gathered_for_a_users_own_meeting_alone",),
    ),
    Mutation(
        "a purge of one account takes the briefs of all",
        "others",
        "services/prep/store/preps.py::delete_of_account",
        InText("WHERE account_id = $1", "WHERE $1::uuid IS NOT NULL"),
        (f"{PREP_ROWS}::test_a_purge_takes_what_is_its_own_and_nothing_else",),
    ),
    Mutation(
        "an API token is deleted by another user",
        "others",
        "services/auth/store/api_tokens.py::delete_api_token",
        InText("AND user_id = $2", "AND $2::uuid IS NOT NULL"),
        (f"{AUTH_CREDENTIALS}::test_an_api_token_is_its_users_and_is_listed_oldest_first",),
    ),
    Mutation(
        "who gave an account up is signed in with it",
        "others",
        "services/auth/store/users.py::get_owner",
        InText("ORDER BY connected DESC", "ORDER BY connected"),
        (f"{AUTH_LINKING}::test_an_account_leads_to_who_has_it_and_not_to_who_gave_it_up",),
    ),
)
