"""In the right order, in the API, the pages, notifications and webhooks (`gateway`)."""

from tests.sabotage.mutation import InText, Mutation, Replace

LIMITS = "tests/integration/gateway/test_gateway_limits.py"
COUNTING = "tests/integration/gateway/test_gateway_counting.py"
EDGES = "tests/integration/gateway/test_gateway_edges.py"
REQUESTS = "tests/integration/gateway/test_gateway_requests.py"
STORE = "tests/integration/gateway/test_gateway_store.py"
LIVE = "tests/integration/gateway/test_gateway_live_updates.py"
TOGETHER = "test_kinds_that_were_requested_together_share_a_notification_that_grows_and_is_news_again"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a bucket of requests that is never emptied",
        "order",
        "services/gateway/limits/token_bucket.lua",
        InText("'tokens', tokens - 1,", "'tokens', tokens,"),
        (f"{LIMITS}::test_two_replicas_count_together",),
    ),
    Mutation(
        "a list of notifications that begins with the oldest",
        "order",
        "services/gateway/store/notifications.py::list_notifications",
        InText("ORDER BY id DESC", "ORDER BY id"),
        (f"{STORE}::test_lists_are_newest_first_from_page_to_page_and_unread_ones_are_those_that_are_counted",),
    ),
    Mutation(
        "a page of notifications that repeats the last one of the page before",
        "order",
        "services/gateway/store/notifications.py::list_notifications",
        InText("id < $3", "id <= $3"),
        (f"{STORE}::test_lists_are_newest_first_from_page_to_page_and_unread_ones_are_those_that_are_counted",),
    ),
    Mutation(
        "a home page whose badge does not count what is below it",
        "order",
        "services/gateway/pages/home.py::show_home",
        Replace(
            "list_notifications(visit.context.db, visit.user_id, unread=True, limit=NEWEST)",
            "list_notifications(visit.context.db, visit.user_id, limit=NEWEST)",
        ),
        (f"{EDGES}::test_the_home_page_shows_the_newest_unread_notifications_and_counts_them_all",),
    ),
    Mutation(
        "an event of an account that counts after a later one",
        "order",
        "services/gateway/store/accounts.py::note_event",
        InText("accounts.sequence <= excluded.sequence AND", ""),
        (f"{STORE}::test_events_of_an_account_count_in_their_order_and_never_after_its_purge",),
    ),
    Mutation(
        "a timeline that is always its first page",
        "order",
        "services/gateway/api/contacts.py::list_interactions",
        Replace("query.cursor", "None"),
        (f"{REQUESTS}::test_each_operation_requests_what_its_caller_asked_for_in_their_own_name",),
    ),
    Mutation(
        "a command that may be done after its caller gave up",
        "order",
        "services/gateway/api/endpoint.py::COMMAND_SECONDS",
        Replace("30.0", "10.0"),
        (f"{REQUESTS}::test_each_operation_requests_what_its_caller_asked_for_in_their_own_name",),
    ),
    Mutation(
        "a bucket of requests that saves up hours",
        "order",
        "services/gateway/limits/token_bucket.lua",
        InText(
            "math.min(capacity, tokens + math.max(0, now - at) * per_ms)", "tokens + math.max(0, now - at) * per_ms"
        ),
        (f"{COUNTING}::test_a_bucket_fills_steadily_and_never_beyond_its_brim",),
    ),
    Mutation(
        "an event from before an account was disconnected notifies after it",
        "order",
        "services/gateway/handlers/deletions.py::purge_account",
        Replace("await accounts.note_event(connection, event)", ""),
        (f"{LIVE}::test_what_comes_late_about_an_account_notifies_nobody",),
    ),
    Mutation(
        "a notification that is pushed before others can read it",
        "order",
        "services/gateway/handlers/notifications.py::notify",
        Replace(
            "notification_id = await store.insert_notification(connection, new)",
            "notification_id = await store.insert_notification(connection, new)\n"
            "        await context.bus.publish(NotificationCreated(user_id=new.user_id, notification_id=notification_id))",
        ),
        (f"{LIVE}::test_a_notification_is_pushed_when_others_can_read_it_and_again_when_its_event_comes_again",),
    ),
    Mutation(
        "kinds that were requested together and end at once are two notifications",
        "order",
        "services/gateway/store/notifications.py::_find_requested_together",
        InText("SELECT pg_advisory_xact_lock(", "SELECT ("),
        (f"{STORE}::{TOGETHER}",),
    ),
    Mutation(
        "a notification that grows after it was read is no news",
        "order",
        "services/gateway/store/notifications.py::_add",
        InText("CASE WHEN $4 THEN NULL ELSE read_at END", "CASE WHEN $4 THEN read_at ELSE read_at END"),
        (f"{STORE}::{TOGETHER}",),
    ),
    Mutation(
        "a page that answers a form is fetched anew from where that was sent",
        "order",
        "services/gateway/pages/settings.py::settings_page",
        Replace('"/settings"', '""'),
        (
            "tests/integration/gateway/test_gateway_settings_pages.py"
            "::test_a_page_that_answers_a_form_is_fetched_anew_from_where_it_is_and_keeps_a_secret_that_is_shown_once",
        ),
    ),
    Mutation(
        "a call of a webhook more is kept than is shown",
        "order",
        "services/gateway/store/webhook_calls.py::insert_call",
        Replace("KEPT - 1", "KEPT"),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_the_last_calls_of_each_user_are_kept_newest_first",
        ),
    ),
    Mutation(
        "a new secret that is as old as the first",
        "order",
        "services/gateway/store/webhook_secrets.py::next_generation",
        InText("+ 1, made_at = now()", "+ 1"),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_a_new_secret_is_counted_and_dated_for_its_own_user",
        ),
    ),
    Mutation(
        "a zone that is guessed where it can not be known",
        "order",
        "services/gateway/preferences.py::get_preferences",
        Replace("refused.status == 404", "True"),
        ("tests/unit/gateway/test_user_zones.py::test_a_zone_that_can_not_be_known_now_is_not_guessed",),
    ),
    Mutation(
        "operators see old numbers as those of now",
        "order",
        "services/gateway/domain/operations.py::operations_view",
        Replace(
            'min((found.value for found in numbers.named("pingcrm_measured_timestamp_seconds")), default=None)',
            'max((found.value for found in numbers.named("pingcrm_measured_timestamp_seconds")), default=None)',
        ),
        ("tests/unit/gateway/test_operations_rules.py::test_the_page_has_the_numbers_of_the_measurements_in_words",),
    ),
)
