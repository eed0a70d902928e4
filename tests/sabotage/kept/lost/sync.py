"""Nothing lost, in cards and calendars out of Google, and their runs (`sync`)."""

from tests.sabotage.kept.lost import life
from tests.sabotage.mutation import InText, Mutation, Replace, Swap

SYNC = "tests/integration/sync"

MUTATIONS: tuple[Mutation, ...] = (
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
        "a prep scan is gone with the run that ended before its moment",
        "lost",
        "services/sync/runs/outcome.py::conclude",
        Replace(
            'await queue.enqueue(connection, [RunRequest(ended.account_id, ended.kind, "poll", scan_in, scan=True)])',
            "",
        ),
        (
            f"{SYNC}/test_sync_run_ends.py::test_a_scan_whose_moment_is_still_to_come_has_a_run_of_its_own_at_that_moment",
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
        "cards marked as published before they are",
        "lost",
        "services/sync/people.py::_keep",
        Replace(
            'await reached("sync.people.stored")',
            "async with run.writing() as connection:\n"
            "        await people.mark_people_published(\n"
            "            connection, account_id, {name: revision for name, (revision, _) in unpublished.items()})\n"
            '    await reached("sync.people.stored")',
        ),
        life("first_items-fails"),
    ),
    Mutation(
        "deleted cards marked as published before they are",
        "lost",
        "services/sync/people.py::_publish_deletions",
        Swap(
            "await run.engine.bus.publish(...)",
            "async with run.step() as step:\n"
            "    await people.mark_people_published(step.connection, run.lease.account_id, gone)\n"
            "    step.count(Tally(removed=len(gone)))",
        ),
        life("cards-fails"),
    ),
    Mutation(
        "meetings marked as published before they are",
        "lost",
        "services/sync/calendar/sync.py::_publish_changes",
        Replace(
            'await reached("sync.calendar.found")',
            "async with run.writing() as connection:\n"
            "            await meetings.mark_meetings_published(\n"
            "                connection, {change.meeting.meeting_id: change.meeting.revision for change in unpublished})\n"
            '        await reached("sync.calendar.found")',
        ),
        life("meetings-fails"),
    ),
    Mutation(
        "the end of a run and its event in two transactions",
        "lost",
        "services/sync/runs/outcome.py::conclude",
        Replace("queue.transaction(run.db)", "run.db.acquire()"),
        life("first_items-fails"),
    ),
    Mutation(
        "an account stored and its runs requested in two transactions",
        "lost",
        "services/sync/handlers/accounts.py::connect",
        Replace("context.queue.transaction(context.db)", "context.db.acquire()"),
        life("first_mail-fails"),
    ),
    Mutation(
        "a poll that is cut off is the last one",
        "lost",
        "services/sync/handlers/schedules.py::keep_polling",
        Replace("await context.bus.run_guarded(lambda: poll_due(context, every))", "await poll_due(context, every)"),
        ("tests/unit/sync/test_sync_loops.py::test_a_loop_does_its_work_again_and_again_whatever_comes_of_it",),
    ),
    Mutation(
        "who has ended a run loses it before what follows is done",
        "lost",
        "services/sync/store/leases.py::renew",
        InText(
            "AS named (run_id, fence))",
            "AS named (run_id, fence) WHERE run_id IN (SELECT run_id FROM runs WHERE state = 'running'))",
        ),
        (
            "tests/integration/sync/test_sync_store_leases.py::test_who_has_ended_a_run_does_not_lose_it_before_what_follows_is_done",
        ),
    ),
    Mutation(
        "meetings of an older release are published again under a revision that counts for nothing",
        "lost",
        "services/sync/migrations/0007_organizers.sql",
        InText("said = false, revision = revision + 1", "said = false"),
        (
            "tests/integration/local/test_local_upgrade.py::test_what_an_older_release_stored_keeps_its_meaning_and_what_follows_from_newer_rules_is_due",
        ),
    ),
)
