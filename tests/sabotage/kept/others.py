"""Nobody else's: whose a row is, looked at in every query."""

from tests.sabotage.mutation import InText, Mutation, Replace

STORE = "tests/integration/gateway/test_gateway_store.py"
ENDS = "tests/integration/gateway/test_gateway_stream_ends.py"

MUTATIONS = (
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
)
