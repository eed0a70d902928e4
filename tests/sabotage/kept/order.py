"""In the right order, place and time: what is harmful because it comes too early, too late or uncounted."""

from tests.sabotage.mutation import InText, Mutation, Replace

LIMITS = "tests/integration/gateway/test_gateway_limits.py"
COUNTING = "tests/integration/gateway/test_gateway_counting.py"
EDGES = "tests/integration/gateway/test_gateway_edges.py"
OUTBOX = "tests/integration/common/test_outbox.py"
QUOTA = "tests/integration/common/test_google_quota.py"
REQUESTS = "tests/integration/gateway/test_gateway_requests.py"
SETTLING = "tests/integration/common/test_bus_settling.py"
STORE = "tests/integration/gateway/test_gateway_store.py"
LIVE = "tests/integration/gateway/test_gateway_live_updates.py"

MUTATIONS = (
    Mutation(
        "a bucket of requests that is never emptied",
        "order",
        "services/gateway/limits/token_bucket.lua",
        InText("'tokens', tokens - 1,", "'tokens', tokens,"),
        (f"{LIMITS}::test_two_replicas_count_together",),
    ),
    Mutation(
        "a pause that the other side demands is not kept",
        "order",
        "libs/common/bus/delivery.py::Delivery._postpone",
        Replace("max(requested, OUTAGE_DELAY_SECONDS)", "OUTAGE_DELAY_SECONDS"),
        (f"{SETTLING}::test_a_batch_that_met_an_outage_comes_again_as_a_whole_and_has_not_failed",),
    ),
    Mutation(
        "an outbox that is relayed newest first",
        "order",
        "libs/common/outbox.py::relay",
        InText("ORDER BY id LIMIT $2", "ORDER BY id DESC LIMIT $2"),
        (f"{OUTBOX}::test_events_come_out_in_the_order_in_which_they_were_added_and_under_their_trace",),
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
            "list_notifications(context.db, user.id, unread=True, limit=NEWEST)",
            "list_notifications(context.db, user.id, limit=NEWEST)",
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
        "a pause of Google's that a shorter one ends",
        "order",
        "libs/common/google/hold.lua",
        InText("if until_ms > tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) then", "if until_ms > 0 then"),
        (f"{QUOTA}::test_after_a_429_no_replica_calls_for_that_mailbox_until_it_is_over",),
    ),
    Mutation(
        "an event from before an account was disconnected notifies after it",
        "order",
        "services/gateway/handlers/deletions.py::purge_account",
        Replace("await accounts.note_event(connection, event)", ""),
        (f"{LIVE}::test_what_comes_late_about_an_account_notifies_nobody",),
    ),
    Mutation(
        "an import that takes live work's share of the quota",
        "order",
        "libs/common/google/quota.lua",
        InText("bucket.ceiling * (1 - live_share)), bucket.next", "bucket.ceiling), bucket.next"),
        (f"{QUOTA}::test_an_import_leaves_live_work_its_share_also_where_that_has_taken_more",),
    ),
    Mutation(
        "an import whose calls all stand in line",
        "order",
        "libs/common/google/quota.py::Mailbox.admit",
        Replace(
            "async with self._turn:\n    await self._wait(self.quota_limiter, units, priority)",
            "await self._wait(self.quota_limiter, units, priority)",
        ),
        (f"{QUOTA}::test_live_work_does_not_queue_behind_an_import",),
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
)
