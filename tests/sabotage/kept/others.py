"""Nobody else's: whose a row is, looked at in every query."""

from tests.sabotage.mutation import InText, Mutation

STORE = "tests/integration/gateway/test_gateway_store.py"

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
)
