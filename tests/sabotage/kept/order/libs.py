"""In the right order, in what every service shares: the bus, the outbox, the edges (`libs`)."""

from tests.sabotage.mutation import InText, Mutation, Replace

OUTBOX = "tests/integration/common/test_outbox.py"
QUOTA = "tests/integration/common/test_google_quota.py"
SETTLING = "tests/integration/common/test_bus_settling.py"

MUTATIONS: tuple[Mutation, ...] = (
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
        "a pause of Google's that a shorter one ends",
        "order",
        "libs/common/google/hold.lua",
        InText("if until_ms > tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) then", "if until_ms > 0 then"),
        (f"{QUOTA}::test_after_a_429_no_replica_calls_for_that_mailbox_until_it_is_over",),
    ),
    Mutation(
        "an import that takes live work's share of the quota",
        "order",
        "libs/common/google/quota.lua",
        InText("bucket.ceiling * (1 - live_share)), bucket.next", "bucket.ceiling), bucket.next"),
        (f"{QUOTA}::test_an_import_leaves_live_work_its_share_also_where_that_has_taken_more",),
    ),
    Mutation(
        "units that are free again before their minute is over",
        "order",
        "libs/common/google/quota.lua",
        InText("bucket.units[slot - bucket.slots] or 0", "bucket.units[slot - bucket.slots + 1] or 0"),
        (
            f"{QUOTA}::test_an_import_beside_which_mail_comes_uses_99_per_cent_of_every_minute_and_new_mail_goes_at_once",
        ),
    ),
    Mutation(
        "events that are published together and are more than a stream takes",
        "order",
        "libs/common/bus/publisher.py::Publisher._next_together",
        Replace("PUBLISHES_AT_ONCE", "10 * PUBLISHES_AT_ONCE"),
        (
            "tests/unit/common/test_bus_publisher.py::test_a_batch_holds_as_many_as_a_stream_takes_and_one_publisher_s_are_not_divided",
        ),
    ),
    Mutation(
        "a token that Google has refused is held for what else it covers",
        "order",
        "libs/common/google/tokens.py::AccountTokens.__call__",
        Replace("token.expires_at > until and token.access_token != rejected", "token.expires_at > until"),
        (
            "tests/unit/google_edge/test_google_edge_words.py::test_a_token_is_good_for_all_scopes_that_it_covers_and_of_a_rejected_one_nothing_is",
        ),
    ),
    Mutation(
        "the calendar's requests are counted as Gmail's",
        "order",
        "libs/common/google/api.py::Google._open",
        Replace("session.on_calendars(...)", "session"),
        (f"{QUOTA}::test_the_calendar_s_requests_stay_below_the_project_s_ceiling_and_cost_gmail_nothing",),
    ),
    Mutation(
        "operators see the calendar's requests as units of Gmail's quota",
        "order",
        "libs/common/google/quota.py::Mailbox._wait",
        Replace("QUOTA_UNITS.labels(self.api, priority)", 'QUOTA_UNITS.labels("gmail", priority)'),
        (f"{QUOTA}::test_the_calendar_s_requests_stay_below_the_project_s_ceiling_and_cost_gmail_nothing",),
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
        "an import whose requests are in the way of new mail",
        "order",
        "libs/common/google/batch_get.py::_most_units",
        Replace('session.priority == "backfill" and per_second', 'session.priority == "live" and per_second'),
        (
            "tests/unit/google_edge/test_google_edge_batch_get.py::test_an_import_requests_no_more_at_a_time_than_its_quota_gives_in_a_moment",
        ),
    ),
)
