"""Nothing lost: store, publish, then acknowledge or move the cursor."""

from tests.sabotage.mutation import InText, Mutation, Replace, Swap

SYNC = "tests/integration/sync"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a message is written down before it is published",
        "lost",
        "services/sync/mail/recording.py::_record",
        Swap("await run.engine.bus.publish(...)", "await run.settle(...)"),
        (
            f"{SYNC}/test_sync_lost_leases.py::test_a_run_that_loses_its_lease_or_the_bus_writes_nothing_more_and_who_goes_on_ends_where_it_would_have[first_mail]",
        ),
    ),
    Mutation(
        "a removal of mail is written down before it is published",
        "lost",
        "services/sync/mail/history.py::remove_messages",
        Swap("await run.engine.bus.publish(...)", "async with run.step() as step:\n    ..."),
        (
            f"{SYNC}/test_sync_lost_leases.py::test_a_run_that_loses_its_lease_or_the_bus_writes_nothing_more_and_who_goes_on_ends_where_it_would_have[followed_mail]",
        ),
    ),
    Mutation(
        "the end of a card is written down before it is published",
        "lost",
        "services/sync/people.py::_publish_deletions",
        Swap("await run.engine.bus.publish(...)", "async with run.step() as step:\n    ..."),
        (
            f"{SYNC}/test_sync_lost_leases.py::test_a_run_that_loses_its_lease_or_the_bus_writes_nothing_more_and_who_goes_on_ends_where_it_would_have[followed_cards]",
        ),
    ),
    Mutation(
        "a card is marked as published though it changed meanwhile",
        "lost",
        "services/sync/store/people.py::mark_people_published",
        InText("AND people.revision = published.revision", ""),
        (
            f"{SYNC}/test_sync_store_published.py::test_a_card_is_published_when_it_is_new_changed_or_back_and_with_a_higher_revision_each_time",
        ),
    ),
    Mutation(
        "a meeting is marked as published though it changed meanwhile",
        "lost",
        "services/sync/store/meetings.py::mark_meetings_published",
        InText("AND meetings.revision = published.revision", ""),
        (f"{SYNC}/test_sync_store_published.py::test_a_change_while_its_meeting_was_being_published_is_published_too",),
    ),
    Mutation(
        "Pub/Sub is acknowledged before the bus has the notification",
        "lost",
        "services/sync/mail/push.py::pull_notifications",
        Swap("await bus.publish(...)", "await subscription.acknowledge(...)"),
        (f"{SYNC}/test_sync_handlers.py::test_what_the_bus_did_not_take_is_not_acknowledged",),
    ),
    Mutation(
        "a prep scan is done before its meetings are published",
        "lost",
        "services/sync/calendar/prep_scan.py::scan_if_due",
        Swap(
            "await _publish_upcoming(...)",
            "async with run.db.acquire() as connection:\n    await prep_scans.clear(connection, run.lease.run_id)",
        ),
        (
            f"{SYNC}/test_sync_schedules.py::test_a_scan_publishes_the_meetings_that_start_soon_once_and_is_done_when_they_are_published",
        ),
    ),
    Mutation(
        "a run that was wanted meanwhile does not follow",
        "lost",
        "services/sync/runs/outcome.py::conclude",
        Replace("await queue.enqueue(connection, [RunRequest(ended.account_id, ended.kind, ended.again)])", ""),
        (f"{SYNC}/test_sync_run_ends.py::test_what_was_wanted_meanwhile_follows_a_run_that_ended_well",),
    ),
    Mutation(
        "a worker forgets what was requested while it looked",
        "lost",
        "services/sync/runs/worker.py::Worker.keep_running",
        Swap("queue.forget_wakes()", "acquired = await self._acquire(holder, self._capacity())"),
        (f"{SYNC}/test_sync_worker.py::test_what_was_requested_while_it_looked_is_looked_for_at_once",),
    ),
    Mutation(
        "of messages with one place in the queue some are skipped",
        "lost",
        "services/sync/store/ledger.py::list_pending",
        InText("FETCH FIRST ($3) ROWS WITH TIES", "LIMIT $3"),
        (f"{SYNC}/test_sync_mail.py::test_messages_that_one_change_touched_are_all_read_however_many",),
    ),
    Mutation(
        "a message that came back is not fetched",
        "lost",
        "services/sync/store/ledger.py::add_listed",
        InText("ELSE messages.state END RETURNING", "ELSE messages.state END WHERE false RETURNING"),
        (
            f"{SYNC}/test_sync_store_ledger.py::test_what_is_listed_is_pending_in_the_order_of_the_list_and_only_what_was_hidden_comes_back",
        ),
    ),
    Mutation(
        "the addresses of an account are known before they are published",
        "lost",
        "services/sync/mail/sync.py::identify",
        Swap(
            "await run.engine.bus.publish(...)",
            "async with run.writing_account() as connection:\n"
            "    await accounts.set_aliases(connection, run.lease.account_id, aliases)\n"
            "    renewed = await accounts.get_account(connection, run.lease.account_id)",
        ),
        (
            f"{SYNC}/test_sync_lost_leases.py::test_a_run_that_loses_its_lease_or_the_bus_writes_nothing_more_and_who_goes_on_ends_where_it_would_have[first_mail]",
        ),
    ),
    Mutation(
        "a look that met an outage is over",
        "lost",
        "services/sync/runs/worker.py::Worker._work",
        Replace(
            "error is None and lease.reason in QUIET_WHEN_WELL and await self._deleted(lease)",
            "lease.reason in QUIET_WHEN_WELL and await self._deleted(lease)",
        ),
        (f"{SYNC}/test_sync_run_ends.py::test_an_outage_puts_the_run_off_and_it_is_known_since_when",),
    ),
    Mutation(
        "a listing that was cut short counts as one that reached its end",
        "lost",
        "services/sync/mail/listing.py::widen",
        Replace(
            "None if cursor.listing else rules.since(run.now, cursor.lookback_days)",
            "rules.since(run.now, cursor.lookback_days)",
        ),
        (
            f"{SYNC}/test_sync_lost_leases.py::test_a_longer_lookback_lists_everything_again_where_a_shorter_one_was_not_listed_to_its_end",
        ),
    ),
)
